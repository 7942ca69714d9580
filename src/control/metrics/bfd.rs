//! Metrics of BFD sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::exposition::Exposition;
use super::snapshot::Snapshot;
use crate::bfd::{BfdStatus, interface_of};

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    // A link-local address may be that of several peers, on several interfaces.
    let by_path: BTreeMap<(IpAddr, Option<u32>), &BfdStatus> = snapshot
        .bfd
        .iter()
        .filter(|status| !status.is_leaving)
        .map(|status| ((status.key.remote, status.key.interface), status))
        .collect();
    let monitored = snapshot.peers.iter().filter(|peer| peer.config.bfd.is_some());
    let sessions: Vec<(&str, &BfdStatus)> = monitored
        .filter_map(|peer| {
            let session = peer.status.established.as_ref()?;
            let path = (session.peer_address.ip(), interface_of(session.peer_address));
            Some((peer.config.name.as_str(), *by_path.get(&path)?))
        })
        .collect();
    exposition.gauges(
        "margay_bfd_session_up",
        "Whether the BFD session with a peer is up",
        sessions.iter().map(|(peer, status)| ([("peer", *peer)], u64::from(status.path.is_up))),
    )?;
    exposition.counters(
        "margay_bfd_session_failures",
        "Failures of the path to a peer since its BGP session was established",
        sessions.iter().map(|(peer, status)| ([("peer", *peer)], status.path.losses)),
    )
}
