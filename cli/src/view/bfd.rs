//! `margay show bfd`

use margay_control::BfdSessions;

use super::time_span::time_span;
use super::{milliseconds, or_dash};
use crate::table::{Align, Table};

/// All BFD sessions, one a line.
pub(crate) fn bfd(sessions: &BfdSessions) -> String {
    let mut table = Table::new([
        ("PEER", Align::Left),
        ("REMOTE", Align::Left),
        ("LOCAL", Align::Left),
        ("HOPS", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("FAILURES", Align::Right),
        ("SENT EVERY MS", Align::Right),
        ("DETECTION MS", Align::Right),
        ("REMOTE STATE", Align::Left),
        ("DIAGNOSTIC", Align::Left),
    ]);
    for session in &sessions.sessions {
        table.row([
            or_dash(session.peer.as_ref()),
            session.remote_address.to_string(),
            session.local_address.to_string(),
            if session.multihop { "several" } else { "one" }.to_owned(),
            session.state.clone(),
            time_span(session.since_seconds),
            session.failures.to_string(),
            milliseconds(session.transmit_interval_microseconds),
            or_dash(session.detection_time_microseconds.map(milliseconds)),
            or_dash(session.remote_state.as_ref()),
            session.diagnostic.clone(),
        ]);
    }
    if table.is_empty() { "no BFD sessions\n".to_owned() } else { table.to_string() }
}

#[cfg(test)]
pub(super) mod tests {
    use margay_control::BfdSession;

    use super::*;

    #[test]
    fn shows_each_session_on_a_line() {
        let leaving = BfdSession {
            peer: None,
            remote_address: "2001:db8::1".parse().unwrap(),
            multihop: true,
            state: "admin down".to_owned(),
            failures: 0,
            diagnostic: "administratively down".to_owned(),
            remote_state: None,
            detection_time_microseconds: None,
            ..session()
        };
        assert_eq!(
            bfd(&BfdSessions { sessions: vec![session(), leaving] }),
            "\
PEER  REMOTE       LOCAL        HOPS     STATE       SINCE  FAILURES  SENT EVERY MS  DETECTION MS  REMOTE STATE  DIAGNOSTIC
tor1  172.16.0.1   172.16.0.11  one      up          2h03m         2         50.000       150.000  up            no diagnostic
-     2001:db8::1  172.16.0.11  several  admin down  2h03m         0         50.000             -  -             administratively down
"
        );
        assert_eq!(bfd(&BfdSessions::default()), "no BFD sessions\n");
    }

    pub(in crate::view) fn session() -> BfdSession {
        BfdSession {
            peer: Some("tor1".to_owned()),
            remote_address: "172.16.0.1".parse().unwrap(),
            local_address: "172.16.0.11".parse().unwrap(),
            multihop: false,
            state: "up".to_owned(),
            since_seconds: 7384,
            failures: 2,
            diagnostic: "no diagnostic".to_owned(),
            remote_state: Some("up".to_owned()),
            remote_diagnostic: Some("no diagnostic".to_owned()),
            transmit_interval_microseconds: 50_000,
            detection_time_microseconds: Some(150_000),
            local_discriminator: 1,
            remote_discriminator: Some(2),
        }
    }
}
