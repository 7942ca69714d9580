//! margay, from the image that `cargo xtask image` makes.

use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::adapter::{Adapter, File, Start};
use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Network, Node, Peer, Role, Route};

pub(super) struct Margay;

impl Adapter for Margay {
    fn title(&self) -> &'static str {
        "margay"
    }

    fn image(&self) -> Option<&'static str> {
        None
    }

    fn version_command(&self) -> &'static [&'static str] {
        &["margay", "--version"]
    }

    fn lacks(&self, _: Feature) -> Option<&'static str> {
        None
    }

    fn files(&self, node: &Node, _: Start) -> Vec<File> {
        let conf = render(node).expect("writing to a String cannot fail");
        let passwords = node.all_peers().filter_map(|peer| peer.password.as_ref());
        let password = passwords.map(|password| File::new(PASSWORD, format!("{password}\n"))).next();
        [File::new("margay.toml", conf)].into_iter().chain(password).collect()
    }

    fn command(&self) -> &'static [&'static str] {
        &["--config", "/etc/margay/margay.toml"]
    }

    fn ready(&self, container: &Container) -> Result<()> {
        container.exec(&["margay", "healthz", "--live"]).map(drop)
    }

    fn session(&self, container: &Container, peer: &Peer) -> Result<String> {
        let peers = json(container, &["show", "peers"])?;
        let address = peer.address.to_string();
        // A link-local address has its interface after it.
        let is_known =
            |one: &&Value| one["address"].as_str().and_then(|text| text.split('%').next()) == Some(&address);
        let known = peers["peers"].as_array().and_then(|all| all.iter().find(is_known));
        let state = known.and_then(|known| known["state"].as_str());
        Ok(state.with_context(|| format!("no peer {address}: {peers}"))?.to_lowercase())
    }

    fn routes(&self, container: &Container, _: &Node) -> Result<Vec<Route>> {
        // The best ones as filters left them, and the other valid ones as they were received.
        let best = shown_routes(container, &["show", "routes"])?;
        let best = best.iter().filter(|route| route["peer"].is_string());
        let received = shown_routes(container, &["show", "routes", "--received"])?;
        let others = received.iter().filter(|route| route["valid"] == true && route["best"] == false);
        best.chain(others).map(|route| parse_route(route).with_context(|| route.to_string())).collect()
    }

    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()> {
        container.exec(&["margay", "peer", &peer.name, "reset", "--soft", "in"]).map(drop)
    }

    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()> {
        container.exec(&["margay", "peer", &peer.name, "disable", "--message", text]).map(drop)
    }
}

fn json(container: &Container, words: &[&str]) -> Result<Value> {
    let answer = container.exec(&[&["margay", "--json"], words].concat())?;
    serde_json::from_str(&answer).with_context(|| answer.clone())
}

fn shown_routes(container: &Container, words: &[&str]) -> Result<Vec<Value>> {
    let shown = json(container, words)?;
    shown["routes"].as_array().cloned().with_context(|| shown.to_string())
}

