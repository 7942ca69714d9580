//! The timers, in virtual time.

use std::time::Duration;

use margay_session::{
    CloseReason, ConnectionEvent, Event, IdleHoldRange, Jitter, SessionOptions, ShutdownMessage, State,
    StopReason,
};

use crate::rig::{
    LOWER_IDENTIFIER, Rig, cease, closes_for, decode_failed, hold_time, open, options, passive, update_error,
};

#[test]
fn keepalives_go_out_every_third_of_the_hold_time_until_silence_ends_the_session() {
    let mut rig = Rig::established();
    assert_eq!(
        rig.pass(100),
        [
            "30 send #1 KEEPALIVE",
            "60 send #1 KEEPALIVE",
            "90 down #1",
            "90 close #1 with 4/0 (HoldTimerExpired)",
            "90 state Idle",
            "95 connect #2",
            "95 state Connect",
            "100 close #2 (ConnectTimedOut)",
            "100 connect #3",
        ]
    );
}

#[test]
fn what_the_peer_sends_restarts_the_hold_timer() {
    for (event, is_sign_of_life) in [
        (ConnectionEvent::Keepalive, true),
        (ConnectionEvent::Update, true),
        (ConnectionEvent::RouteRefresh, false),
    ] {
        let mut rig = Rig::established();
        rig.pass(89);
        rig.on_dialed(event.clone());
        rig.pass(89);
        assert_eq!(rig.session.state() == State::Established, is_sign_of_life, "{event:?}");
    }
}

#[test]
fn the_smaller_hold_time_is_used() {
    let mut rig = Rig::open_sent();
    rig.on_dialed(ConnectionEvent::Open(bgp_codec::Open {
        hold_time: hold_time(9),
        ..open(LOWER_IDENTIFIER)
    }));
    rig.on_dialed(ConnectionEvent::Keepalive);
    let log = rig.pass(9);
    assert_eq!(log[..2], ["3 send #1 KEEPALIVE", "6 send #1 KEEPALIVE"]);
    assert!(closes_for(&log, &CloseReason::HoldTimerExpired), "{log:?}");
}

#[test]
fn hold_time_zero_means_neither_keepalives_nor_expiry() {
    for (ours, theirs) in [(0, 90), (90, 0), (0, 0)] {
        let mut rig = Rig::new(SessionOptions { hold_time: hold_time(ours), ..options() });
        rig.tell(Event::Start);
        rig.connect();
        rig.on_dialed(ConnectionEvent::Open(bgp_codec::Open {
            hold_time: hold_time(theirs),
            ..open(LOWER_IDENTIFIER)
        }));
        rig.on_dialed(ConnectionEvent::Keepalive);
        assert_eq!(rig.session.next_timeout(), None, "{ours} and {theirs}");
        assert_eq!(rig.pass(1_000_000), [""; 0]);
        assert_eq!(rig.session.state(), State::Established);
    }
}

#[test]
fn a_peer_without_an_open_is_given_up_after_four_minutes() {
    let mut rig = Rig::open_sent();
    assert_eq!(rig.pass(240), ["240 close #1 with 4/0 (HoldTimerExpired)", "240 state Idle"]);
}

#[test]
fn a_dial_that_takes_too_long_gives_way_to_another() {
    let mut rig = Rig::started();
    assert_eq!(rig.pass(5), ["5 close #1 (ConnectTimedOut)", "5 connect #2"]);
}

#[test]
fn a_dial_that_fails_is_repeated_after_the_connect_retry_time() {
    let mut rig = Rig::started();
    rig.tell(Event::ConnectFailed(rig.dialed.unwrap()));
    assert_eq!(rig.session.state(), State::Active);
    assert_eq!(rig.pass(5), ["5 connect #2", "5 state Connect"]);
}

#[test]
fn a_connection_lost_before_the_open_is_an_attempt_and_not_a_failure() {
    let mut rig = Rig::open_sent();
    rig.on_dialed(ConnectionEvent::Closed);
    assert_eq!(rig.session.state(), State::Active);
    assert_eq!(rig.pass(5), ["5 connect #2", "5 state Connect"]);
}

