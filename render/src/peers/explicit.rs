//! Peers that `BGPPeer` objects name or select.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use margay_cluster::object::{BgpPeer, NextHopMode, SourceAddress};

use super::peer_plan::{NextHop, Origin, PeerPlan, ReflectedCluster};
use super::selection::{Remote, RemoteKind, is_global, is_on, remotes, reverse_remotes, waits_for};
use crate::context::Context;
use crate::policy::{FilterDirection, use_filters};
use crate::{Family, Problem};

/// The explicit peers of the node.
///
/// Those of all nodes go before those of some, and both before those that follow from another node's; among equals, the
/// first by name. What comes later to the same address and port is not rendered.
pub(super) fn plan(context: &Context<'_>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut sessions = Sessions::default();
    let with_workloads = |peer: &BgpPeer| peer.spec.local_workload_selector.is_some();
    let peers: Vec<_> = context.snapshot.peers.iter().filter(|(_, peer)| !with_workloads(peer)).collect();
    for (name, peer) in peers.iter().filter(|(_, peer)| is_global(peer)) {
        sessions.add(context, Origin::Global((*name).clone()), peer, remotes(context, peer), problems);
    }
    for (name, peer) in peers.iter().filter(|(_, peer)| !is_global(peer)) {
        if is_on(peer, context.name, context.node) {
            sessions.add(context, Origin::Node((*name).clone()), peer, remotes(context, peer), problems);
        }
    }
    for (name, peer) in &peers {
        let remotes = reverse_remotes(context, peer);
        let origin = Origin::Node((*name).clone());
        sessions.add(context, origin, peer, remotes, problems);
    }
    sessions.by_place.into_values().collect()
}

#[derive(Default)]
struct Sessions {
    by_place: BTreeMap<(IpAddr, Option<u16>), PeerPlan>,
    /// Objects whose password or filters have been reported.
    reported: BTreeSet<String>,
}

impl Sessions {
    fn add(
        &mut self,
        context: &Context<'_>,
        origin: Origin,
        peer: &BgpPeer,
        remotes: Vec<Remote>,
        problems: &mut Vec<Problem>,
    ) {
        for remote in remotes {
            let Some(own) = context.own_address(Family::of(remote.address)) else { continue };
            let place = (remote.address, remote.port);
            if remote.address == own || self.by_place.contains_key(&place) {
                continue;
            }
            let mut found = Vec::new();
            self.by_place
                .insert(place, peer_of(context, origin.clone(), peer, &remote, Some(own), &mut found));
            if !found.is_empty() && self.reported.insert(origin.object().1.to_owned()) {
                problems.append(&mut found);
            }
        }
    }
}

/// The session with one remote by the settings of a `BGPPeer`.
pub(super) fn peer_of(
    context: &Context<'_>,
    origin: Origin,
    peer: &BgpPeer,
    remote: &Remote,
    own: Option<IpAddr>,
    problems: &mut Vec<Problem>,
) -> PeerPlan {
    let spec = &peer.spec;
    let family = Family::of(remote.address);
    let local_asn = spec.local_as_number.filter(|asn| asn.0 != 0);
    let own_asn = local_asn.unwrap_or_else(|| context.settings.asn_of(context.node));
    let is_internal = remote.asn == own_asn;
    let name = origin.name(remote.address, remote.port);
    let object = peer.metadata.name.as_str();
    let password = spec.password.as_ref().and_then(|password| {
        context.snapshot.secrets.find(password).unwrap_or_else(|why| {
            problems.push(Problem::new("BGPPeer", object, why));
            None
        })
    });
    PeerPlan {
        name,
        address: remote.address,
        port: remote.port,
        remote_asn: remote.asn,
        local_asn,
        source_address: own.filter(|_| spec.source_address != Some(SourceAddress::None)),
        passive: is_passive(&origin, remote, own),
        ttl_security: spec.ttl_security.filter(|hops| *hops != 0),
        reflected: reflected(context, remote, is_internal),
        password,
        next_hop: next_hop(peer, is_internal),
        allow_local_as: spec
            .num_allowed_local_as_numbers
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count != 0),
        restart_time: spec.max_restart_time,
        keepalive: spec.keepalive_time,
        reachable_by: spec.reachable_by,
        import: use_filters(context, peer, family, FilterDirection::Import, problems),
        export: use_filters(context, peer, family, FilterDirection::Export, problems),
        origin,
    }
}

/// Of two nodes that name each other by a peer of all nodes, one calls. A workload calls its node.
fn is_passive(origin: &Origin, remote: &Remote, own: Option<IpAddr>) -> bool {
    match (origin, remote.kind) {
        (_, RemoteKind::Workload) => true,
        (Origin::Global(_), RemoteKind::WrittenNode) => own.is_some_and(|own| waits_for(remote.address, own)),
        (_, RemoteKind::Elsewhere | RemoteKind::WrittenNode | RemoteKind::SelectedNode) => false,
    }
}

/// A reflector's peer in the own AS is a client, unless it reflects for the same cluster.
fn reflected(context: &Context<'_>, remote: &Remote, is_internal: bool) -> Option<ReflectedCluster> {
    let own = context.node.spec.bgp.as_ref()?.route_reflector_cluster_id?;
    (is_internal && remote.cluster_id != Some(own)).then_some(ReflectedCluster(own))
}

fn next_hop(peer: &BgpPeer, is_internal: bool) -> NextHop {
    match peer.spec.next_hop_mode {
        Some(NextHopMode::Auto) => NextHop::Auto,
        Some(NextHopMode::SelfAddress) => NextHop::Own,
        Some(NextHopMode::Keep) => NextHop::Keep,
        None if peer.spec.keep_original_next_hop && !is_internal => NextHop::Keep,
        None => NextHop::Auto,
    }
}
