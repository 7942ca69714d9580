//! What others than the peer can do from the peer's address, before any OPEN was accepted: nothing that keeps the peer out.

use std::time::Duration;

use bgp_codec::Asn;
use margay_session::{ConnectionEvent, Event, SessionOptions, State};

use crate::rig::{HIGHER_IDENTIFIER, LOWER_IDENTIFIER, Rig, cease, decode_failed, open, options, passive};

fn started(options: SessionOptions) -> Rig {
    let mut rig = Rig::new(options);
    rig.tell(Event::Start);
    rig
}

/// Brings the session up on the connection that the peer opened last.
fn bring_up(rig: &mut Rig) {
    rig.on_accepted(ConnectionEvent::Open(open(HIGHER_IDENTIFIER)));
    rig.on_accepted(ConnectionEvent::Keepalive);
}

#[test]
fn garbage_does_not_keep_the_peer_out() {
    let mut wrong_asn = open(LOWER_IDENTIFIER);
    wrong_asn.asn = Asn(65099);
    for garbage in [
        decode_failed(),
        ConnectionEvent::Open(wrong_asn),
        ConnectionEvent::Update,
        ConnectionEvent::Notification(cease()),
        ConnectionEvent::Closed,
    ] {
        for options in [passive(), options()] {
            let mut rig = started(options);
            for _ in 0..100 {
                rig.incoming();
                rig.on_accepted(garbage.clone());
                rig.pass(0);
            }
            assert_ne!(rig.session.state(), State::Idle, "{garbage:?}");
            rig.incoming();
            bring_up(&mut rig);
            assert_eq!(rig.session.established(), rig.accepted, "{garbage:?}");
        }
    }
}

#[test]
fn others_that_connect_meanwhile_do_not_cost_the_peer_its_connection() {
    let mut rig = started(passive());
    rig.incoming();
    let peer = rig.accepted;
    for _ in 0..7 {
        rig.incoming();
    }
    rig.tell(Event::On(peer.unwrap(), ConnectionEvent::Open(open(LOWER_IDENTIFIER))));
    for _ in 0..100 {
        rig.incoming();
        rig.on_accepted(decode_failed());
        rig.incoming();
    }
    rig.tell(Event::On(peer.unwrap(), ConnectionEvent::Keepalive));
    assert_eq!(rig.session.established(), peer);
}

#[test]
fn of_too_many_silent_connections_the_oldest_is_closed() {
    let mut rig = started(passive());
    for _ in 0..8 {
        assert_eq!(rig.incoming().len(), if rig.accepted.unwrap().number() == 1 { 2 } else { 1 });
    }
    assert_eq!(rig.incoming(), ["send #9 OPEN", "close #1 with 6/7 (Superseded)"]);
    assert_eq!(rig.incoming(), ["send #10 OPEN", "close #2 with 6/7 (Superseded)"]);
}

#[test]
fn silent_connections_are_closed_with_the_session_s_stop_and_after_a_while() {
    let mut rig = started(passive());
    rig.incoming();
    rig.now = rig.now + Duration::from_secs(1);
    rig.incoming();
    assert_eq!(
        rig.pass(240),
        [
            "240 close #1 with 4/0 (HoldTimerExpired)",
            "241 close #2 with 4/0 (HoldTimerExpired)",
            "241 state Active"
        ]
    );
    rig.incoming();
    assert_eq!(
        rig.tell(Event::Stop(margay_session::StopReason::PeerDeconfigured)),
        ["close #3 with 6/3 (Stopped(PeerDeconfigured))", "state Idle"]
    );
}

#[test]
fn a_session_that_is_up_closes_what_else_came_from_the_address() {
    let mut rig = started(passive());
    rig.incoming();
    rig.incoming();
    rig.on_accepted(ConnectionEvent::Open(open(HIGHER_IDENTIFIER)));
    assert_eq!(
        rig.on_accepted(ConnectionEvent::Keepalive),
        ["close #1 with 6/7 (Collision)", "established #2", "state Established"]
    );
}

#[test]
fn a_peer_that_flaps_is_slowed_down() {
    let mut rig = started(passive());
    for session in 0..10 {
        rig.incoming();
        bring_up(&mut rig);
        assert_eq!(rig.session.established(), rig.accepted, "{session}");
        rig.on_accepted(ConnectionEvent::Closed);
    }
    assert_eq!(rig.incoming()[0], "close #11 with 6/5 (Refused)");
    rig.now = rig.now + Duration::from_secs(1);
    rig.incoming();
    bring_up(&mut rig);
    assert_eq!(rig.session.established(), rig.accepted);
    rig.on_accepted(ConnectionEvent::Closed);
    assert_eq!(rig.incoming()[0], "close #13 with 6/5 (Refused)");
}
