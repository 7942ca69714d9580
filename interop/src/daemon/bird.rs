//! BIRD 2.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result, ensure};

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Role, Route};

pub(super) struct Bird;

impl Adapter for Bird {
    fn title(&self) -> &'static str {
        "BIRD"
    }

    fn image(&self) -> Option<&'static str> {
        Some("bird")
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["sh", "-c", "bird --version 2>&1"]
    }

    fn lacks(&self, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::AddPathNumber => Some("BIRD always sends all paths"),
            Feature::RestartOnNotification => Some("BIRD does not have RFC 8538"),
            Feature::GracefulShutdown => Some("in BIRD, a filter has to do it"),
            _ => None,
        }
    }

    fn files(&self, node: &Node, start: Start) -> Vec<File> {
        let recovering = if start == Start::Recovering { "-R " } else { "" };
        let script = format!("exec bird {recovering}-f -c {}/bird.conf -s {SOCKET}\n", Container::FOLDER);
        let conf = render(node).expect("writing to a String cannot fail");
        vec![File::new("bird.conf", conf), File::new("start.sh", script)]
    }

    fn command(&self) -> &'static [&'static str] {
        &["sh", "/etc/margay/start.sh"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        birdc(container, "show status").map(drop)
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let answer = birdc(container, &format!("show protocols all {}", symbol(peer)))?;
        let state = answer.lines().find_map(|line| line.trim().strip_prefix("BGP state:"));
        Ok(state.with_context(|| answer.clone())?.trim().to_lowercase())
    }

    fn routes(&self, container: &Container, _: &Node) -> Result<Vec<Route>> {
        parse_routes(&birdc(container, "show route all where source = RTS_BGP")?)
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        let answer = birdc(container, &format!("reload in {}", symbol(peer)))?;
        ensure!(answer.contains("reloading"), "{answer}");
        Ok(())
    }

    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()> {
        let answer = birdc(container, &format!("disable {} \"{text}\"", symbol(peer)))?;
        ensure!(answer.contains("disabled"), "{answer}");
        Ok(())
    }
}

const SOCKET: &str = "/run/bird.ctl";

fn birdc(container: &Container, words: &str) -> Result<String> {
    container.exec(&[&["birdc", "-s", SOCKET][..], &words.split_whitespace().collect::<Vec<_>>()].concat())
}

/// The name of a peer in the configuration, where many short words are reserved.
fn symbol(peer: &Peer) -> String {
    format!("peer_{}", peer.name)
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf = format!("log stderr all;\nrouter id {};\nprotocol device {{}}\n", node.router_id);
    for family in Family::ALL {
        let table = family.name();
        // Connected subnets resolve next hops; only learned routes go to the kernel.
        let export = if node.kernel { "where source = RTS_BGP" } else { "none" };
        writeln!(conf, "protocol direct {{ {table}; }}")?;
        writeln!(
            conf,
            "protocol kernel {{ merge paths on; persist; {table} {{ import none; export {export}; }}; }}"
        )?;
        writeln!(conf, "protocol static {{ {table} {{ preference 250; }};")?;
        for network in node.networks_of(family) {
            writeln!(conf, "  route {} blackhole {{ {} }};", network.prefix, attributes(network))?;
        }
        writeln!(conf, "}}")?;
    }
    if node.all_peers().any(|peer| peer.bfd) {
        writeln!(
            conf,
            "protocol bfd {{ interface \"*\" {{ interval 100 ms; multiplier 3; }}; multihop {{ interval 100 ms; multiplier 3; }}; }}"
        )?;
    }
    for peer in &node.peers {
        let link = peer.interface.as_ref().map(|interface| format!("%'{interface}'")).unwrap_or_default();
        write_peer(&mut conf, node, peer, &format!("{}{link}", peer.address))?;
    }
    if let Some((range, peer)) = &node.range {
        write_peer(&mut conf, node, peer, &format!("range {range}"))?;
    }
    Ok(conf)
}

