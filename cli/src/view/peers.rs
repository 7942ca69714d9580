//! `margay show peers`

use margay_control::{PeerState, PeerSummary, Peers};

use super::time_span::time_span;
use crate::table::{Align, Table};

/// All peers, one a line.
pub(crate) fn peers(peers: &Peers) -> String {
    let mut table = Table::new([
        ("PEER", Align::Left),
        ("ADDRESS", Align::Left),
        ("AS", Align::Right),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("RECEIVED", Align::Right),
        ("ACCEPTED", Align::Right),
        ("ADVERTISED", Align::Right),
        ("LAST ERROR", Align::Left),
    ]);
    for peer in &peers.peers {
        table.row([
            peer.name.clone(),
            peer.address.to_string(),
            peer.remote_asn.to_string(),
            peer.state.to_string(),
            time_span(peer.since_seconds),
            peer.prefixes.received.to_string(),
            peer.prefixes.accepted.to_string(),
            peer.prefixes.advertised.to_string(),
            present_error(peer).to_owned(),
        ]);
    }
    if table.is_empty() { "no peers\n".to_owned() } else { table.to_string() }
}

/// The error that keeps the session down; what ended an earlier one is for `show peer`.
fn present_error(peer: &PeerSummary) -> &str {
    match (&peer.last_error, peer.state) {
        (Some(error), state) if state != PeerState::Established => error,
        _ => "",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use margay_control::{ExportGroupMember, MessageCounts, PrefixCounts};

    use super::*;

    #[test]
    fn shows_aligned_columns() {
        let node = PeerSummary {
            name: "2001:db8::12".to_owned(),
            address: "2001:db8::12".parse().unwrap(),
            remote_asn: 4_200_000_000,
            state: PeerState::Active,
            since_seconds: 7,
            prefixes: PrefixCounts::default(),
            last_error: Some("hold timer expired".to_owned()),
            ..established_peer()
        };
        assert_eq!(
            peers(&Peers { peers: vec![established_peer(), node] }),
            "\
PEER          ADDRESS               AS  STATE        SINCE  RECEIVED  ACCEPTED  ADVERTISED  LAST ERROR
tor1          172.16.0.1         65001  Established  2h03m    100000     99999           3
2001:db8::12  2001:db8::12  4200000000  Active          7s         0         0           0  hold timer expired
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
            remote_asn: 65001,
            description: Some("top of rack, row 1".to_owned()),
            state: PeerState::Established,
            since_seconds: 7384,
            uptime_seconds: Some(7384),
            prefixes: PrefixCounts { received: 100_000, accepted: 99_999, advertised: 3 },
            messages: MessageCounts { received: 1200, sent: 250, updates_received: 1000, updates_sent: 2 },
            last_error: Some("connection refused".to_owned()),
            export_groups: vec![ExportGroupMember { family: "ipv4-unicast".to_owned(), group: 1 }],
        }
    }
}
