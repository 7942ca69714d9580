//! GoBGP.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Route};

pub(super) struct Gobgp;

impl Adapter for Gobgp {
    fn title(&self) -> &'static str {
        "GoBGP"
    }

    fn image(&self) -> Option<&'static str> {
        Some("gobgp")
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["gobgpd", "--version"]
    }

    fn lacks(&self, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::Kernel => Some("GoBGP needs zebra for the kernel"),
            Feature::Restart => Some(
                "GoBGP gets its own routes from its client after the start: whether it has them before its End-of-RIB is a race",
            ),
            Feature::AskForRefresh => {
                Some("GoBGP evaluates again what it has kept, and does not ask its peer")
            }
            Feature::EnhancedRefresh => Some("GoBGP only knows the capability"),
            Feature::TwoOctetAsns => Some("GoBGP always advertises 4-octet AS numbers"),
            Feature::ExtendedMessages => Some("GoBGP 3.10 does not advertise extended messages"),
            Feature::LinkLocal => Some("GoBGP finds the neighbor of an interface by router advertisements"),
            Feature::Roles => Some("GoBGP does not have RFC 9234"),
            Feature::Bfd => Some("GoBGP 3.10 does not have BFD"),
            Feature::GracefulShutdown => Some("in GoBGP, a policy has to do it"),
            Feature::SetLocalPref => Some("the adapter writes no policies"),
            _ => None,
        }
    }

    fn files(&self, node: &Node, start: Start) -> Vec<File> {
        let recovering = if start == Start::Recovering { "--graceful-restart " } else { "" };
        let options = "--log-plain --log-level info --pprof-disable --api-hosts 127.0.0.1:50051";
        let script = format!("exec gobgpd {options} {recovering}-f {}/gobgp.toml\n", Container::FOLDER);
        let conf = render(node).expect("writing to a String cannot fail");
        vec![File::new("gobgp.toml", conf), File::new("start.sh", script)]
    }

    fn command(&self) -> &'static [&'static str] {
        &["sh", "/etc/margay/start.sh"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        let answer = gobgp(container, "global")?;
        answer.contains("Router-ID").then_some(()).context(answer)
    }

    fn after_start(&self, container: &Container, node: &Node) -> Result<()> {
        node.networks.iter().try_for_each(|network| {
            let family = Family::of(network.prefix.addr());
            // With IPv6 next hops for IPv4 (RFC 8950), the client is to name one.
            let is_extended = node.all_peers().any(|peer| peer.extended_next_hop);
            let own = node.address(if is_extended { Family::Ipv6 } else { family });
            let own = own.context("GoBGP needs an own address as next hop")?;
            gobgp(container, &addition(network, family, &own.to_string())).map(drop)
        })
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let answer = gobgp(container, &format!("neighbor {}", peer.address))?;
        let state = answer.lines().find_map(|line| line.trim().strip_prefix("BGP state = "));
        let state = state.and_then(|state| state.split([',', ' ']).next()).with_context(|| answer.clone())?;
        Ok(state.trim_start_matches("BGP_FSM_").to_lowercase())
    }

    fn routes(&self, container: &Container, node: &Node) -> Result<Vec<Route>> {
        let mut routes = Vec::new();
        for family in Family::ALL {
            let answer = gobgp(container, &format!("-j global rib -a {}", family.name()))?;
            let table: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
            for (prefix, paths) in table.as_object().into_iter().flatten() {
                for (index, path) in paths.as_array().into_iter().flatten().enumerate() {
                    // Own routes have no peer, or one without an address.
                    let peer = path["neighbor-ip"].as_str().unwrap_or_default();
                    let is_own = node.networks.iter().any(|own| own.prefix.to_string() == *prefix);
                    if !is_own || peer.parse::<std::net::IpAddr>().is_ok() {
                        let route = parse_path(prefix, path, index == 0);
                        routes.push(route.with_context(|| format!("{prefix}: {path}"))?);
                    }
                }
            }
        }
        Ok(routes)
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        gobgp(container, &format!("neighbor {} softresetin", peer.address)).map(drop)
    }

    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()> {
        let address = peer.address.to_string();
        container.exec(&["gobgp", "neighbor", &address, "shutdown", "--reason", text]).map(drop)
    }
}

