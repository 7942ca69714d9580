//! Peers as tables of the file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::value::Span;

use super::chains::ChainNames;
use super::text::{Text, quoted};
use crate::Problem;
use crate::peers::{NextHop, Origin, PeerPlan, ReflectedCluster};
use crate::speaker::Speaker;

/// The port of peers that have none of their own.
const BGP_PORT: u16 = 179;
/// The TTL of packets to peers that may be anywhere.
const FAR: u8 = 64;
/// How often the own AS may be in a path at the most.
const MOST_OWN_AS: u32 = 10;

/// The peers that the daemon can have: the address is that of one host, and where several peers have it, their sessions can be
/// told apart.
pub(super) fn sessions<'a>(peers: &'a [PeerPlan], problems: &mut Vec<Problem>) -> Vec<&'a PeerPlan> {
    let mut kept: Vec<&PeerPlan> = Vec::new();
    let mut by_address: BTreeMap<IpAddr, Vec<&PeerPlan>> = BTreeMap::new();
    for peer in peers {
        let (kind, object) = peer.origin.object();
        let address = peer.address;
        if address.is_multicast() || address.is_unspecified() {
            let what = format!("its session with {address} is left out: it is not the address of a host");
            problems.push(Problem::new(kind, object, what));
            continue;
        }
        let others = by_address.entry(address).or_default();
        if let Some(why) = others.iter().find_map(|other| conflict(other, peer)) {
            let what =
                format!("its session {} is left out: there is another one with {address}{why}", peer.name);
            problems.push(Problem::new(kind, object, what));
        } else {
            others.push(peer);
            kept.push(peer);
        }
    }
    kept
}

/// Why the daemon cannot have two peers at one address; `None` if it can.
fn conflict(one: &PeerPlan, other: &PeerPlan) -> Option<&'static str> {
    let port = |peer: &PeerPlan| peer.port.unwrap_or(BGP_PORT);
    let file = |peer: &PeerPlan| peer.password.as_ref().map(|password| password.path.clone());
    if one.source_address == other.source_address && port(one) == port(other) {
        Some(" and the same port")
    } else if one.source_address == other.source_address && (one.passive || other.passive) {
        Some(", and a connection from there may be of either")
    } else if file(one) != file(other) {
        Some(", and both must have the same password")
    } else {
        None
    }
}

/// Writes the ways to peers by gateways of their own; one that packets cannot be sent to is left out and reported.
pub(super) fn write_ways(text: &mut Text, peers: &[&PeerPlan], problems: &mut Vec<Problem>) {
    for (peer, gateway) in peers.iter().filter_map(|peer| Some((peer, peer.reachable_by?))) {
        if let Some(why) = refusal_of_gateway(peer.address, gateway) {
            let (kind, object) = peer.origin.object();
            let what = format!("reachableBy is left out for {}: {gateway} {why}", peer.address);
            problems.push(Problem::new(kind, object, what));
            continue;
        }
        text.comment("The way to a peer.");
        text.array_table("static");
        text.value("prefix", &quoted(&IpNet::from(peer.address).to_string()));
        text.value("via", &quoted(&gateway.to_string()));
        text.value("advertise", "false");
    }
}

fn refusal_of_gateway(peer: IpAddr, gateway: IpAddr) -> Option<&'static str> {
    let is_link_local = matches!(gateway, IpAddr::V6(address) if address.is_unicast_link_local());
    if gateway.is_multicast() || gateway.is_unspecified() || gateway.is_loopback() {
        Some("is not the address of a router")
    } else if is_link_local {
        Some("is a link-local address, and its interface is not known")
    } else {
        (gateway == peer).then_some("is the peer itself")
    }
}

/// Writes a peer, and reports what cannot be said of it.
pub(super) fn write(
    text: &mut Text,
    speaker: &Speaker,
    peer: &PeerPlan,
    chains: &ChainNames,
    problems: &mut Vec<Problem>,
) {
    let (kind, object) = peer.origin.object();
    let mut say = |what: String| problems.push(Problem::new(kind, object, what));
    text.comment(&comment(&peer.origin));
    text.array_table("peer");
    text.value("name", &quoted(&peer.name));
    text.value("address", &quoted(&peer.address.to_string()));
    text.value("remote_asn", &peer.remote_asn.0.to_string());
    if let Some(asn) = peer.local_asn.filter(|asn| *asn != speaker.asn) {
        // The peer knows of this number alone, and what it sends does not get it.
        text.value("local_asn", &format!("{{ asn = {asn}, prepend = false, replace = true }}"));
    }
    if let Some(port) = peer.port {
        text.value("port", &port.to_string());
    }
    if let Some(source) = peer.source_address {
        text.value("source_address", &quoted(&source.to_string()));
    }
    if peer.passive {
        text.value("passive", "true");
    }
    write_reach(text, speaker, peer);
    if let Some(password) = &peer.password {
        text.value("password_file", &quoted(&password.path));
    }
    if let Some(ReflectedCluster(cluster)) = peer.reflected {
        text.value("rr_client", "true");
        text.value("cluster_id", &quoted(&cluster.to_string()));
    }
    match peer.next_hop {
        // As to any peer that may be several hops away: no third party's address, though it were on the same network.
        NextHop::Auto if !peer.is_internal(speaker.asn) => text.value("next_hop", &quoted("self")),
        NextHop::Auto => (),
        NextHop::Own => text.value("next_hop", &quoted("self")),
        NextHop::Keep => text.value("next_hop", &quoted("keep")),
    }
    text.value("hold_time", &quoted("240s"));
    if let Some(keepalive) = peer.keepalive.map(|time| time.0.as_secs()).filter(|seconds| *seconds > 0) {
        text.value("keepalive", &quoted(&format!("{keepalive}s")));
    }
    text.value("connect_retry", &quoted("5s"));
    text.value("add_path", &quoted("both"));
    text.value("graceful_restart", &graceful_restart(peer.restart_time, &mut say));
    if let Some(count) = peer.allow_local_as {
        if count > MOST_OWN_AS {
            say(format!("numAllowedLocalASNumbers is {count}: more than {MOST_OWN_AS} are refused"));
        }
        text.value("allow_local_as", &count.min(MOST_OWN_AS).to_string());
    }
    text.list("import", &[quoted(&chains.import)]);
    text.list("export", &[quoted(&chains.export)]);
}

/// Every session outlives restarts, as in Calico; whole seconds that the message can hold (RFC 4724 §3).
fn graceful_restart(time: Option<Span>, say: &mut impl FnMut(String)) -> String {
    match time.map(|time| time.0.as_secs()) {
        None => "true".to_owned(),
        Some(seconds @ 1..=4095) => format!("{{ restart_time = \"{seconds}s\" }}"),
        Some(seconds) => {
            say(format!("a restart time of {seconds} s is not from 1 s to 4095 s: 120 s are used"));
            "true".to_owned()
        }
    }
}

/// How far away the peer may be.
fn write_reach(text: &mut Text, speaker: &Speaker, peer: &PeerPlan) {
    match peer.ttl_security {
        Some(hops) => {
            text.value("multihop", &hops.to_string());
            text.value("ttl_security", "true");
        }
        None if !peer.is_internal(speaker.asn) => text.value("multihop", &FAR.to_string()),
        None => (),
    }
}

fn comment(origin: &Origin) -> String {
    match origin {
        Origin::Mesh(node) => format!("Node {node}, in the mesh."),
        Origin::Global(name) | Origin::Node(name) => format!("BGPPeer {name}."),
        Origin::LocalWorkload(name) => format!("BGPPeer {name}, a workload of this node."),
    }
}