fn attributes(network: &Network) -> String {
    let mut words = String::new();
    if let Some(med) = network.med {
        words += &format!("bgp_med = {med}; ");
    }
    for community in &network.communities {
        words += &format!("bgp_community.add(({})); ", community.replace(':', ","));
    }
    for community in &network.large_communities {
        words += &format!("bgp_large_community.add(({})); ", community.replace(':', ","));
    }
    words
}

fn write_peer(conf: &mut String, node: &Node, peer: &Peer, address: &str) -> fmt::Result {
    let on = |on: bool| if on { "on" } else { "off" };
    writeln!(conf, "protocol bgp {} {{", symbol(peer))?;
    let local = if peer.interface.is_some() { String::new() } else { format!("{} ", peer.local_address) };
    writeln!(conf, "  local {local}as {};\n  neighbor {address} as {};", node.asn, peer.asn)?;
    if let Some(interface) = &peer.interface {
        writeln!(conf, "  interface \"{interface}\";")?;
    }
    match peer.hops {
        Some(hops) => writeln!(conf, "  multihop {hops};")?,
        None => writeln!(conf, "  direct;")?,
    }
    writeln!(conf, "  passive {}; hold time {};", on(peer.passive), peer.hold_time)?;
    writeln!(
        conf,
        "  connect delay time 1; connect retry time 2; error wait time 1, 2; error forget time 2;"
    )?;
    writeln!(conf, "  enable as4 {};", on(peer.four_octet_asns))?;
    writeln!(conf, "  enable extended messages {};", on(peer.extended_messages))?;
    write_restart(conf, peer)?;
    if peer.client {
        writeln!(conf, "  rr client;")?;
    }
    if let Some(cluster) = node.cluster_id.filter(|_| peer.asn == node.asn) {
        writeln!(conf, "  rr cluster id {cluster};")?;
    }
    if let Some(password) = &peer.password {
        writeln!(conf, "  password \"{password}\";")?;
    }
    if peer.ttl_security {
        writeln!(conf, "  ttl security on;")?;
    }
    if let Some(role) = peer.role {
        let name = match role {
            Role::Provider => "provider",
            Role::Customer => "customer",
        };
        writeln!(conf, "  local role {name};")?;
    }
    if peer.route_server_client {
        writeln!(conf, "  rs client;")?;
    }
    if peer.bfd {
        writeln!(conf, "  bfd on;")?;
    }
    for family in &peer.families {
        write_channel(conf, peer, *family)?;
    }
    writeln!(conf, "}}")
}

fn write_restart(conf: &mut String, peer: &Peer) -> fmt::Result {
    let Some(restart) = peer.restart else { return writeln!(conf, "  graceful restart off;") };
    writeln!(conf, "  graceful restart on; graceful restart time {};", restart.time)?;
    match restart.long_lived {
        Some(time) => writeln!(conf, "  long lived graceful restart on; long lived stale time {time};"),
        None => writeln!(conf, "  long lived graceful restart off;"),
    }
}

fn write_channel(conf: &mut String, peer: &Peer, family: Family) -> fmt::Result {
    let import = match peer.local_pref_in {
        Some(value) => format!("filter {{ bgp_local_pref = {value}; accept; }}"),
        None => "all".to_owned(),
    };
    write!(conf, "  {} {{ import {import}; export where source ~ [ RTS_STATIC, RTS_BGP ];", family.name())?;
    match (peer.add_path.send.is_some(), peer.add_path.receive) {
        (true, true) => write!(conf, " add paths on;")?,
        (true, false) => write!(conf, " add paths tx;")?,
        (false, true) => write!(conf, " add paths rx;")?,
        (false, false) => {}
    }
    if peer.extended_next_hop && family == Family::Ipv4 {
        write!(conf, " extended next hop on;")?;
    }
    if peer.next_hop_self {
        write!(conf, " next hop self;")?;
    }
    if let Some(limit) = peer.prefix_limit {
        write!(conf, " receive limit {limit} action disable;")?;
    }
    writeln!(conf, " }};")
}