fn gobgp(container: &Container, words: &str) -> Result<String> {
    container.exec(&[&["gobgp"][..], &words.split_whitespace().collect::<Vec<_>>()].concat())
}

/// The words of the client that add a network.
fn addition(network: &Network, family: Family, own: &str) -> String {
    let mut words =
        format!("global rib add -a {} {} origin igp nexthop {own}", family.name(), network.prefix);
    if let Some(med) = network.med {
        words += &format!(" med {med}");
    }
    if !network.communities.is_empty() {
        words += &format!(" community {}", network.communities.join(","));
    }
    if !network.large_communities.is_empty() {
        words += &format!(" large-community {}", network.large_communities.join(","));
    }
    words
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf = format!("[global.config]\nas = {}\nrouter-id = \"{}\"\n", node.asn, node.router_id);
    for peer in &node.peers {
        writeln!(conf, "[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{}\"", peer.address)?;
        writeln!(conf, "peer-as = {}", peer.asn)?;
        if let Some(password) = &peer.password {
            writeln!(conf, "auth-password = \"{password}\"")?;
        }
        write_settings(&mut conf, "neighbors", node, peer)?;
    }
    if let Some((range, peer)) = &node.range {
        writeln!(conf, "[[peer-groups]]\n[peer-groups.config]\npeer-group-name = \"range\"")?;
        writeln!(conf, "peer-as = {}", peer.asn)?;
        write_settings(&mut conf, "peer-groups", node, peer)?;
        writeln!(conf, "[[dynamic-neighbors]]\n[dynamic-neighbors.config]")?;
        writeln!(conf, "prefix = \"{range}\"\npeer-group = \"range\"")?;
    }
    Ok(conf)
}

fn write_settings(conf: &mut String, of: &str, node: &Node, peer: &Peer) -> fmt::Result {
    let hold = peer.hold_time;
    writeln!(conf, "[{of}.timers.config]\nhold-time = {hold}\nkeepalive-interval = {}", hold / 3)?;
    writeln!(conf, "connect-retry = 2\nidle-hold-time-after-reset = 1")?;
    writeln!(conf, "[{of}.transport.config]\npassive-mode = {}", peer.passive)?;
    if !peer.local_address.is_unspecified() {
        writeln!(conf, "local-address = \"{}\"", peer.local_address)?;
    }
    if let Some(hops) = peer.hops {
        writeln!(conf, "[{of}.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = {hops}")?;
    }
    if peer.ttl_security {
        writeln!(conf, "[{of}.ttl-security.config]\nenabled = true\nttl-min = 255")?;
    }
    if peer.client {
        let cluster = node.cluster_id.unwrap_or(node.router_id);
        writeln!(conf, "[{of}.route-reflector.config]\nroute-reflector-client = true")?;
        writeln!(conf, "route-reflector-cluster-id = \"{cluster}\"")?;
    }
    if peer.route_server_client {
        writeln!(conf, "[{of}.route-server.config]\nroute-server-client = true")?;
    }
    if let Some(restart) = peer.restart {
        writeln!(conf, "[{of}.graceful-restart.config]\nenabled = true\nrestart-time = {}", restart.time)?;
        writeln!(conf, "notification-enabled = {}", restart.on_notification)?;
        writeln!(conf, "long-lived-enabled = {}", restart.long_lived.is_some())?;
    }
    peer.families.iter().try_for_each(|family| write_family(conf, of, peer, *family))
}

