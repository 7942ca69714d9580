//! OpenBGPD.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Role, Route};

pub(super) struct Openbgpd;

impl Adapter for Openbgpd {
    fn title(&self) -> &'static str {
        "OpenBGPD"
    }

    fn image(&self) -> Option<&'static str> {
        Some("openbgpd")
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["sh", "-c", "bgpd -V 2>&1"]
    }

    fn lacks(&self, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::ExtendedMessages => Some("OpenBGPD 7.7 does not have RFC 8654"),
            Feature::ExtendedNextHop => Some("OpenBGPD 7.7 does not have RFC 8950"),
            Feature::LinkLocal => Some("OpenBGPD 7.7 has no link-local neighbors on Linux"),
            Feature::HoldTimeZero => Some("OpenBGPD cannot be configured without a hold time"),
            Feature::Bfd => Some("OpenBGPD does not have BFD"),
            Feature::Restart | Feature::RestartOnNotification | Feature::LongLivedRestart => {
                Some("OpenBGPD sends End-of-RIB, and does not keep forwarding while it restarts")
            }
            Feature::GracefulShutdown => Some("in OpenBGPD, a filter has to do it"),
            _ => None,
        }
    }

    fn files(&self, node: &Node, _: Start) -> Vec<File> {
        let conf = render(node).expect("writing to a String cannot fail");
        // The daemon refuses a file with passwords that others may read.
        let conf = File { name: "bgpd.conf", content: conf, public: false };
        let script = format!("mkdir -p /run/openbgpd\nexec bgpd -d -f {}/bgpd.conf\n", Container::FOLDER);
        vec![conf, File::new("start.sh", script)]
    }

    fn command(&self) -> &'static [&'static str] {
        &["sh", "/etc/margay/start.sh"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        bgpctl(container, "show summary").map(drop)
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let answer = bgpctl(container, &format!("-j show neighbor {}", peer.address))?;
        let shown: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let state = shown["neighbors"][0]["state"].as_str().with_context(|| answer.clone())?;
        Ok(state.to_lowercase())
    }

    fn routes(&self, container: &Container, _: &Node) -> Result<Vec<Route>> {
        let answer = bgpctl(container, "-j show rib detail")?;
        let shown: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let routes = shown["rib"].as_array().into_iter().flatten();
        let learned = routes.filter(|route| route["announced"].as_bool() != Some(true));
        learned.map(|route| parse_route(route).with_context(|| route.to_string())).collect()
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        bgpctl(container, &format!("neighbor {} refresh", peer.address)).map(drop)
    }

    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()> {
        let address = peer.address.to_string();
        container.exec(&["bgpctl", "neighbor", &address, "down", text]).map(drop)
    }
}

fn bgpctl(container: &Container, words: &str) -> Result<String> {
    container.exec(&[&["bgpctl"][..], &words.split_whitespace().collect::<Vec<_>>()].concat())
}

fn parse_route(route: &Value) -> Option<Route> {
    let number = |name: &str| route[name].as_u64().and_then(|number| number.try_into().ok());
    let texts = |name: &str| {
        let all = route[name].as_array().into_iter().flatten();
        all.filter_map(|one| one.as_str().map(well_known)).collect::<BTreeSet<_>>()
    };
    Some(Route {
        prefix: route["prefix"].as_str()?.parse().ok()?,
        best: route["best"].as_bool().unwrap_or(false),
        next_hop: route["exit_nexthop"].as_str()?.parse().ok()?,
        as_path: route["aspath"].as_str()?.to_owned(),
        med: number("metric"),
        local_pref: number("localpref"),
        communities: texts("communities"),
        large_communities: texts("large_communities"),
    })
}

