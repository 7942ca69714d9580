//! FRR: bgpd with zebra and bfdd.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Role, Route};

pub(super) struct Frr;

impl Adapter for Frr {
    fn title(&self) -> &'static str {
        "FRR"
    }

    fn image(&self) -> Option<&'static str> {
        Some("frr")
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["/usr/lib/frr/bgpd", "--version"]
    }

    fn lacks(&self, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::TwoOctetAsns => Some("FRR always advertises 4-octet AS numbers"),
            Feature::AddPathNumber => Some("FRR 8.4 always sends all paths"),
            Feature::LongLivedRestart => Some("FRR 8.4 does not advertise the capability by configuration"),
            _ => None,
        }
    }

    fn files(&self, node: &Node, _: Start) -> Vec<File> {
        let conf = render(node).expect("writing to a String cannot fail");
        let mut script = "cd /run/frr\n".to_owned();
        // Without the kernel, zebra only resolves next hops.
        script += "/usr/lib/frr/zebra -d -A 127.0.0.1 -f /dev/null\n";
        if node.all_peers().any(|peer| peer.bfd) {
            script += &format!("/usr/lib/frr/bfdd -d -A 127.0.0.1 -f {}/bfdd.conf\n", Container::FOLDER);
        }
        let no_kernel = if node.kernel { "" } else { "-n " };
        script += &format!(
            "exec /usr/lib/frr/bgpd {no_kernel}-A 127.0.0.1 --log stdout -f {}/bgpd.conf\n",
            Container::FOLDER
        );
        let bfd =
            "bfd\n profile fast\n  receive-interval 100\n  transmit-interval 100\n  detect-multiplier 3\n";
        vec![
            File::new("bgpd.conf", conf),
            File::new("bfdd.conf", bfd.to_owned()),
            File::new("start.sh", script),
        ]
    }

    fn command(&self) -> &'static [&'static str] {
        &["sh", "/etc/margay/start.sh"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        vtysh(container, "show bgp summary").map(drop)
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let known = neighbor(container, peer)?;
        let state = known["bgpState"].as_str().with_context(|| known.to_string())?;
        Ok(state.to_lowercase())
    }

    fn routes(&self, container: &Container, _: &Node) -> Result<Vec<Route>> {
        let mut routes = Vec::new();
        for family in Family::ALL {
            let answer = vtysh(container, &format!("show bgp {} unicast json detail", family.name()))?;
            let table: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
            for (prefix, paths) in table["routes"].as_object().into_iter().flatten() {
                // The first element is a head without attributes.
                let paths = paths.as_array().into_iter().flatten().filter(|path| path["aspath"].is_object());
                for path in paths.filter(|path| path["sourced"].as_bool() != Some(true)) {
                    routes.push(parse_path(prefix, path).with_context(|| format!("{prefix}: {path}"))?);
                }
            }
        }
        Ok(routes)
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        vtysh(container, &format!("clear bgp {} soft in", place(peer))).map(drop)
    }

    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()> {
        let shutdown = format!("neighbor {} shutdown message {text}", place(peer));
        let answer =
            container.exec(&["vtysh", "-c", "configure terminal", "-c", "router bgp", "-c", &shutdown])?;
        ensure!(!answer.contains('%'), "{answer}");
        Ok(())
    }
}

fn vtysh(container: &Container, words: &str) -> Result<String> {
    let answer = container.exec(&["vtysh", "-d", "bgpd", "-c", words])?;
    ensure!(!answer.starts_with('%'), "{words}: {answer}");
    Ok(answer)
}

fn neighbor(container: &Container, peer: &Peer) -> Result<Value> {
    let answer = vtysh(container, &format!("show bgp neighbors {} json", place(peer)))?;
    let known: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    Ok(known[place(peer)].clone())
}

/// How the daemon names the peer.
fn place(peer: &Peer) -> String {
    peer.address.to_string()
}

fn parse_path(prefix: &str, path: &Value) -> Option<Route> {
    let number = |value: &Value| value.as_u64().and_then(|number| number.try_into().ok());
    let hops = path["nexthops"].as_array()?;
    let global =
        hops.iter().find(|hop| hop["scope"].as_str() != Some("link-local")).or_else(|| hops.first())?;
    let list = |name: &str| {
        let all = path[name]["list"].as_array().into_iter().flatten();
        all.filter_map(|one| one.as_str().map(well_known)).collect::<BTreeSet<_>>()
    };
    Some(Route {
        prefix: prefix.parse().ok()?,
        best: path["bestpath"]["overall"].as_bool().or_else(|| path["bestpath"].as_bool()).unwrap_or(false),
        next_hop: global["ip"].as_str()?.parse().ok()?,
        as_path: path["aspath"]["string"]
            .as_str()
            .filter(|text| *text != "Local")
            .unwrap_or_default()
            .to_owned(),
        med: number(&path["metric"]),
        local_pref: number(&path["locPrf"]).or_else(|| number(&path["localpref"])),
        communities: list("community"),
        large_communities: list("largeCommunity"),
    })
}

