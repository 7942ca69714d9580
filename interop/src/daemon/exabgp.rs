//! ExaBGP, which announces what it is given and keeps what it receives, and decides nothing.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Route};

pub(super) struct Exabgp;

impl Adapter for Exabgp {
    fn title(&self) -> &'static str {
        "ExaBGP"
    }

    fn image(&self) -> Option<&'static str> {
        Some("exabgp")
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["sh", "-c", "exabgp --version | head -1"]
    }

    fn lacks(&self, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::Forwarding
            | Feature::Kernel
            | Feature::Reflector
            | Feature::RouteServer
            | Feature::Decision
            | Feature::GracefulShutdown
            | Feature::SetLocalPref
            | Feature::RestartHelper
            | Feature::LongLivedRestart => Some("ExaBGP has no routing table"),
            Feature::Restart | Feature::RestartOnNotification => {
                Some("ExaBGP cannot say that it has kept forwarding")
            }
            Feature::PrefixLimit => Some("ExaBGP has no prefix limits"),
            Feature::Roles => Some("ExaBGP 4.2 does not have RFC 9234"),
            Feature::Bfd => Some("ExaBGP does not have BFD"),
            Feature::LinkLocal => Some("ExaBGP 4.2 has no link-local neighbors"),
            Feature::DynamicPeers => Some("the adapter writes no ranges"),
            Feature::ShutdownMessage => Some("ExaBGP 4.2 ends all sessions or none"),
            Feature::AddPathNumber => Some("ExaBGP sends what it is given"),
            _ => None,
        }
    }

    fn files(&self, node: &Node, _: Start) -> Vec<File> {
        let own: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
        let script = format!(
            "export exabgp_daemon_user=root exabgp_tcp_bind='{}' exabgp_tcp_port=179 exabgp_log_all=true\n\
             export exabgp_api_cli=false exabgp_tcp_delay=0\n\
             rm -f /run/exabgp/*\n\
             exec exabgp {}/exabgp.conf\n",
            own.join(" "),
            Container::FOLDER
        );
        let conf = render(node).expect("writing to a String cannot fail");
        vec![File::new("exabgp.conf", conf), File::new("start.sh", script)]
    }

    fn command(&self) -> &'static [&'static str] {
        &["sh", "/etc/margay/start.sh"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        state(container).map(drop)
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let state = state(container)?;
        let known = state[peer.address.to_string()]["state"].as_str().unwrap_or("down");
        Ok(if known == "up" { "established".to_owned() } else { known.to_owned() })
    }

    fn routes(&self, container: &Container, _: &Node) -> Result<Vec<Route>> {
        let state = state(container)?;
        let peers = state.as_object().into_iter().flatten();
        let routes = peers.flat_map(|(_, known)| known["routes"].as_object().into_iter().flatten());
        routes.map(|(_, route)| parse_route(route).with_context(|| route.to_string())).collect()
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        peer.families.iter().try_for_each(|family| {
            command(
                container,
                &format!("neighbor {} announce route-refresh {} unicast", peer.address, family.name()),
            )
        })
    }

    fn shut_down(&self, container: &Container, peer: &Peer, _: &str) -> Result<()> {
        command(container, &format!("neighbor {} teardown 2", peer.address))
    }
}

fn state(container: &Container) -> Result<Value> {
    let text = container.exec(&["cat", "/run/exabgp/state.json"])?;
    serde_json::from_str(&text).with_context(|| text.clone())
}

fn command(container: &Container, words: &str) -> Result<()> {
    container.exec(&["sh", "-c", &format!("echo '{words}' > /run/exabgp/commands")]).map(drop)
}

fn parse_route(route: &Value) -> Option<Route> {
    let attributes = &route["attributes"];
    let number = |name: &str| attributes[name].as_u64().and_then(|number| number.try_into().ok());
    Some(Route {
        prefix: route["prefix"].as_str()?.parse().ok()?,
        best: true,
        next_hop: route["next-hop"].as_str()?.parse().ok()?,
        as_path: as_path(&attributes["as-path"]),
        med: number("med"),
        local_pref: number("local-preference"),
        communities: numbers(&attributes["community"]),
        large_communities: numbers(&attributes["large-community"]),
    })
}

