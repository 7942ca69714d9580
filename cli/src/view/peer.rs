//! `margay show peer NAME`

use std::net::SocketAddr;

use margay_control::{NegotiatedSession, PeerAbsence, PeerDetail, PeerSummary, SessionTimers};

use super::time_span::time_span;
use super::{fact, listed, milliseconds, or_dash};

/// Everything about one peer, one fact per line.
pub(crate) fn peer(peer: &PeerDetail) -> String {
    [identity(peer), session(peer), traffic(peer)].concat()
}

fn identity(peer: &PeerDetail) -> String {
    let summary = &peer.summary;
    [
        fact("peer", &summary.name),
        fact("description", or_dash(summary.description.as_ref())),
        fact("address", place(summary)),
        fact("AS", remote_asn(summary)),
        fact("our AS", local_asn(peer)),
        fact("role", role(peer)),
        fact("our BGP role", or_dash(peer.our_role.as_ref())),
        fact("group", or_dash(peer.group.as_ref())),
        fact("connected from", or_dash(peer.dynamic_range.as_ref())),
        fact("import filters", filters(peer, &peer.import, "import", "accepted")),
        fact("export filters", filters(peer, &peer.export, "export", "advertised")),
        fact("families", listed(&peer.families)),
        fact("next hop", &peer.next_hop),
        fact("AS path sent", as_path_sent(peer)),
        fact("prefix limit", prefix_limit(peer)),
    ]
    .concat()
}

/// Where the peer is reached, as far as it differs from other peers: such as `172.16.0.1 port 1790 from 172.16.0.11`.
fn place(summary: &PeerSummary) -> String {
    let port = (![0, 179].contains(&summary.port)).then(|| format!(" port {}", summary.port));
    let source = summary.source_address.map(|source| format!(" from {source}"));
    [Some(summary.host()), port, source].into_iter().flatten().collect()
}

/// The peer's AS and, if the configuration leaves it open, what that expects: such as `65001 (external)`.
fn remote_asn(summary: &PeerSummary) -> String {
    match summary.remote_asn {
        Some(asn) if asn.to_string() == summary.expected_asn => asn.to_string(),
        Some(asn) => format!("{asn} ({})", summary.expected_asn),
        None => summary.expected_asn.clone(),
    }
}

/// The filters of a direction, or what it means that there are none.
fn filters(peer: &PeerDetail, names: &[String], direction: &str, what: &str) -> String {
    if peer.denied.iter().any(|denied| denied == direction) {
        return format!("- (nothing is {what}: RFC 8212, global.ebgp_without_filters)");
    }
    listed(names)
}

/// This speaker's AS towards the peer, such as `64999, not prepended to its routes, in place of our own`.
fn local_asn(peer: &PeerDetail) -> String {
    let Some(local) = peer.local_asn else { return "as configured globally".to_owned() };
    let prepended = if local.prepend { "" } else { "not " };
    let placed = if local.replace { "in place of" } else { "in front of" };
    format!("{}, {prepended}prepended to its routes, {placed} our own", local.asn)
}

/// What is done to AS paths of routes to the peer, such as `private numbers removed`.
fn as_path_sent(peer: &PeerDetail) -> String {
    let transparent = peer.route_server_client.then(|| "unchanged (route server client)".to_owned());
    let private = peer.private_asns.as_ref().map(|treatment| format!("private numbers {treatment}"));
    let all: Vec<String> = transparent.into_iter().chain(private).collect();
    if all.is_empty() { "our AS prepended".to_owned() } else { all.join(", ") }
}

/// Such as `1000 received, 800 accepted; warns at 80%, down for 5m00s`.
fn prefix_limit(peer: &PeerDetail) -> String {
    let Some(limit) = &peer.prefix_limit else { return "-".to_owned() };
    let received = limit.received.map(|received| format!("{received} received"));
    let accepted = limit.accepted.map(|accepted| format!("{accepted} accepted"));
    let limits: Vec<String> = received.into_iter().chain(accepted).collect();
    let action = match limit.restart_seconds {
        Some(seconds) => format!("down for {}", time_span(seconds)),
        None => "further ones are refused".to_owned(),
    };
    format!("{}; warns at {}%, {action}", limits.join(", "), limit.warn_percent)
}

fn session(peer: &PeerDetail) -> String {
    let summary = &peer.summary;
    let timers = &peer.timers;
    let dialing = if peer.passive { "by the peer" } else { "by both sides" };
    let mut text = [
        fact("state", format_args!("{} since {}", summary.state, time_span(summary.since_seconds))),
        fact("held down", or_dash(summary.held_down.as_ref())),
        fact("restart", or_dash(peer.absence.map(restart))),
        fact("last error", or_dash(summary.last_error.as_ref())),
        fact("dialing", format_args!("{dialing}, every {}", time_span(timers.connect_retry_seconds))),
        fact(
            "next timer",
            or_dash(timers.next_timeout_seconds.map(|seconds| format!("in {}", time_span(seconds)))),
        ),
        fact("connection", connection(peer.local_address, peer.remote_address)),
        fact("path (BFD)", path(peer)),
    ]
    .concat();
    match &peer.negotiated {
        Some(negotiated) => text += &agreement(peer, negotiated),
        None => text += &fact("hold time", proposed_hold_time(timers)),
    }
    text
}