/// Parses the blocks of `show route all`: a line with the prefix, or with none for a further path, then indented lines of
/// attributes.
fn parse_routes(answer: &str) -> Result<Vec<Route>> {
    let mut routes = Vec::new();
    let mut prefix = "";
    let mut block: Option<(&str, bool, Vec<&str>)> = None;
    for line in answer.lines() {
        if line.starts_with('\t') {
            block.iter_mut().for_each(|(_, _, lines)| lines.push(line.trim()));
        } else if line.contains(" [") {
            finish_block(block.take(), &mut routes)?;
            if !line.starts_with(' ') {
                prefix = line.split_whitespace().next().unwrap_or_default();
            }
            block = Some((prefix, line.contains("] * "), Vec::new()));
        }
    }
    finish_block(block, &mut routes)?;
    Ok(routes)
}

fn finish_block(block: Option<(&str, bool, Vec<&str>)>, routes: &mut Vec<Route>) -> Result<()> {
    let Some((prefix, best, lines)) = block else { return Ok(()) };
    let attribute = |name: &str| {
        let line =
            lines.iter().find_map(|line| line.strip_prefix("BGP.")?.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let next_hop = attribute("next_hop").and_then(|value| value.split_whitespace().next());
    routes.push(Route {
        prefix: prefix.parse().with_context(|| format!("{prefix}: {lines:?}"))?,
        best,
        next_hop: next_hop
            .and_then(|hop| hop.parse().ok())
            .with_context(|| format!("{prefix}: {lines:?}"))?,
        as_path: attribute("as_path").unwrap_or_default().to_owned(),
        med: attribute("med").map(str::parse).transpose()?,
        local_pref: attribute("local_pref").map(str::parse).transpose()?,
        communities: attribute("community").map(numbers).unwrap_or_default(),
        large_communities: attribute("large_community").map(numbers).unwrap_or_default(),
    });
    Ok(())
}

/// `(65001,100) (65001,200)` or `(65001, 1, 2)`.
fn numbers(value: &str) -> BTreeSet<String> {
    let groups = value.split(')').filter_map(|group| group.trim().strip_prefix('('));
    groups.map(|group| group.replace(", ", ":").replace(',', ":")).collect()
}

#[cfg(test)]
mod tests {
    use super::parse_routes;

    #[test]
    fn parses_all_paths_of_both_families() {
        let answer = "BIRD 2.0.12 ready.\nTable master4:\n\
            10.0.0.0/24          unicast [one 04:48:02.110 from 172.16.0.1] * (100) [AS65002i]\n\
            \tvia 172.16.0.1 on eth0\n\
            \tBGP.as_path: 65001 65002\n\
            \tBGP.next_hop: 172.16.0.1\n\
            \tBGP.med: 7\n\
            \tBGP.local_pref: 100\n\
            \tBGP.community: (65001,100) (65001,200)\n\
            \tBGP.large_community: (65001, 1, 2)\n\
            \x20                    unicast [two 04:48:02.110] (100) [AS65002i]\n\
            \tvia 172.16.0.3 on eth0\n\
            \tBGP.as_path: 65002\n\
            \tBGP.next_hop: 172.16.0.3\n\
            \n\
            Table master6:\n\
            2001:db8::/64        unreachable [one 04:48:02.110] * (100/-) [i]\n\
            \tBGP.as_path: \n\
            \tBGP.next_hop: 2001:db8:1::1 fe80::1\n";
        let routes = parse_routes(answer).unwrap();
        assert_eq!(routes.len(), 3);
        assert_eq!(routes[0].as_path, "65001 65002");
        assert_eq!((routes[0].med, routes[0].local_pref, routes[0].best), (Some(7), Some(100), true));
        assert!(routes[0].communities.iter().eq(["65001:100", "65001:200"]));
        assert!(routes[0].large_communities.iter().eq(["65001:1:2"]));
        assert_eq!((routes[1].prefix, routes[1].best), (routes[0].prefix, false));
        assert_eq!(routes[2].next_hop.to_string(), "2001:db8:1::1");
        assert_eq!(routes[2].as_path, "");
    }
}