/// A list of numbers, in which lists are sets; or an object of segments.
fn as_path(value: &Value) -> String {
    let texts = value.as_array().into_iter().flatten().map(|one| match one.as_array() {
        Some(set) => format!("{{{}}}", set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        None => one.to_string(),
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// Lists of numbers, `[[65001, 100]]`.
fn numbers(value: &Value) -> BTreeSet<String> {
    let groups = value.as_array().into_iter().flatten().filter_map(Value::as_array);
    groups.map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(":")).collect()
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf =
        "process collect {\n  run /usr/bin/python3 /usr/local/bin/collect;\n  encoder json;\n}\n".to_owned();
    for peer in &node.peers {
        write_peer(&mut conf, node, peer)?;
    }
    Ok(conf)
}

fn write_peer(conf: &mut String, node: &Node, peer: &Peer) -> fmt::Result {
    let enable = |on: bool| if on { "enable" } else { "disable" };
    writeln!(conf, "neighbor {} {{", peer.address)?;
    writeln!(conf, "  router-id {};\n  local-address {};", node.router_id, peer.local_address)?;
    writeln!(conf, "  local-as {};\n  peer-as {};\n  hold-time {};", node.asn, peer.asn, peer.hold_time)?;
    writeln!(conf, "  group-updates false;")?;
    if peer.passive {
        writeln!(conf, "  passive true;\n  listen 179;")?;
    }
    if let Some(password) = &peer.password {
        writeln!(conf, "  md5-password \"{password}\";")?;
    }
    if peer.ttl_security {
        writeln!(conf, "  outgoing-ttl 255;\n  incoming-ttl 255;")?;
    } else if let Some(hops) = peer.hops {
        writeln!(conf, "  outgoing-ttl {hops};")?;
    }
    writeln!(conf, "  capability {{\n    asn4 {};\n    route-refresh enable;", enable(peer.four_octet_asns))?;
    writeln!(conf, "    extended-message {};", enable(peer.extended_messages))?;
    writeln!(conf, "    nexthop {};", enable(peer.extended_next_hop))?;
    match (peer.add_path.send.is_some(), peer.add_path.receive) {
        (true, true) => writeln!(conf, "    add-path send/receive;")?,
        (true, false) => writeln!(conf, "    add-path send;")?,
        (false, true) => writeln!(conf, "    add-path receive;")?,
        (false, false) => {}
    }
    writeln!(conf, "  }}\n  family {{")?;
    for family in &peer.families {
        writeln!(conf, "    {} unicast;", family.name())?;
    }
    writeln!(conf, "  }}")?;
    if peer.extended_next_hop {
        writeln!(conf, "  nexthop {{\n    ipv4 unicast ipv6;\n  }}")?;
    }
    writeln!(conf, "  api {{\n    processes [ collect ];\n    neighbor-changes;")?;
    writeln!(conf, "    receive {{ parsed; update; notification; }}\n  }}\n  static {{")?;
    for network in node.networks.iter().filter(|network| peer.has(Family::of(network.prefix.addr()))) {
        let family = if peer.extended_next_hop { Family::Ipv6 } else { Family::of(network.prefix.addr()) };
        let own = node.address(family).map_or_else(|| "self".to_owned(), |own| own.to_string());
        writeln!(conf, "    route {} next-hop {own}{};", network.prefix, attributes(network))?;
    }
    writeln!(conf, "  }}\n}}")
}

fn attributes(network: &Network) -> String {
    let mut words = String::new();
    if let Some(med) = network.med {
        words += &format!(" med {med}");
    }
    if !network.communities.is_empty() {
        words += &format!(" community [ {} ]", network.communities.join(" "));
    }
    if !network.large_communities.is_empty() {
        words += &format!(" large-community [ {} ]", network.large_communities.join(" "));
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse_route;

    #[test]
    fn parses_a_route() {
        let kept = json!({
            "prefix": "10.0.0.0/24", "next-hop": "172.16.0.1",
            "attributes": {
                "origin": "igp", "as-path": [65001, 65002], "med": 7,
                "community": [[65001, 100]], "large-community": [[65001, 1, 2]],
            },
        });
        let route = parse_route(&kept).unwrap();
        assert_eq!(route.as_path, "65001 65002");
        assert!(route.communities.iter().eq(["65001:100"]));
        assert!(route.large_communities.iter().eq(["65001:1:2"]));
    }
}
