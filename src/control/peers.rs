//! Peers as clients see them: configuration, session and routes joined.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use bgp_codec::{AsWidth, Capability, Family, PeerKind};
use margay_config::{LimitAction, NextHopMode, Peer, PrivateAsns, RemoteAsn};
use margay_control::{
    ExportGroupMember, LocalAsn, MessageCounts, NegotiatedSession, PeerAbsence, PeerDetail, PeerRole,
    PeerState, PeerSummary, PrefixCounts, PrefixLimit, SessionTimers,
};
use margay_filter::FilterChain;
use margay_session::{Directions, Negotiated, State};
use tokio::time::Instant;

use super::bfd::path_monitoring;
use crate::bfd::BfdStatus;
use crate::daemon::PeerEntry;
use crate::peer::PeerStatus;
use crate::speaker::{FamilyCounts, SpeakerCounts};

/// A peer in one line.
pub(super) fn summary(entry: &PeerEntry, counts: &SpeakerCounts) -> PeerSummary {
    let PeerEntry { config, status, messages, .. } = entry;
    let since_seconds = status.since.elapsed().as_secs();
    let families = family_counts(entry, counts);
    let sum = |count: fn(&margay_rib::PeerCounts) -> usize| {
        families.iter().map(|counts| count(&counts.routes) as u64).sum()
    };
    PeerSummary {
        name: config.name.clone(),
        address: config.address,
        interface: config.link.map(|link| link.to_string()),
        port: config.port,
        source_address: config.source_address,
        remote_asn: remote_asn(entry),
        expected_asn: config.remote_asn.to_string(),
        role: role(entry),
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
        held_down: entry.held_down.clone(),
        export_groups: families.iter().filter_map(export_group).collect(),
    }
}

/// The families of an established session; empty for any other.
fn family_counts<'c>(entry: &PeerEntry, counts: &'c SpeakerCounts) -> &'c [FamilyCounts] {
    let session = counts.peers.binary_search_by_key(&entry.key, |(key, _)| *key);
    session.map(|position| counts.peers[position].1.as_slice()).unwrap_or_default()
}

/// What a peer is to this speaker.
pub(super) fn role(entry: &PeerEntry) -> PeerRole {
    let negotiated = entry.status.established.as_ref().map(|session| session.negotiated.kind);
    match negotiated.or_else(|| entry.config.kind(&entry.global)) {
        Some(PeerKind::Ibgp) if entry.config.rr_client => PeerRole::Client,
        Some(PeerKind::Ibgp) => PeerRole::NonClient,
        Some(PeerKind::Ebgp) => PeerRole::External,
        Some(PeerKind::Confederation) => PeerRole::Confederation,
        None => PeerRole::Unknown,
    }
}

/// The peer's AS number: that of the session, or of the configuration if that has one.
pub(super) fn remote_asn(entry: &PeerEntry) -> Option<u32> {
    let negotiated = entry.status.established.as_ref().map(|session| session.negotiated.peer_asn.0);
    negotiated.or(match entry.config.remote_asn {
        RemoteAsn::Number(asn) => Some(asn.0),
        RemoteAsn::External | RemoteAsn::Internal | RemoteAsn::Any => None,
    })
}

fn export_group(counts: &FamilyCounts) -> Option<ExportGroupMember> {
    Some(ExportGroupMember {
        family: counts.family.to_string(),
        group: counts.routes.group?,
        members: counts.routes.group_members as u64,
    })
}

/// Everything about a peer.
pub(super) fn detail(entry: &PeerEntry, counts: &SpeakerCounts, bfd: &[BfdStatus]) -> PeerDetail {
    let PeerEntry { config, status, .. } = entry;
    let established = status.established.as_ref();
    let cluster_id = config.cluster_id.unwrap_or_else(|| entry.global.cluster_id);
    let families_that = |is_chosen: fn(&FamilyCounts) -> bool| {
        let chosen = family_counts(entry, counts).iter().filter(|counts| is_chosen(counts));
        chosen.map(|counts| counts.family.to_string()).collect()
    };
    PeerDetail {
        summary: summary(entry, counts),
        group: config.group.clone(),
        dynamic_range: entry.range.map(|range| range.to_string()),
        cluster_id: config.rr_client.then(|| Ipv4Addr::from(cluster_id.0)),
        passive: config.passive,
        our_role: config.role.map(|role| role.to_string()),
        denied: denied(entry),
        import: filter_names(&config.import),
        export: filter_names(&config.export),
        families: families(&config.families),
        local_asn: config.local_asn.map(|local| LocalAsn {
            asn: local.asn.0,
            prepend: local.prepend,
            replace: local.replace,
        }),
        private_asns: config.remove_private_asns.map(|treatment| {
            match treatment {
                PrivateAsns::Removed => "removed",
                PrivateAsns::Replaced => "replaced",
            }
            .to_owned()
        }),
        route_server_client: config.route_server_client,
        next_hop: next_hop(config.next_hop),
        prefix_limit: config.prefix_limit.map(|limit| PrefixLimit {
            received: limit.received,
            accepted: limit.accepted,
            warn_percent: limit.warn_percent,
            restart_seconds: match limit.action {
                LimitAction::Cease { restart } => Some(restart.as_secs()),
                LimitAction::Refuse => None,
            },
        }),
        max_paths_sent: config.add_path_send.map(NonZeroU16::get),
        over_limit: family_counts(entry, counts).iter().map(|counts| counts.routes.over_limit as u64).sum(),
        dropped: family_counts(entry, counts).iter().map(|counts| counts.routes.dropped).sum(),
        too_long: family_counts(entry, counts).iter().map(|counts| counts.routes.too_long as u64).sum(),
        end_of_rib_received: families_that(|counts| counts.end_of_rib_received),
        end_of_rib_sent: families_that(|counts| counts.routes.end_of_rib_sent),
        negotiated: established.map(|session| negotiated(&session.negotiated)),
        absence: counts.absences.iter().find(|(key, _)| *key == entry.key).map(|(_, absence)| PeerAbsence {
            seconds_left: absence.left.as_secs(),
            long_lived: absence.is_long_lived,
        }),
        path: path_monitoring(bfd, entry),
        timers: timers(config, status),
        local_address: established.map(|session| session.local_address),
        remote_address: established.map(|session| session.peer_address),
    }
}

