//! Every state with every received state (RFC 5880 §6.2, §6.8.6).

use std::time::Duration;

use margay_bfd::{
    ControlPacket, Diagnostic, Discriminator, DownReason, Event, Flags, Intervals, Session, SessionOptions,
    State,
};
use margay_timestamp::Timestamp;

use State::{AdminDown, Down, Init, Up};

const NOW: Timestamp = Timestamp::START;

fn packet(state: State, your: Option<Discriminator>) -> Vec<u8> {
    packet_from(99, state, your)
}

/// A packet of the remote system's session with this discriminator.
fn packet_from(number: u32, state: State, your: Option<Discriminator>) -> Vec<u8> {
    let packet = ControlPacket {
        diagnostic: Diagnostic::NONE,
        state,
        flags: Flags::default(),
        detect_multiplier: 3,
        my_discriminator: Discriminator::new(number).expect("not zero"),
        your_discriminator: your,
        desired_min_tx: Duration::from_millis(50),
        required_min_rx: Duration::from_millis(50),
        required_min_echo_rx: Duration::ZERO,
    };
    packet.encode().octets().to_vec()
}

/// A session that was led to `state` by packets.
fn session_in(state: State) -> Session {
    let discriminator = Discriminator::new(1).expect("not zero");
    let intervals =
        Intervals::new(Duration::from_millis(50), Duration::from_millis(50), 3).expect("valid intervals");
    let options = SessionOptions { intervals, authentication: None };
    let mut session = Session::new(NOW, discriminator, options, 1, 1);
    let steps: &[State] = match state {
        AdminDown | Down => &[],
        Init => &[Down],
        Up => &[Down, Up],
    };
    for step in steps {
        session.handle_packet(NOW, &packet(*step, Some(discriminator))).expect("a valid packet");
    }
    if state == AdminDown {
        session.disable(NOW);
    }
    assert_eq!(session.state(), state);
    while session.poll_event().is_some() {}
    session
}

#[test]
fn each_state_follows_from_the_former_and_the_received_one() {
    for (before, received, after) in [
        (AdminDown, AdminDown, AdminDown),
        (AdminDown, Down, AdminDown),
        (AdminDown, Init, AdminDown),
        (AdminDown, Up, AdminDown),
        (Down, AdminDown, Down),
        (Down, Down, Init),
        (Down, Init, Up),
        (Down, Up, Down),
        (Init, AdminDown, Down),
        (Init, Down, Init),
        (Init, Init, Up),
        (Init, Up, Up),
        (Up, AdminDown, Down),
        (Up, Down, Down),
        (Up, Init, Up),
        (Up, Up, Up),
    ] {
        let mut session = session_in(before);
        session.handle_packet(NOW, &packet(received, Some(session.discriminator()))).unwrap();
        assert_eq!(session.state(), after, "{before}, receives {received}");
        let expected = match (before, received, after) {
            (Down | Init, _, Up) => Some(Event::Up),
            (Up, AdminDown, Down) => Some(Event::Down(DownReason::RemoteDisabled)),
            (Up, _, Down) => Some(Event::Down(DownReason::RemoteDown)),
            _ => None,
        };
        assert_eq!(session.poll_event(), expected, "{before}, receives {received}");
    }
}

#[test]
fn a_remote_system_that_begins_the_session_anew_is_not_a_failure_of_the_path() {
    for (number, expected) in [(99, DownReason::RemoteDown), (100, DownReason::RemoteRestarted)] {
        let mut session = session_in(Up);
        session.handle_packet(NOW, &packet_from(number, Down, None)).unwrap();
        assert_eq!((session.state(), session.poll_event()), (Down, Some(Event::Down(expected))));
        assert_eq!(expected.is_path_failure(), number == 99);
    }
}

#[test]
fn silence_ends_init_and_up_after_the_detection_time_and_not_before() {
    for before in [Init, Up] {
        let mut session = session_in(before);
        session.handle_timeout(NOW + Duration::from_micros(149_999));
        assert_eq!(session.state(), before);
        session.handle_timeout(NOW + Duration::from_millis(150));
        assert_eq!(session.state(), Down);
        assert_eq!(session.status().diagnostic, Diagnostic::DETECTION_TIME_EXPIRED);
        assert_eq!(
            session.status().remote_discriminator,
            None,
            "a restarted remote system has another number"
        );
        let expected = (before == Up).then_some(Event::Down(DownReason::DetectionTimeExpired));
        assert_eq!(session.poll_event(), expected);
    }
}

#[test]
fn a_packet_that_waited_in_the_socket_counts_before_the_timer() {
    let mut session = session_in(Up);
    let late = NOW + Duration::from_secs(5);
    session.handle_packet(late, &packet(Up, Some(session.discriminator()))).unwrap();
    session.handle_timeout(late);
    assert_eq!(session.state(), Up);
}

#[test]
fn answers_poll_with_final_at_once_and_only_once() {
    let mut session = session_in(Up);
    while session.poll_transmit(NOW).is_some() {}
    let mut octets = packet(Up, Some(session.discriminator()));
    octets[1] |= 0x20;
    session.handle_packet(NOW, &octets).unwrap();
    let answer = session.poll_transmit(NOW).unwrap();
    let (answer, _) = ControlPacket::decode(answer.octets()).unwrap();
    assert!(answer.flags.has(Flags::FINAL) && !answer.flags.has(Flags::POLL));
    assert_eq!(session.poll_transmit(NOW), None);
}

#[test]
fn is_silent_while_the_remote_system_asks_for_it() {
    for (name, change) in [
        ("demand mode", (|octets| octets[1] |= 0x02) as fn(&mut Vec<u8>)),
        ("required minimum receive interval of zero", |octets| octets[16..20].fill(0)),
    ] {
        let mut session = session_in(Up);
        let mut octets = packet(Up, Some(session.discriminator()));
        octets[1] |= 0x10;
        change(&mut octets);
        session.handle_packet(NOW, &octets).unwrap();
        assert_eq!(session.poll_transmit(NOW + Duration::from_secs(1)), None, "{name}");
        session.handle_packet(NOW, &packet(Up, Some(session.discriminator()))).unwrap();
        assert!(session.poll_transmit(NOW + Duration::from_secs(1)).is_some(), "{name} ends");
    }
}
