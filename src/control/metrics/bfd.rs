//! Metrics of BFD sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::Snapshot;
use super::exposition::Exposition;
use crate::bfd::BfdStatus;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let by_address: BTreeMap<IpAddr, &BfdStatus> = snapshot
        .bfd
        .iter()
        .filter(|status| !status.is_leaving)
        .map(|status| (status.key.remote, status))
        .collect();
    let monitored = snapshot.peers.iter().map(|peer| &peer.config).filter(|config| config.bfd.is_some());
    let sessions: Vec<(&str, &BfdStatus)> = monitored
        .filter_map(|config| Some((config.name.as_str(), *by_address.get(&config.address)?)))
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
