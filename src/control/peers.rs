//! Peers as clients see them: configuration, session and routes joined.

use std::time::Instant;

use bgp_codec::Family;
use margay_config::Peer;
use margay_control::{
    ExportGroupMember, MessageCounts, NegotiatedSession, PeerDetail, PeerState, PeerSummary, PrefixCounts,
    SessionTimers,
};
use margay_filter::FilterChain;
use margay_session::{Negotiated, State};

use crate::daemon::PeerEntry;
use crate::peer::PeerStatus;
use crate::speaker::SpeakerCounts;

/// A peer in one line.
pub(super) fn summary(entry: &PeerEntry, counts: &SpeakerCounts) -> PeerSummary {
    let PeerEntry { config, status, messages, .. } = entry;
    let since_seconds = status.since.elapsed().as_secs();
    let families =
        counts.peers.iter().find(|(key, _)| *key == entry.key).map(|(_, families)| families.as_slice());
    let families = families.unwrap_or_default();
    let sum = |count: fn(&margay_rib::PeerCounts) -> usize| {
        families.iter().map(|(_, counts)| count(counts) as u64).sum()
    };
    PeerSummary {
        name: config.name.clone(),
        address: config.address,
        remote_asn: config.remote_asn.0,
        description: config.description.clone(),
        state: state(status.state),
        since_seconds,
        uptime_seconds: (status.state == State::Established).then_some(since_seconds),
        prefixes: PrefixCounts {
            received: sum(|counts| counts.received),
            accepted: sum(|counts| counts.accepted),
            advertised: sum(|counts| counts.advertised),
        },
        messages: MessageCounts {
            received: messages.received,
            sent: messages.sent,
            updates_received: messages.updates_received,
            updates_sent: messages.updates_sent,
        },
        last_error: status.last_error.clone(),
        export_groups: families
            .iter()
            .filter_map(|(family, counts)| {
                Some(ExportGroupMember { family: family.to_string(), group: counts.group?.into() })
            })
            .collect(),
    }
}

/// Everything about a peer.
pub(super) fn detail(entry: &PeerEntry, counts: &SpeakerCounts) -> PeerDetail {
    let PeerEntry { config, status, .. } = entry;
    let established = status.established.as_ref();
    PeerDetail {
        summary: summary(entry, counts),
        group: config.group.clone(),
        dynamic_range: entry.range.map(|range| range.to_string()),
        passive: config.passive,
        import: filter_names(&config.import),
        export: filter_names(&config.export),
        families: families(&config.families),
        negotiated: established.map(|session| negotiated(&session.negotiated)),
        timers: timers(config, status),
        local_address: established.map(|session| session.local_address),
        remote_address: established.map(|session| session.peer_address),
    }
}

fn families(families: &[Family]) -> Vec<String> {
    families.iter().map(ToString::to_string).collect()
}

fn filter_names(chain: &FilterChain) -> Vec<String> {
    chain.filters().iter().map(|filter| filter.name().to_owned()).collect()
}

fn negotiated(negotiated: &Negotiated) -> NegotiatedSession {
    let in_force = [
        ("4-octet AS numbers", negotiated.as_width == bgp_codec::AsWidth::Four),
        ("route refresh", negotiated.route_refresh),
        ("extended messages", negotiated.extended_message),
    ];
    NegotiatedSession {
        router_id: negotiated.peer_identifier.to_ipv4(),
        families: families(&negotiated.families),
        hold_time_seconds: negotiated.hold_time.duration().as_secs(),
        keepalive_seconds: negotiated.keepalive_interval().map_or(0, |interval| interval.as_secs()),
        path_ids_received: families(&negotiated.path_ids_received),
        path_ids_sent: families(&negotiated.path_ids_sent),
        capabilities: in_force.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()).collect(),
        peer_capabilities: negotiated.peer_capabilities.iter().map(ToString::to_string).collect(),
    }
}

fn timers(config: &Peer, status: &PeerStatus) -> SessionTimers {
    let now = Instant::now();
    SessionTimers {
        hold_time_seconds: config.hold_time.duration().as_secs(),
        connect_retry_seconds: config.connect_retry.as_secs(),
        next_timeout_seconds: status.next_timeout.map(|at| at.saturating_duration_since(now).as_secs()),
    }
}

fn state(state: State) -> PeerState {
    match state {
        State::Idle => PeerState::Idle,
        State::Connect => PeerState::Connect,
        State::Active => PeerState::Active,
        State::OpenSent => PeerState::OpenSent,
        State::OpenConfirm => PeerState::OpenConfirm,
        State::Established => PeerState::Established,
    }
}
