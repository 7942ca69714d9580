//! Metrics of peers and their sessions: a fixed number of series for each peer and family.

use std::fmt;

use margay_session::State;

use super::exposition::Exposition;
use super::snapshot::Snapshot;
use super::status::unix_time;
use crate::control::peers::{remote_asn, role};
use crate::daemon::PeerEntry;
use crate::speaker::FamilyCounts;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    write_totals(snapshot, exposition)?;
    write_descriptions(snapshot, exposition)?;
    write_sessions(snapshot, exposition)?;
    write_messages(snapshot, exposition)?;
    write_routes(snapshot, exposition)
}

/// All peers by the states of their sessions, for daemons with so many that nobody looks at each.
fn write_totals(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let states = STATES.map(|(state, name)| {
        let peers = snapshot.peers.iter().filter(|peer| peer.status.state == state).count();
        ([("state", name)], peers)
    });
    exposition.gauges(
        "margay_peers",
        "Peers by the states of their sessions (RFC 4271 section 8.2.2)",
        states,
    )
}

fn write_descriptions(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let descriptions = snapshot.peers.iter().map(|peer| {
        let labels = [
            ("peer", peer.config.name.clone()),
            ("address", peer.config.place().host()),
            ("remote_asn", remote_asn(peer).map(|asn| asn.to_string()).unwrap_or_default()),
            ("role", role(peer).to_string()),
            ("group", peer.config.group.clone().unwrap_or_default()),
        ];
        (labels, 1_u64)
    });
    exposition.gauges(
        "margay_peer_info",
        "What is known of a peer besides its session; always 1",
        descriptions,
    )
}

fn write_sessions(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let of_peers = |value: fn(&PeerEntry) -> u64| {
        snapshot.peers.iter().map(move |peer| ([("peer", peer.config.name.as_str())], value(peer)))
    };
    exposition.gauges(
        "margay_peer_session_established",
        "Whether the session with a peer is established",
        of_peers(|peer| u64::from(peer.status.state == State::Established)),
    )?;
    exposition.gauges(
        "margay_peer_session_state",
        "State of the session: 1 idle, 2 connect, 3 active, 4 opensent, 5 openconfirm, 6 established, as in RFC 4273",
        of_peers(|peer| state_number(peer.status.state)),
    )?;
    exposition.gauges(
        "margay_peer_session_state_change_time_seconds",
        "Unix time at which the session entered its state",
        snapshot.peers.iter().map(|peer| {
            ([("peer", peer.config.name.as_str())], unix_time(snapshot.now, peer.status.since.elapsed()))
        }),
    )?;
    exposition.gauges(
        "margay_peer_held_down",
        "Whether the session is kept down: the operator disabled the peer, or it could not be started",
        of_peers(|peer| u64::from(peer.held_down.is_some())),
    )?;
    let absences = snapshot.counts.absences.iter().filter_map(|(key, absence)| {
        let peer = snapshot.peers.iter().find(|peer| peer.key == *key)?;
        let stage = if absence.is_long_lived { "long_lived" } else { "restarting" };
        Some(([("peer", peer.config.name.as_str()), ("stage", stage)], absence.left.as_secs_f64()))
    });
    exposition.gauges(
        "margay_peer_restart_left_seconds",
        "Time until routes of a peer go that restarts (RFC 4724, RFC 9494)",
        absences,
    )
}

fn write_messages(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let received = snapshot
        .peers
        .iter()
        .flat_map(|peer| by_type(peer, peer.messages.received, peer.messages.updates_received));
    exposition.counters("margay_peer_messages_received", "Messages from a peer", received)?;
    let sent =
        snapshot.peers.iter().flat_map(|peer| by_type(peer, peer.messages.sent, peer.messages.updates_sent));
    exposition.counters("margay_peer_messages_sent", "Messages to a peer, sent or about to be sent", sent)?;
    let octets = |value: fn(&PeerEntry) -> u64| {
        snapshot.peers.iter().map(move |peer| ([("peer", peer.config.name.as_str())], value(peer)))
    };
    exposition.counters(
        "margay_peer_message_octets_received",
        "Octets of messages from a peer, with their headers",
        octets(|peer| peer.messages.octets_received),
    )?;
    exposition.counters(
        "margay_peer_message_octets_sent",
        "Octets of messages to a peer, sent or about to be sent",
        octets(|peer| peer.messages.octets_sent),
    )
}

/// Counts of UPDATEs and of all other messages. The two are counted one after the other, so the sum can be
/// behind for a moment.
fn by_type(peer: &PeerEntry, all: u64, updates: u64) -> [([(&'static str, &str); 2], u64); 2] {
    let name = peer.config.name.as_str();
    [
        ([("peer", name), ("type", "update")], updates),
        ([("peer", name), ("type", "other")], all.saturating_sub(updates)),
    ]
}

fn write_routes(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let routes = snapshot.routes();
    let families: Vec<(&str, String, &FamilyCounts)> = snapshot
        .peers
        .iter()
        .flat_map(|peer| {
            let families = routes.get(&peer.key).copied().unwrap_or_default().iter();
            families.map(|counts| (peer.config.name.as_str(), counts.family.to_string(), counts))
        })
        .collect();
    let mut write = |name, help, value: fn(&FamilyCounts) -> u64| {
        let samples = families
            .iter()
            .map(|(peer, family, counts)| ([("peer", *peer), ("family", family.as_str())], value(counts)));
        exposition.gauges(name, help, samples)
    };
    write("margay_peer_routes_received", "Paths that a peer has announced", |counts| {
        counts.routes.received as u64
    })?;
    write(
        "margay_peer_routes_accepted",
        "Paths of a peer that passed the checks and import filters",
        |counts| counts.routes.accepted as u64,
    )?;
    write(
        "margay_peer_routes_over_limit",
        "Paths of a peer that are refused because as many are accepted as its limit allows",
        |counts| counts.routes.over_limit as u64,
    )?;
    write(
        "margay_peer_announcements_dropped",
        "Announcements of a peer in its session that were dropped because as many paths were there as its limit allows",
        |counts| counts.routes.dropped,
    )?;
    write("margay_peer_routes_advertised", "Routes advertised to a peer", |counts| {
        counts.routes.advertised as u64
    })?;
    write(
        "margay_peer_routes_too_long",
        "Routes withheld because they exceed the peer's messages",
        |counts| counts.routes.too_long as u64,
    )?;
    write("margay_peer_end_of_rib_received", "Whether a peer has sent End-of-RIB (RFC 4724)", |counts| {
        u64::from(counts.end_of_rib_received)
    })?;
    write("margay_peer_end_of_rib_sent", "Whether End-of-RIB has been sent to a peer", |counts| {
        u64::from(counts.routes.end_of_rib_sent)
    })
}

/// The number of a state in RFC 4273's `bgpPeerState`.
fn state_number(state: State) -> u64 {
    match state {
        State::Idle => 1,
        State::Connect => 2,
        State::Active => 3,
        State::OpenSent => 4,
        State::OpenConfirm => 5,
        State::Established => 6,
    }
}

const STATES: [(State, &str); 6] = [
    (State::Idle, "idle"),
    (State::Connect, "connect"),
    (State::Active, "active"),
    (State::OpenSent, "opensent"),
    (State::OpenConfirm, "openconfirm"),
    (State::Established, "established"),
];
