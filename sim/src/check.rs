//! Invariants of a quiet network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use bgp_codec::{Family, Prefix};
use margay::daemon::{PeerEntry, StartKind};
use margay::speaker::{PeerKey, PeerSelection, RoutesQuestion};
use margay_fib::RouteKind;
use margay_rib::{Discard, PagePosition, RouteView};

use crate::fixpoint::{Best, Fixpoint};
use crate::node::Node;
use crate::plan::{NodeId, NodePlan};

/// Whether two nodes should have a session: both are configured for it.
pub(crate) fn fit(one: &NodePlan, other: &NodePlan) -> bool {
    match (one.peer(other.id), other.peer(one.id)) {
        (Some(there), Some(back)) => {
            there.asn == other.asn
                && back.asn == one.asn
                && there.over_ipv6 == back.over_ipv6
                && !(there.passive && back.passive)
        }
        _ => false,
    }
}

/// Compares all tables with the stable state, and with each other.
pub(crate) async fn check_tables(nodes: &[Node], fixpoint: &Fixpoint) -> Result<()> {
    for node in nodes.iter().filter(|node| node.is_running()) {
        let id = node.plan.id;
        let expected = &fixpoint[&id];
        check_loc_rib(node, expected).await.with_context(|| format!("the Loc-RIB of n{id}"))?;
        if node.plan.has_kernel {
            check_kernel(node, expected).with_context(|| format!("the kernel of n{id}"))?;
        }
    }
    check_adjacencies(nodes).await
}

/// Checks that no node says that it has restarted which has started for the first time since its host has power.
pub(crate) async fn check_restart_bits(nodes: &[Node]) -> Result<()> {
    for node in nodes.iter().filter(|node| node.is_running()) {
        for entry in node.peers().await? {
            let peer = peer_of(&entry.config.name)?;
            let session = entry.status.established.as_ref();
            let capability = session.and_then(|it| it.negotiated.peer_capabilities.graceful_restart());
            if capability.is_some_and(|it| it.restarted) && nodes[peer].start_kind() == StartKind::First {
                bail!("n{peer} says that it has restarted, and has not");
            }
        }
    }
    Ok(())
}