/// The number of a well-known community.
fn well_known(name: &str) -> String {
    match name {
        "NO_EXPORT" => "65535:65281".to_owned(),
        "NO_ADVERTISE" => "65535:65282".to_owned(),
        "GRACEFUL_SHUTDOWN" => "65535:0".to_owned(),
        other => other.to_owned(),
    }
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf = format!("AS {}\nrouter-id {}\nconnect-retry 2\n", node.asn, node.router_id);
    writeln!(conf, "fib-update {}", if node.kernel { "yes" } else { "no" })?;
    writeln!(conf, "listen on 0.0.0.0\nlisten on ::")?;
    for network in &node.networks {
        write_network(&mut conf, network)?;
    }
    for peer in &node.peers {
        writeln!(conf, "neighbor {} {{", peer.address)?;
        write_peer(&mut conf, node, peer)?;
    }
    if let Some((range, peer)) = &node.range {
        writeln!(conf, "neighbor {range} {{")?;
        write_peer(&mut conf, node, peer)?;
    }
    writeln!(conf, "allow from any\nallow to any")?;
    Ok(conf)
}

fn write_network(conf: &mut String, network: &Network) -> fmt::Result {
    write!(conf, "network {}", network.prefix)?;
    if !network.is_plain() {
        write!(conf, " set {{")?;
        if let Some(med) = network.med {
            write!(conf, " med {med}")?;
        }
        for community in &network.communities {
            write!(conf, " community {community}")?;
        }
        for community in &network.large_communities {
            write!(conf, " large-community {community}")?;
        }
        write!(conf, " }}")?;
    }
    writeln!(conf)
}

fn write_peer(conf: &mut String, node: &Node, peer: &Peer) -> fmt::Result {
    let yes = |on: bool| if on { "yes" } else { "no" };
    writeln!(conf, "  descr \"{}\"\n  remote-as {}\n  holdtime {}", peer.name, peer.asn, peer.hold_time)?;
    if !peer.local_address.is_unspecified() {
        writeln!(conf, "  local-address {}", peer.local_address)?;
    }
    for family in Family::ALL {
        let routes = if peer.has(family) { "unicast" } else { "none" };
        writeln!(conf, "  announce {} {routes}", if family == Family::Ipv4 { "IPv4" } else { "IPv6" })?;
    }
    writeln!(conf, "  announce as-4byte {}", yes(peer.four_octet_asns))?;
    writeln!(conf, "  announce enhanced refresh {}", yes(peer.enhanced_refresh))?;
    writeln!(conf, "  announce add-path recv {}", yes(peer.add_path.receive))?;
    if let Some(number) = peer.add_path.send {
        // `plus` counts the paths after the best one.
        writeln!(conf, "  announce add-path send best plus {}", number.saturating_sub(1))?;
    }
    writeln!(conf, "  announce restart {}", yes(peer.restart.is_some()))?;
    writeln!(conf, "  ttl-security {}", yes(peer.ttl_security))?;
    writeln!(conf, "  transparent-as {}", yes(peer.route_server_client))?;
    if peer.route_server_client {
        writeln!(conf, "  set nexthop no-modify")?;
    }
    if peer.asn != node.asn && peer.hops.is_none() {
        // The first AS of what a route server sends is another one.
        writeln!(conf, "  enforce neighbor-as no")?;
    }
    if peer.passive {
        writeln!(conf, "  passive")?;
    }
    if let Some(hops) = peer.hops.filter(|_| peer.asn != node.asn) {
        writeln!(conf, "  multihop {hops}")?;
    }
    if peer.client {
        writeln!(conf, "  route-reflector {}", node.cluster_id.unwrap_or(node.router_id))?;
    }
    if let Some(password) = &peer.password {
        writeln!(conf, "  tcp md5sig password {password}")?;
    }
    if let Some(role) = peer.role {
        let name = match role {
            Role::Provider => "provider",
            Role::Customer => "customer",
        };
        writeln!(conf, "  announce policy {name}")?;
    }
    if let Some(limit) = peer.prefix_limit {
        writeln!(conf, "  max-prefix {limit}")?;
    }
    if peer.next_hop_self {
        writeln!(conf, "  set nexthop self")?;
    }
    if let Some(value) = peer.local_pref_in {
        writeln!(conf, "  set localpref {value}")?;
    }
    writeln!(conf, "}}")
}