/// The directions in which nothing is exchanged with the peer, for want of filters.
fn denied(entry: &PeerEntry) -> Vec<String> {
    let negotiated = entry.status.established.as_ref().map(|session| session.negotiated.kind);
    let kind = negotiated.or_else(|| entry.config.kind(&entry.global));
    let denied = kind.map_or([false; 2], |kind| entry.config.denied(&entry.global, kind));
    let directions = ["import", "export"].into_iter().zip(denied);
    directions.filter(|&(_, is_denied)| is_denied).map(|(direction, _)| direction.to_owned()).collect()
}

fn families(families: &[Family]) -> Vec<String> {
    families.iter().map(ToString::to_string).collect()
}

fn next_hop(mode: NextHopMode) -> String {
    match mode {
        NextHopMode::Auto => "auto".to_owned(),
        NextHopMode::Own => "self".to_owned(),
        NextHopMode::Keep => "keep".to_owned(),
        NextHopMode::Addresses { ipv4, ipv6 } => {
            let ipv4 = ipv4.map(|address| address.to_string());
            let addresses = ipv4.into_iter().chain(ipv6.map(|address| address.to_string()));
            addresses.collect::<Vec<_>>().join(", ")
        }
    }
}

fn filter_names(chain: &FilterChain) -> Vec<String> {
    chain.filters().iter().map(|filter| filter.name().to_owned()).collect()
}

fn negotiated(negotiated: &Negotiated) -> NegotiatedSession {
    NegotiatedSession {
        router_id: negotiated.peer_identifier.to_ipv4(),
        families: families(&negotiated.families),
        hold_time_seconds: negotiated.hold_time.duration().as_secs(),
        keepalive_seconds: negotiated.keepalive_interval().map_or(0, |interval| interval.as_secs()),
        path_ids_received: families(&negotiated.path_ids_received),
        path_ids_sent: families(&negotiated.path_ids_sent),
        capabilities: capabilities_in_use(negotiated),
        capabilities_refused: negotiated.are_capabilities_refused,
        hostname: peer_text(negotiated, |capability| match capability {
            Capability::Fqdn(fqdn) => Some(fqdn.to_string()),
            _ => None,
        }),
        software_version: peer_text(negotiated, |capability| match capability {
            Capability::SoftwareVersion(version) => Some(version.escape_debug().to_string()),
            _ => None,
        }),
        peer_capabilities: negotiated.peer_capabilities.iter().map(ToString::to_string).collect(),
    }
}

/// The text of the first capability of the peer that has one.
fn peer_text(negotiated: &Negotiated, text: fn(&Capability) -> Option<String>) -> Option<String> {
    negotiated.peer_capabilities.iter().find_map(text)
}

/// The capabilities in use, with the direction if there is only one.
fn capabilities_in_use(negotiated: &Negotiated) -> Vec<String> {
    let as_width = (negotiated.as_width == AsWidth::Four).then(|| "4-octet AS numbers".to_owned());
    let directed = [
        ("route refresh", negotiated.route_refresh),
        ("enhanced route refresh", negotiated.enhanced_route_refresh),
        ("extended messages", negotiated.extended_message),
        ("IPv6 next hops for IPv4", negotiated.extended_next_hop),
    ];
    let directed = directed.into_iter().filter_map(|(name, directions)| match directions {
        Directions { from_peer: true, to_peer: true } => Some(name.to_owned()),
        Directions { from_peer: true, to_peer: false } => Some(format!("{name} (from the peer only)")),
        Directions { from_peer: false, to_peer: true } => Some(format!("{name} (to the peer only)")),
        Directions { from_peer: false, to_peer: false } => None,
    });
    as_width.into_iter().chain(directed).collect()
}

fn timers(config: &Peer, status: &PeerStatus) -> SessionTimers {
    let now = Instant::now();
    SessionTimers {
        hold_time_seconds: config.hold_time.duration().as_secs(),
        min_hold_time_seconds: config.min_hold_time.map(|time| time.duration().as_secs()),
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