/// Such as `3m00s, to be agreed on, 9s at least`.
fn proposed_hold_time(timers: &SessionTimers) -> String {
    let least = timers.min_hold_time_seconds.map(|seconds| format!(", {} at least", time_span(seconds)));
    format!("{}, to be agreed on{}", time_span(timers.hold_time_seconds), least.unwrap_or_default())
}

/// Such as `routes kept for 1m30s`.
fn restart(absence: PeerAbsence) -> String {
    let left = time_span(absence.seconds_left);
    let resort = if absence.long_lived { ", as a last resort" } else { "" };
    format!("routes kept for {left}{resort}")
}

/// Such as `up since 2h03m, 2 failures, detection time 150.000 ms`.
fn path(peer: &PeerDetail) -> String {
    let Some(path) = &peer.path else { return "not monitored".to_owned() };
    let session = path.session.as_ref().map(|session| {
        let since = time_span(session.since_seconds);
        let detection = session.detection_time_microseconds.map(milliseconds);
        let detection = detection.map(|time| format!(", detection time {time} ms")).unwrap_or_default();
        format!("{} since {since}, {} failures{detection}", session.state, session.failures)
    });
    let session = session.unwrap_or_else(|| "monitored while the session is established".to_owned());
    match &path.error {
        Some(error) => format!("{session}; not as configured: {error}"),
        None => session,
    }
}

fn agreement(peer: &PeerDetail, negotiated: &NegotiatedSession) -> String {
    [
        fact("peer's router id", negotiated.router_id),
        fact("agreed families", listed(&negotiated.families)),
        fact(
            "hold time",
            format_args!(
                "{}, keepalive {}",
                time_span(negotiated.hold_time_seconds),
                time_span(negotiated.keepalive_seconds)
            ),
        ),
        fact("path ids received", listed(&negotiated.path_ids_received)),
        fact("path ids sent", path_ids_sent(peer, negotiated)),
        fact("end of RIB from it", listed(&peer.end_of_rib_received)),
        fact("end of RIB to it", listed(&peer.end_of_rib_sent)),
        fact("host name", or_dash(negotiated.hostname.as_ref())),
        fact("software", or_dash(negotiated.software_version.as_ref())),
        fact("capabilities", capabilities(negotiated)),
        fact("peer offers", listed(&negotiated.peer_capabilities)),
    ]
    .concat()
}

/// The capabilities in force, or why there are none.
fn capabilities(negotiated: &NegotiatedSession) -> String {
    match negotiated.capabilities_refused {
        true => "none: the peer refused an OPEN with capabilities".to_owned(),
        false => listed(&negotiated.capabilities),
    }
}

/// The peer's role, such as `client of cluster 10.0.0.11`.
fn role(peer: &PeerDetail) -> String {
    match peer.cluster_id {
        Some(cluster) => format!("{} of cluster {cluster}", peer.summary.role),
        None => peer.summary.role.to_string(),
    }
}

fn path_ids_sent(peer: &PeerDetail, negotiated: &NegotiatedSession) -> String {
    let families = listed(&negotiated.path_ids_sent);
    match peer.max_paths_sent {
        Some(most) if !negotiated.path_ids_sent.is_empty() => {
            format!("{families}, at most {most} to a prefix")
        }
        Some(_) | None => families,
    }
}

fn traffic(peer: &PeerDetail) -> String {
    let (prefixes, messages) = (&peer.summary.prefixes, &peer.summary.messages);
    let groups: Vec<String> = peer
        .summary
        .export_groups
        .iter()
        .map(|member| format!("{} in group {} of {}", member.family, member.group, member.members))
        .collect();
    let with = |number: u64, what: &str| match number {
        0 => String::new(),
        _ => format!(", {number} {what}"),
    };
    let rest = with(peer.over_limit, "refused beyond the limit")
        + &with(peer.dropped, "announcements dropped beyond the limit")
        + &with(peer.too_long, "too long for the peer's messages");
    [
        fact(
            "prefixes",
            format_args!(
                "{} received, {} accepted, {} advertised{rest}",
                prefixes.received, prefixes.accepted, prefixes.advertised
            ),
        ),
        fact(
            "messages in",
            format_args!("{}, {} updates among them", messages.received, messages.updates_received),
        ),
        fact("messages out", format_args!("{}, {} updates among them", messages.sent, messages.updates_sent)),
        fact("export groups", listed(&groups)),
    ]
    .concat()
}

fn connection(local: Option<SocketAddr>, remote: Option<SocketAddr>) -> String {
    match (local, remote) {
        (None, None) => "-".to_owned(),
        (local, remote) => format!("{} to {}", or_dash(local), or_dash(remote)),
    }
}

#[cfg(test)]
mod tests {
    use margay_control::{LocalAsn, PathMonitoring, PeerRole, PeerState, PrefixLimit};

    use super::*;
    use crate::view::bfd::tests::session;
    use crate::view::peers::tests::established_peer;

