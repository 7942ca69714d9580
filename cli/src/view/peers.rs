//! `margay show peers`

use margay_control::{PeerState, PeerSummary, Peers};

use super::time_span::time_span;
use crate::table::{Align, Table};

/// All peers, one per line.
pub(crate) fn peers(peers: &Peers) -> String {
    let mut table = Table::new([
        ("PEER", Align::Left),
        ("ADDRESS", Align::Left),
        ("AS", Align::Right),
        ("ROLE", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("RECEIVED", Align::Right),
        ("ACCEPTED", Align::Right),
        ("ADVERTISED", Align::Right),
        ("GROUPS", Align::Left),
        ("LAST ERROR", Align::Left),
    ]);
    for peer in &peers.peers {
        table.row([
            peer.name.clone(),
            peer.host(),
            peer.remote_asn.map_or_else(|| peer.expected_asn.clone(), |asn| asn.to_string()),
            peer.role.to_string(),
            peer.state.to_string(),
            time_span(peer.since_seconds),
            peer.prefixes.received.to_string(),
            peer.prefixes.accepted.to_string(),
            peer.prefixes.advertised.to_string(),
            export_groups(peer),
            present_error(peer).to_owned(),
        ]);
    }
    let left_out = peers.left_out.iter().map(|left_out| format!("left out: {left_out}\n"));
    let text = if table.is_empty() { "no peers\n".to_owned() } else { table.to_string() };
    text + &left_out.collect::<String>()
}

/// Such as `ipv4 #1 (2000)`: the group's number and its number of peers.
fn export_groups(peer: &PeerSummary) -> String {
    let groups = peer.export_groups.iter().map(|member| {
        let family = member.family.strip_suffix("-unicast").unwrap_or(&member.family);
        format!("{family} #{} ({})", member.group, member.members)
    });
    groups.collect::<Vec<_>>().join(", ")
}

/// Why the session is down; the end of an earlier session is shown by `show peer`.
fn present_error(peer: &PeerSummary) -> &str {
    if let Some(reason) = &peer.held_down {
        return reason;
    }
    match (&peer.last_error, peer.state) {
        (Some(error), state) if state != PeerState::Established => error,
        _ => "",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use margay_control::{ExportGroupMember, MessageCounts, PeerRole, PrefixCounts};

    use super::*;

    #[test]
    fn shows_aligned_columns() {
        let node = PeerSummary {
            name: "2001:db8::12".to_owned(),
            address: "2001:db8::12".parse().unwrap(),
            interface: None,
            port: 179,
            source_address: None,
            remote_asn: Some(4_200_000_000),
            expected_asn: "external".to_owned(),
            state: PeerState::Active,
            since_seconds: 7,
            prefixes: PrefixCounts::default(),
            role: PeerRole::Client,
            export_groups: Vec::new(),
            last_error: Some("hold timer expired".to_owned()),
            held_down: None,
            ..established_peer()
        };
        assert_eq!(
            peers(&Peers { peers: vec![established_peer(), node], left_out: Vec::new() }),
            "\
PEER          ADDRESS               AS  ROLE      STATE        SINCE  RECEIVED  ACCEPTED  ADVERTISED  GROUPS        LAST ERROR
tor1          172.16.0.1         65001  external  Established  2h03m    100000     99999           3  ipv4 #1 (24)
2001:db8::12  2001:db8::12  4200000000  client    Active          7s         0         0           0                hold timer expired
"
        );
    }

    #[test]
    fn says_that_there_are_none() {
        assert_eq!(peers(&Peers::default()), "no peers\n");
    }

    pub(crate) fn established_peer() -> PeerSummary {
        PeerSummary {
            name: "tor1".to_owned(),
            address: "172.16.0.1".parse().unwrap(),
            interface: None,
            port: 179,
            source_address: None,
            remote_asn: Some(65001),
            expected_asn: "65001".to_owned(),
            role: PeerRole::External,
            description: Some("top of rack, row 1".to_owned()),
            state: PeerState::Established,
            since_seconds: 7384,
            uptime_seconds: Some(7384),
            prefixes: PrefixCounts { received: 100_000, accepted: 99_999, advertised: 3 },
            messages: MessageCounts { received: 1200, sent: 250, updates_received: 1000, updates_sent: 2 },
            last_error: Some("connection refused".to_owned()),
            held_down: None,
            export_groups: vec![ExportGroupMember {
                family: "ipv4-unicast".to_owned(),
                group: 1,
                members: 24,
            }],
        }
    }
}
