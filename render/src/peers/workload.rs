//! Peers that are workloads of the node itself.

use margay_cluster::object::BgpPeer;

use super::explicit::peer_of;
use super::peer_plan::{Origin, PeerPlan};
use super::selection::{Remote, RemoteKind, is_on};
use crate::context::Context;
use crate::{LocalWorkload, Problem};

/// The workloads of the node for which there is a `BGPPeer`.
pub(super) fn plan(context: &Context<'_>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut peers = Vec::new();
    for workload in &context.snapshot.workloads {
        let Some(peer) = context.snapshot.peers.get(&workload.peer) else {
            let what = "is named by a workload and does not exist: it has no session";
            problems.push(Problem::new("BGPPeer", &workload.peer, what));
            continue;
        };
        if peer.spec.local_workload_selector.is_some() && is_on(peer, context.name, context.node) {
            peers.extend(peers_of(context, workload, peer, problems));
        }
    }
    peers
}

fn peers_of(
    context: &Context<'_>,
    workload: &LocalWorkload,
    peer: &BgpPeer,
    problems: &mut Vec<Problem>,
) -> Vec<PeerPlan> {
    let Some(asn) = peer.spec.peer_as_number() else { return Vec::new() };
    let addresses = workload.networks.iter().map(|network| network.addr());
    addresses
        .map(|address| {
            let remote = Remote { address, port: None, asn, cluster_id: None, kind: RemoteKind::Workload };
            peer_of(context, Origin::LocalWorkload(workload.peer.clone()), peer, &remote, None, problems)
        })
        .collect()
}
