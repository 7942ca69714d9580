//! The peers of a node: other nodes of the mesh, explicit ones, and workloads.

mod explicit;
mod mesh;
mod peer_plan;
mod selection;
mod workload;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Problem;
use crate::context::Context;

pub use peer_plan::{NextHop, Origin, PeerPlan, ReflectedCluster};
pub(crate) use selection::{is_on, selects};

/// All peers of the node, in the order of their names.
pub(crate) fn plan_peers(context: &Context<'_>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut peers = mesh::plan(context, problems);
    peers.extend(explicit::plan(context, problems));
    peers.extend(workload::plan(context, problems));
    without_doubles(peers, problems)
}

/// The peers by name. Two with one address and port cannot both have their session: the explicit one stays.
fn without_doubles(peers: Vec<PeerPlan>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut by_place: BTreeMap<(IpAddr, Option<u16>), PeerPlan> = BTreeMap::new();
    for peer in peers {
        match by_place.get(&(peer.address, peer.port)) {
            Some(first) if first.origin >= peer.origin => problems.push(displaced(&peer, first)),
            Some(first) => {
                problems.push(displaced(first, &peer));
                by_place.insert((peer.address, peer.port), peer);
            }
            None => drop(by_place.insert((peer.address, peer.port), peer)),
        }
    }
    let by_name: BTreeMap<String, PeerPlan> =
        by_place.into_values().map(|peer| (peer.name.clone(), peer)).collect();
    by_name.into_values().collect()
}

fn displaced(peer: &PeerPlan, by: &PeerPlan) -> Problem {
    let (kind, name) = peer.origin.object();
    let (other_kind, other_name) = by.origin.object();
    let what =
        format!("its session with {} is left out: {other_kind} {other_name} has one there", peer.address);
    Problem::new(kind, name, what)
}