/// Checks that no route and no reference to one remains.
pub(crate) async fn check_nothing_is_left(nodes: &[Node]) -> Result<()> {
    for node in nodes.iter().filter(|node| node.is_running()) {
        let id = node.plan.id;
        let counts = node.counts().await?.rib;
        let audit = node.check_recording().await.with_context(|| format!("the recording of n{id}"))?;
        let left = [
            ("IPv4 prefixes", counts.ipv4_prefixes),
            ("IPv6 prefixes", counts.ipv6_prefixes),
            ("paths", counts.paths),
            ("attribute sets", counts.attribute_sets),
            ("attribute sets that are held", audit.attribute_sets),
            ("next hops", audit.next_hops),
            ("path ids", audit.path_ids),
            ("tombstones", audit.tombstones),
            ("miscounts", audit.faults.len()),
        ];
        for (what, count) in left {
            if count > 0 {
                bail!("n{id}: {count} {what} remain");
            }
        }
        let routes = node.kernel().routes();
        if !routes.is_empty() {
            bail!("n{id}: the kernel still holds {:?}", routes.keys().collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// Checks that each node's recording replays to its state, and that its counters match that state.
pub(crate) async fn check_what_is_counted(nodes: &[Node]) -> Result<()> {
    for node in nodes.iter().filter(|node| node.is_running()) {
        let id = node.plan.id;
        let audit = node.check_recording().await.with_context(|| format!("the recording of n{id}"))?;
        if !audit.faults.is_empty() {
            bail!("n{id}: {}", audit.faults.join("; "));
        }
        if audit.tombstones > 0 {
            bail!("n{id}: every peer is up to date, and {} tombstones are kept", audit.tombstones);
        }
    }
    Ok(())
}

async fn check_loc_rib(node: &Node, expected: &BTreeMap<Prefix, Best>) -> Result<()> {
    let mut found = BTreeMap::new();
    for route in all_routes(node, PeerSelection::Best).await? {
        let from = route.peer.as_deref().map(peer_of).transpose()?;
        let text = describe(&route);
        if found.insert(route.prefix, (from, text)).is_some() {
            bail!("{} has two best paths", route.prefix);
        }
    }
    let wanted = expected.iter().map(|(&prefix, best)| {
        let expected = expectations(best);
        let found = found.get(&prefix).map(|(_, text): &(Option<NodeId>, String)| text.clone());
        let text = found.filter(|text| expected.contains(text)).unwrap_or_else(|| expected.join(" or "));
        (prefix, (best.from, text))
    });
    let wanted: BTreeMap<Prefix, (Option<NodeId>, String)> = wanted.collect();
    compare(&found, &wanted)
}

fn check_kernel(node: &Node, expected: &BTreeMap<Prefix, Best>) -> Result<()> {
    let shown = |(kind, next_hops): (RouteKind, Vec<IpAddr>)| match kind {
        RouteKind::BLACKHOLE => Discard::Blackhole.to_string(),
        _ => format!("via {:?}", next_hops.into_iter().collect::<BTreeSet<IpAddr>>()),
    };
    let found: BTreeMap<Prefix, String> =
        node.kernel().routes().into_iter().map(|(prefix, route)| (prefix, shown(route))).collect();
    let wanted = expected.iter().map(|(&prefix, best)| {
        let text = match best.from {
            None => Discard::Blackhole.to_string(),
            Some(_) => format!("via {:?}", best.next_hops),
        };
        (prefix, text)
    });
    compare(&found, &wanted.collect())
}

/// Checks that each Adj-RIB-Out equals the Adj-RIB-In on the other side.
async fn check_adjacencies(nodes: &[Node]) -> Result<()> {
    for one in nodes.iter().filter(|node| node.is_running()) {
        for peer in &one.plan.peers {
            let Some(other) = nodes.get(peer.node).filter(|node| node.is_running()) else { continue };
            if !fit(&one.plan, &other.plan) {
                continue;
            }
            let advertised = adjacency(one, PeerSelection::AdvertisedTo(key(one, other).await?)).await?;
            let received = adjacency(other, PeerSelection::ReceivedFrom(key(other, one).await?)).await?;
            compare(&received, &advertised)
                .with_context(|| format!("what n{} holds of n{}", other.plan.id, one.plan.id))?;
        }
    }
    Ok(())
}

async fn adjacency(node: &Node, selection: PeerSelection) -> Result<BTreeMap<(Prefix, u32), String>> {
    let routes = all_routes(node, selection).await?;
    Ok(routes.iter().map(|route| ((route.prefix, route.path_id.0), describe(route))).collect())
}

async fn key(node: &Node, peer: &Node) -> Result<PeerKey> {
    let name = format!("n{}-n{}", node.plan.id, peer.plan.id);
    let entries: Vec<PeerEntry> = node.peers().await?;
    let entry = entries.iter().find(|entry| entry.config.name == name);
    entry.map(|entry| entry.key).with_context(|| format!("{name} is not a peer"))
}

async fn all_routes(node: &Node, selection: PeerSelection) -> Result<Vec<RouteView>> {
    let mut routes = Vec::new();
    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
        let question = RoutesQuestion {
            destination: None,
            selection,
            family,
            position: PagePosition::default(),
            limit: 100,
            filter: None,
        };
        routes.extend(node.routes(question).await?);
    }
    Ok(routes)
}

fn peer_of(name: &str) -> Result<NodeId> {
    let (_, peer) = name.split_once("-n").with_context(|| format!("a peer called {name}"))?;
    Ok(peer.parse()?)
}

fn describe(route: &RouteView) -> String {
    let attributes = &route.attributes;
    let path: Vec<u32> = attributes.as_path().asns().map(|asn| asn.0).collect();
    let clusters: Vec<u32> = attributes.cluster_list().map(|cluster| cluster.0).collect();
    let originator = attributes.originator_id().map(bgp_codec::BgpIdentifier::to_u32);
    let next_hop = route.next_hop.map(bgp_codec::NextHop::address);
    show(&path, attributes.local_pref(), originator, &clusters, next_hop)
}

/// The descriptions that the best path may have.
fn expectations(best: &Best) -> Vec<String> {
    if best.from.is_none() {
        return vec![show(&[], None, None, &[], None)];
    }
    let routes = best.routes.iter().map(|route| {
        let next_hop = Some(route.next_hop);
        show(&route.as_path, route.local_pref, route.originator, &route.clusters, next_hop)
    });
    routes.collect()
}

fn show(
    path: &[u32],
    local_pref: Option<u32>,
    originator: Option<u32>,
    clusters: &[u32],
    next_hop: Option<IpAddr>,
) -> String {
    let address = std::net::Ipv4Addr::from_bits;
    let clusters: Vec<_> = clusters.iter().map(|&cluster| address(cluster)).collect();
    format!(
        "path {path:?} local_pref {local_pref:?} originator {:?} clusters {clusters:?} via {next_hop:?}",
        originator.map(address)
    )
}

fn compare<K: Ord + std::fmt::Debug, V: Eq + std::fmt::Debug>(
    found: &BTreeMap<K, V>,
    wanted: &BTreeMap<K, V>,
) -> Result<()> {
    let mut differences = Vec::new();
    for key in found.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        match (found.get(key), wanted.get(key)) {
            (Some(found), None) => differences.push(format!("{key:?}: a ghost: {found:?}")),
            (None, Some(wanted)) => differences.push(format!("{key:?}: missing: {wanted:?}")),
            (Some(found), Some(wanted)) if found != wanted => {
                differences.push(format!("{key:?}: {found:?} instead of {wanted:?}"));
            }
            (Some(_) | None, _) => {}
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    bail!("{}", differences.join("; "))
}