fn write_family(conf: &mut String, of: &str, peer: &Peer, family: Family) -> fmt::Result {
    let family_of = format!("{of}.afi-safis");
    writeln!(conf, "[[{family_of}]]\n[{family_of}.config]\nafi-safi-name = \"{}-unicast\"", family.name())?;
    if peer.add_path.receive || peer.add_path.send.is_some() {
        writeln!(conf, "[{family_of}.add-paths.config]\nreceive = {}", peer.add_path.receive)?;
        writeln!(conf, "send-max = {}", peer.add_path.send.unwrap_or(0))?;
    }
    if let Some(limit) = peer.prefix_limit {
        writeln!(conf, "[{family_of}.prefix-limit.config]\nmax-prefixes = {limit}")?;
    }
    if let Some(restart) = peer.restart {
        writeln!(conf, "[{family_of}.mp-graceful-restart.config]\nenabled = true")?;
        if let Some(time) = restart.long_lived {
            writeln!(conf, "[{family_of}.long-lived-graceful-restart.config]\nenabled = true")?;
            writeln!(conf, "restart-time = {time}")?;
        }
    }
    Ok(())
}

fn parse_path(prefix: &str, path: &Value, best: bool) -> Option<Route> {
    let attributes = path["attrs"].as_array()?;
    let of_kind = |kind: u64| attributes.iter().find(|attribute| attribute["type"] == kind);
    let number =
        |kind: u64, name: &str| of_kind(kind).and_then(|attribute| attribute[name].as_u64()?.try_into().ok());
    let next_hop = of_kind(3).or_else(|| of_kind(14)).and_then(|attribute| attribute["nexthop"].as_str())?;
    Some(Route {
        prefix: prefix.parse().ok()?,
        best,
        next_hop: next_hop.parse().ok()?,
        as_path: of_kind(2).map(as_path).unwrap_or_default(),
        med: number(4, "metric"),
        local_pref: number(5, "value"),
        communities: of_kind(8).map(communities).unwrap_or_default(),
        large_communities: of_kind(32).map(large_communities).unwrap_or_default(),
    })
}

fn as_path(attribute: &Value) -> String {
    let segments = attribute["as_paths"].as_array().into_iter().flatten();
    let texts = segments.map(|segment| {
        let numbers = segment["asns"].as_array().into_iter().flatten();
        let numbers: Vec<String> = numbers.map(ToString::to_string).collect();
        // 1 is an AS_SET (RFC 4271 §4.3).
        if segment["segment_type"] == 1 { format!("{{{}}}", numbers.join(" ")) } else { numbers.join(" ") }
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn communities(attribute: &Value) -> BTreeSet<String> {
    let numbers = attribute["communities"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    numbers.map(|number| format!("{}:{}", number >> 16, number & 0xffff)).collect()
}

fn large_communities(attribute: &Value) -> BTreeSet<String> {
    let all = attribute["value"].as_array().into_iter().flatten();
    all.map(|one| format!("{}:{}:{}", one["ASN"], one["LocalData1"], one["LocalData2"])).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse_path;

    #[test]
    fn parses_a_path() {
        let path = json!({ "attrs": [
            { "type": 1, "value": 0 },
            { "type": 2, "as_paths": [{ "segment_type": 2, "num": 2, "asns": [65001, 65002] }] },
            { "type": 3, "nexthop": "172.16.0.1" },
            { "type": 4, "metric": 7 },
            { "type": 8, "communities": [4_259_905_636_u64] },
            { "type": 32, "value": [{ "ASN": 65001, "LocalData1": 1, "LocalData2": 2 }] },
        ] });
        let route = parse_path("10.0.0.0/24", &path, true).unwrap();
        assert_eq!(route.as_path, "65001 65002");
        assert_eq!((route.med, route.local_pref), (Some(7), None));
        assert!(route.communities.iter().eq(["65001:100"]));
        assert!(route.large_communities.iter().eq(["65001:1:2"]));
    }
}