#[test]
fn jitter_shortens_by_up_to_a_quarter() {
    let mut rig = Rig::new(SessionOptions { jitter: Jitter::new(0.0), ..options() });
    rig.tell(Event::Start);
    assert_eq!(rig.pass(4), ["3.75 close #1 (ConnectTimedOut)", "3.75 connect #2"]);
    rig.session.set_jitter(Jitter::new(1.0));
    rig.tell(Event::ConnectFailed(rig.dialed.unwrap()));
    assert_eq!(rig.pass(5), ["9 connect #3", "9 state Connect"]);
}

#[test]
fn the_wait_doubles_with_each_failure_in_a_row() {
    let mut rig = Rig::started();
    let mut waits = Vec::new();
    for _ in 0..6 {
        rig.connect();
        rig.on_dialed(ConnectionEvent::Notification(cease()));
        waits.push(rig.session.next_timeout().unwrap().since(rig.now).as_secs());
        rig.pass(*waits.last().unwrap());
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
}

#[test]
fn sessions_that_come_up_only_to_fail_wait_longer_each_time() {
    let mut rig = Rig::established();
    rig.on_dialed(decode_failed());
    rig.pass(5);
    rig.connect();
    rig.on_dialed(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    rig.on_dialed(ConnectionEvent::Keepalive);
    rig.on_dialed(decode_failed());
    assert_eq!(rig.session.next_timeout().unwrap().since(rig.now), Duration::from_secs(10));
}

#[test]
fn a_stop_and_start_forgets_former_failures() {
    let mut rig = Rig::open_sent();
    rig.on_dialed(ConnectionEvent::Notification(cease()));
    rig.tell(Event::Stop(StopReason::AdministrativeReset(ShutdownMessage::default())));
    assert_eq!(rig.tell(Event::Start), ["connect #2", "state Connect"]);
    rig.connect();
    rig.on_dialed(ConnectionEvent::Notification(cease()));
    assert_eq!(rig.session.next_timeout().unwrap().since(rig.now), Duration::from_secs(5));
}

#[test]
fn a_stopped_session_does_nothing_by_itself() {
    let mut rig = Rig::established();
    rig.tell(Event::Stop(StopReason::AdministrativeShutdown(ShutdownMessage::default())));
    assert_eq!(rig.session.next_timeout(), None);
    assert_eq!(rig.pass(1_000_000), [""; 0]);
}

#[test]
fn a_passive_session_never_dials() {
    let mut rig = Rig::new(passive());
    rig.tell(Event::Start);
    let mut log = rig.pass(10_000);
    rig.incoming();
    rig.on_accepted(ConnectionEvent::Closed);
    log.extend(rig.pass(10_000));
    rig.incoming();
    rig.on_accepted(ConnectionEvent::Notification(update_error()));
    log.extend(rig.pass(10_000));
    assert_eq!(log, [""; 0], "it waits, and nothing else");
    assert_eq!(rig.incoming().first().unwrap(), "send #3 OPEN");
}

#[test]
fn a_peer_that_comes_back_while_we_rest_is_accepted_and_dialed_when_it_stays_silent() {
    let mut rig = Rig::established();
    rig.on_dialed(ConnectionEvent::Closed);
    rig.pass(1);
    assert_eq!(rig.incoming(), ["send #2 OPEN", "state OpenSent"]);
    assert_eq!(rig.pass(4), ["5 connect #3"]);
}

#[test]
fn a_peer_that_comes_back_after_a_protocol_error_is_refused_until_the_wait_is_over() {
    let mut rig = Rig::established();
    rig.on_dialed(decode_failed());
    rig.pass(1);
    assert_eq!(rig.incoming(), ["close #2 with 6/5 (Refused)"]);
    rig.pass(4);
    assert_eq!(rig.incoming(), ["send #4 OPEN", "state OpenSent"]);
}

#[test]
fn a_peer_that_takes_no_octets_is_given_up_after_the_send_hold_time() {
    for (hold_seconds, send_hold, expected) in
        [(90, None, 480), (300, None, 600), (0, None, 480), (90, Some(Duration::from_secs(20)), 20)]
    {
        let mut rig = Rig::new(SessionOptions { hold_time: hold_time(hold_seconds), send_hold, ..options() });
        rig.tell(Event::Start);
        rig.connect();
        rig.on_dialed(ConnectionEvent::Open(bgp_codec::Open {
            hold_time: hold_time(hold_seconds),
            ..open(LOWER_IDENTIFIER)
        }));
        rig.on_dialed(ConnectionEvent::Keepalive);
        rig.on_dialed(ConnectionEvent::SendBlocked);
        let mut log = Vec::new();
        for _ in 0..expected {
            // Said again and again, it is the first time that counts; and the peer itself is alive.
            rig.on_dialed(ConnectionEvent::SendBlocked);
            rig.on_dialed(ConnectionEvent::Keepalive);
            log = rig.pass(1);
        }
        let expected = format!("{expected} close #1 with 8/0 (SendHoldTimerExpired)");
        assert!(log.contains(&expected), "hold {hold_seconds}, send hold {send_hold:?}: {log:?}");
    }
}

#[test]
fn octets_taken_stop_the_send_hold_timer() {
    let mut rig = Rig::new(SessionOptions { hold_time: hold_time(0), ..options() });
    rig.tell(Event::Start);
    rig.connect();
    rig.on_dialed(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    rig.on_dialed(ConnectionEvent::Keepalive);
    rig.on_dialed(ConnectionEvent::SendBlocked);
    rig.pass(479);
    rig.on_dialed(ConnectionEvent::SendProgress);
    rig.pass(1_000);
    assert_eq!(rig.session.state(), State::Established);
    rig.on_dialed(ConnectionEvent::SendBlocked);
    assert!(closes_for(&rig.pass(480), &CloseReason::SendHoldTimerExpired));
}

#[test]
fn our_own_pause_is_not_the_peers_silence() {
    let mut rig = Rig::established();
    rig.pass(80);
    rig.on_dialed(ConnectionEvent::ReadPaused);
    rig.pass(500);
    assert_eq!(rig.session.state(), State::Established);
    rig.on_dialed(ConnectionEvent::ReadResumed);
    rig.pass(89);
    assert_eq!(rig.session.state(), State::Established);
    assert!(closes_for(&rig.pass(1), &CloseReason::HoldTimerExpired));
}

#[test]
fn a_session_up_for_the_longest_wait_starts_over_with_the_shortest() {
    let idle_hold = IdleHoldRange { shortest: Duration::from_secs(5), longest: Duration::from_secs(60) };
    let mut rig = Rig::new(SessionOptions { hold_time: hold_time(0), idle_hold, ..options() });
    rig.tell(Event::Start);
    for _ in 0..4 {
        rig.connect();
        rig.on_dialed(ConnectionEvent::Notification(cease()));
        rig.pass(rig.session.next_timeout().unwrap().since(rig.now).as_secs());
    }
    rig.connect();
    rig.on_dialed(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    rig.on_dialed(ConnectionEvent::Keepalive);
    rig.pass(60);
    rig.on_dialed(ConnectionEvent::Closed);
    assert_eq!(rig.session.next_timeout().unwrap().since(rig.now), Duration::from_secs(5));
}

#[test]
fn a_session_that_ended_for_too_many_prefixes_refuses_the_peer_for_the_restart_time() {
    let mut rig = Rig::established();
    rig.incoming();
    let restart = Duration::from_secs(300);
    let log = rig.tell(Event::Interrupt(StopReason::MaximumPrefixes { restart }));
    let reason = "(Interrupted(MaximumPrefixes { restart: 300s }))";
    assert_eq!(log[..2], ["down #1".to_owned(), format!("close #1 with 6/1 {reason}")]);
    assert_eq!(log.last().map(String::as_str), Some("state Idle"), "{log:?}");
    assert_eq!(rig.pass(299), [""; 0]);
    assert_eq!(rig.incoming(), ["close #3 with 6/5 (Refused)"]);
    assert_eq!(rig.pass(1), ["300 connect #4", "300 state Connect"]);
}