/// The number of a well-known community.
fn well_known(name: &str) -> String {
    match name {
        "noExport" | "no-export" => "65535:65281".to_owned(),
        "noAdvertise" | "no-advertise" => "65535:65282".to_owned(),
        "gracefulShutdown" | "graceful-shutdown" => "65535:0".to_owned(),
        "llgrStale" | "llgr-stale" => "65535:6".to_owned(),
        other => other.to_owned(),
    }
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf = String::new();
    for network in node.networks.iter().filter(|network| !network.is_plain()) {
        write_attributes(&mut conf, network)?;
    }
    for peer in node.all_peers() {
        if let Some(value) = peer.local_pref_in {
            writeln!(conf, "route-map in-{} permit 10\n set local-preference {value}", peer.name)?;
        }
    }
    writeln!(conf, "router bgp {}\n bgp router-id {}", node.asn, node.router_id)?;
    writeln!(
        conf,
        " no bgp ebgp-requires-policy\n no bgp network import-check\n no bgp suppress-duplicates\n coalesce-time 0"
    )?;
    writeln!(conf, " bgp graceful-restart preserve-fw-state\n bgp deterministic-med")?;
    if let Some(cluster) = node.cluster_id {
        writeln!(conf, " bgp cluster-id {cluster}")?;
    }
    for peer in node.all_peers() {
        if let Some(restart) = peer.restart {
            writeln!(conf, " bgp graceful-restart restart-time {}", restart.time)?;
            let no = if restart.on_notification { "" } else { "no " };
            writeln!(conf, " {no}bgp graceful-restart notification")?;
        }
    }
    for peer in &node.peers {
        writeln!(conf, " neighbor {} remote-as {}", peer.address, peer.asn)?;
        write_peer(&mut conf, &place(peer), peer)?;
    }
    if let Some((range, peer)) = &node.range {
        writeln!(conf, " neighbor range peer-group\n neighbor range remote-as {}", peer.asn)?;
        write_peer(&mut conf, "range", peer)?;
        writeln!(conf, " bgp listen range {range} peer-group range")?;
    }
    for family in Family::ALL {
        write_family(&mut conf, node, family)?;
    }
    Ok(conf)
}

fn write_attributes(conf: &mut String, network: &Network) -> fmt::Result {
    writeln!(conf, "route-map {} permit 10", map_of(network))?;
    if let Some(med) = network.med {
        writeln!(conf, " set metric {med}")?;
    }
    if !network.communities.is_empty() {
        writeln!(conf, " set community {}", network.communities.join(" "))?;
    }
    if !network.large_communities.is_empty() {
        writeln!(conf, " set large-community {}", network.large_communities.join(" "))?;
    }
    Ok(())
}

fn map_of(network: &Network) -> String {
    format!("net-{}", network.prefix).replace(['/', ':', '.'], "-")
}

fn write_peer(conf: &mut String, place: &str, peer: &Peer) -> fmt::Result {
    let mut line = |words: &str| writeln!(conf, " neighbor {place} {words}");
    line(&format!("timers {} {}", peer.hold_time / 3, peer.hold_time))?;
    line("timers connect 2")?;
    line("advertisement-interval 0")?;
    let mut flag = |words: &str, on: bool| if on { line(words) } else { Ok(()) };
    flag("passive", peer.passive)?;
    flag("capability extended-nexthop", peer.extended_next_hop && peer.interface.is_none())?;
    flag("ttl-security hops 1", peer.ttl_security)?;
    // Without it, the daemon still helps its peers: it never sends End-of-RIB otherwise, and answers no refresh before that.
    flag("graceful-restart", peer.restart.is_some())?;
    flag("bfd profile fast", peer.bfd)?;
    match &peer.interface {
        Some(interface) => line(&format!("interface {interface}"))?,
        None if peer.local_address.is_unspecified() => {}
        None => line(&format!("update-source {}", peer.local_address))?,
    }
    if let Some(password) = &peer.password {
        line(&format!("password {password}"))?;
    }
    if let Some(hops) = peer.hops {
        line(&format!("ebgp-multihop {hops}"))?;
    }
    if let Some(role) = peer.role {
        let name = match role {
            Role::Provider => "provider",
            Role::Customer => "customer",
        };
        line(&format!("local-role {name}"))?;
    }
    Ok(())
}

fn write_family(conf: &mut String, node: &Node, family: Family) -> fmt::Result {
    writeln!(conf, " address-family {} unicast", family.name())?;
    for network in node.networks_of(family) {
        let map = if network.is_plain() { String::new() } else { format!(" route-map {}", map_of(network)) };
        writeln!(conf, "  network {}{map}", network.prefix)?;
    }
    let places = node.peers.iter().map(|peer| (place(peer), peer));
    for (place, peer) in places.chain(node.range.iter().map(|(_, peer)| ("range".to_owned(), peer))) {
        if !peer.has(family) {
            writeln!(conf, "  no neighbor {place} activate")?;
            continue;
        }
        let mut line = |words: &str, on: bool| {
            if on { writeln!(conf, "  neighbor {place} {words}") } else { Ok(()) }
        };
        line("activate", true)?;
        line("route-reflector-client", peer.client)?;
        line("route-server-client", peer.route_server_client)?;
        line("next-hop-self", peer.next_hop_self)?;
        line("addpath-tx-all-paths", peer.add_path.send.is_some())?;
        line("disable-addpath-rx", !peer.add_path.receive)?;
        if let Some(limit) = peer.prefix_limit {
            line(&format!("maximum-prefix {limit}"), true)?;
        }
        if peer.local_pref_in.is_some() {
            line(&format!("route-map in-{} in", peer.name), true)?;
        }
    }
    writeln!(conf, " exit-address-family")
}