    #[test]
    fn shows_what_an_established_session_agreed_on() {
        let negotiated = NegotiatedSession {
            router_id: [172, 16, 0, 1].into(),
            families: vec!["ipv4-unicast".to_owned()],
            path_ids_received: vec!["ipv4-unicast".to_owned()],
            path_ids_sent: vec!["ipv4-unicast".to_owned()],
            hold_time_seconds: 90,
            keepalive_seconds: 30,
            capabilities_refused: false,
            hostname: Some("tor1.rack".to_owned()),
            software_version: Some("FRRouting/10.2".to_owned()),
            capabilities: vec!["4-octet AS numbers".to_owned(), "route refresh".to_owned()],
            peer_capabilities: vec!["4-octet AS numbers".to_owned()],
        };
        let mut answer = PeerDetail {
            cluster_id: Some([10, 0, 0, 11].into()),
            our_role: Some("provider".to_owned()),
            denied: vec!["export".to_owned()],
            max_paths_sent: Some(4),
            local_asn: Some(LocalAsn { asn: 64999, prepend: true, replace: true }),
            private_asns: Some("removed".to_owned()),
            prefix_limit: Some(PrefixLimit {
                received: Some(1000),
                accepted: Some(800),
                warn_percent: 80,
                restart_seconds: Some(300),
            }),
            over_limit: 3,
            dropped: 0,
            too_long: 2,
            end_of_rib_received: vec!["ipv4-unicast".to_owned()],
            negotiated: Some(negotiated),
            path: Some(PathMonitoring { session: Some(session()), error: None }),
            local_address: Some("172.16.0.11:40000".parse().unwrap()),
            remote_address: Some("172.16.0.1:179".parse().unwrap()),
            ..detail()
        };
        answer.summary.role = PeerRole::Client;
        assert_eq!(
            peer(&answer),
            "\
peer                tor1
description         top of rack, row 1
address             172.16.0.1
AS                  65001
our AS              64999, prepended to its routes, in place of our own
role                client of cluster 10.0.0.11
our BGP role        provider
group               -
connected from      -
import filters      pods-only, no-default
export filters      - (nothing is advertised: RFC 8212, global.ebgp_without_filters)
families            ipv4-unicast
next hop            auto
AS path sent        private numbers removed
prefix limit        1000 received, 800 accepted; warns at 80%, down for 5m00s
state               Established since 2h03m
held down           -
restart             -
last error          connection refused
dialing             by both sides, every 10s
next timer          in 4s
connection          172.16.0.11:40000 to 172.16.0.1:179
path (BFD)          up since 2h03m, 2 failures, detection time 150.000 ms
peer's router id    172.16.0.1
agreed families     ipv4-unicast
hold time           1m30s, keepalive 30s
path ids received   ipv4-unicast
path ids sent       ipv4-unicast, at most 4 to a prefix
end of RIB from it  ipv4-unicast
end of RIB to it    -
host name           tor1.rack
software            FRRouting/10.2
capabilities        4-octet AS numbers, route refresh
peer offers         4-octet AS numbers
prefixes            100000 received, 99999 accepted, 3 advertised, 3 refused beyond the limit, 2 too long for the peer's messages
messages in         1200, 1000 updates among them
messages out        250, 2 updates among them
export groups       ipv4-unicast in group 1 of 24
"
        );
    }

    #[test]
    fn shows_what_is_wanted_while_the_session_is_down() {
        let absence = Some(PeerAbsence { seconds_left: 90, long_lived: true });
        let mut answer = PeerDetail { passive: true, absence, ..detail() };
        answer.summary.state = PeerState::Active;
        answer.timers.next_timeout_seconds = None;
        let text = peer(&answer);
        for line in [
            "state               Active since 2h03m\n",
            "dialing             by the peer, every 10s\n",
            "next timer          -\n",
            "restart             routes kept for 1m30s, as a last resort\n",
            "connection          -\n",
            "path (BFD)          not monitored\n",
            "hold time           3m00s, to be agreed on\n",
        ] {
            assert!(text.contains(line), "{line}in\n{text}");
        }
        assert!(!text.contains("capabilities"), "{text}");
    }

    fn detail() -> PeerDetail {
        PeerDetail {
            summary: established_peer(),
            group: None,
            dynamic_range: None,
            cluster_id: None,
            max_paths_sent: None,
            prefix_limit: None,
            over_limit: 0,
            dropped: 0,
            too_long: 0,
            end_of_rib_received: Vec::new(),
            end_of_rib_sent: Vec::new(),
            passive: false,
            our_role: None,
            denied: Vec::new(),
            import: vec!["pods-only".to_owned(), "no-default".to_owned()],
            export: Vec::new(),
            families: vec!["ipv4-unicast".to_owned()],
            local_asn: None,
            private_asns: None,
            route_server_client: false,
            next_hop: "auto".to_owned(),
            negotiated: None,
            absence: None,
            path: None,
            timers: SessionTimers {
                hold_time_seconds: 180,
                min_hold_time_seconds: None,
                connect_retry_seconds: 10,
                next_timeout_seconds: Some(4),
            },
            local_address: None,
            remote_address: None,
        }
    }
}