fn parse_route(route: &Value) -> Option<Route> {
    let number = |name: &str| route[name].as_u64().and_then(|number| number.try_into().ok());
    let texts = |name: &str| {
        let all = route[name].as_array().into_iter().flatten();
        all.filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let next_hop = route["next_hop"].as_str()?.split_whitespace().next()?;
    Some(Route {
        prefix: route["prefix"].as_str()?.parse().ok()?,
        best: route["best"].as_bool()?,
        next_hop: next_hop.split('%').next()?.parse().ok()?,
        as_path: route["as_path"].as_str()?.to_owned(),
        med: number("med"),
        local_pref: number("local_pref"),
        communities: texts("communities").into_iter().collect(),
        large_communities: texts("large_communities").into_iter().collect(),
    })
}

fn render(node: &Node) -> Result<String, fmt::Error> {
    let mut conf = String::new();
    writeln!(conf, "[global]\nasn = {}\nrouter_id = \"{}\"", node.asn, node.router_id)?;
    writeln!(conf, "ebgp_without_filters = \"accept\"\nlog = \"info,margay=debug\"")?;
    if let Some(cluster) = node.cluster_id {
        writeln!(conf, "cluster_id = \"{cluster}\"")?;
    }
    writeln!(conf, "[control]\nsocket = \"/run/margay/control.sock\"")?;
    if node.kernel {
        writeln!(conf, "[kernel]")?;
    }
    for network in &node.networks {
        writeln!(conf, "[[network]]\nprefix = \"{}\"", network.prefix)?;
    }
    write_export(&mut conf, &node.networks)?;
    for peer in &node.peers {
        writeln!(conf, "[[peer]]\nname = \"{}\"\naddress = \"{}\"", peer.name, address(peer))?;
        if peer.interface.is_none() {
            writeln!(conf, "source_address = \"{}\"", peer.local_address)?;
        }
        write_settings(&mut conf, node, peer)?;
        writeln!(conf, "passive = {}", peer.passive)?;
        if let Some(value) = peer.local_pref_in {
            writeln!(conf, "import = [\"local-pref-{}\"]", peer.name)?;
            writeln!(conf, "[filter.local-pref-{}]", peer.name)?;
            writeln!(conf, "rules = [{{ set = {{ local_pref = {value} }}, action = \"accept\" }}]")?;
        }
    }
    if let Some((range, peer)) = &node.range {
        writeln!(conf, "[peer_group.range]")?;
        write_settings(&mut conf, node, peer)?;
        writeln!(conf, "[[dynamic_peers]]\nrange = \"{range}\"\ngroup = \"range\"")?;
    }
    Ok(conf)
}

/// The export filter that gives own networks their attributes.
fn write_export(conf: &mut String, networks: &[Network]) -> fmt::Result {
    writeln!(conf, "[filter.networks]\nrules = [")?;
    for network in networks.iter().filter(|network| !network.is_plain()) {
        let mut sets = Vec::new();
        sets.extend(network.med.map(|med| format!("med = {med}")));
        let large = network.large_communities.iter().map(|community| format!("large:{community}"));
        let communities: Vec<String> = network.communities.iter().cloned().chain(large).collect();
        if !communities.is_empty() {
            sets.push(format!("add_communities = {communities:?}"));
        }
        let sets = sets.join(", ");
        writeln!(
            conf,
            "  {{ match = {{ prefix_equal = \"{}\" }}, set = {{ {sets} }}, action = \"accept\" }},",
            network.prefix
        )?;
    }
    writeln!(conf, "  {{ action = \"accept\" }},\n]")
}

fn write_settings(conf: &mut String, node: &Node, peer: &Peer) -> fmt::Result {
    writeln!(conf, "remote_asn = {}\nhold_time = \"{}s\"\nconnect_retry = \"2s\"", peer.asn, peer.hold_time)?;
    let families: Vec<String> =
        peer.families.iter().map(|family| format!("{}-unicast", family.name())).collect();
    writeln!(conf, "families = {families:?}\nexport = [\"networks\"]")?;
    let mut flag = |name: &str, on: bool| if on { writeln!(conf, "{name} = true") } else { Ok(()) };
    flag("rr_client", peer.client)?;
    flag("ttl_security", peer.ttl_security)?;
    flag("extended_next_hop", peer.extended_next_hop)?;
    flag("route_server_client", peer.route_server_client)?;
    match (peer.add_path.send, peer.add_path.receive) {
        (Some(number), receive) => {
            let mode = if receive { "both" } else { "send" };
            writeln!(conf, "add_path = \"{mode}\"\nadd_path_send = {number}")?;
        }
        (None, true) => writeln!(conf, "add_path = \"receive\"")?,
        (None, false) => {}
    }
    if peer.password.is_some() {
        writeln!(conf, "password_file = \"{}/{PASSWORD}\"", Container::FOLDER)?;
    }
    if let Some(hops) = peer.hops {
        writeln!(conf, "multihop = {hops}")?;
    }
    match peer.restart {
        None => writeln!(conf, "graceful_restart = false")?,
        Some(restart) => {
            let long =
                restart.long_lived.map(|time| format!(", long_lived = \"{time}s\"")).unwrap_or_default();
            writeln!(conf, "graceful_restart = {{ restart_time = \"{}s\"{long} }}", restart.time)?;
        }
    }
    if let Some(role) = peer.role {
        let name = match role {
            Role::Provider => "provider",
            Role::Customer => "customer",
        };
        writeln!(conf, "role = \"{name}\"")?;
    }
    if let Some(limit) = peer.prefix_limit {
        writeln!(conf, "prefix_limit = {limit}")?;
    }
    if peer.next_hop_self {
        writeln!(conf, "next_hop = \"self\"")?;
    }
    if peer.bfd {
        let multihop = peer.asn == node.asn;
        writeln!(
            conf,
            "bfd = {{ transmit = \"100ms\", receive = \"100ms\", multiplier = 3, multihop = {} }}",
            multihop && peer.hops.is_some()
        )?;
    }
    Ok(())
}

fn address(peer: &Peer) -> String {
    let link = peer.interface.as_ref().map(|interface| format!("%{interface}")).unwrap_or_default();
    format!("{}{link}", peer.address)
}

/// The file with the password of all peers.
const PASSWORD: &str = "password";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse_route;

    #[test]
    fn parses_a_route() {
        let shown = json!({
            "prefix": "10.0.0.0/24", "peer": "p", "next_hop": "172.16.0.2", "as_path": "65002 65003",
            "best": true, "med": 7, "communities": ["65002:1"], "large_communities": ["65002:1:2"],
        });
        let route = parse_route(&shown).unwrap();
        assert_eq!(route.as_path, "65002 65003");
        assert_eq!((route.med, route.local_pref), (Some(7), None));
        assert!(route.communities.contains("65002:1") && route.large_communities.contains("65002:1:2"));
    }
}
