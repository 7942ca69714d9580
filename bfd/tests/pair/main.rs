//! Two systems on a simulated link, in virtual time.

mod link;

use std::time::Duration;

use margay_bfd::{
    Authentication, AuthenticationKind, DownReason, Event, Hops, Intervals, Key, Rejection, SessionOptions,
    State,
};
use proptest::prelude::*;

use crate::link::{Link, Side};

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn options(interval: u64, multiplier: u8) -> SessionOptions {
    let intervals =
        Intervals::new(milliseconds(interval), milliseconds(interval), multiplier).expect("valid intervals");
    SessionOptions { intervals, authentication: None }
}

fn authenticated(kind: AuthenticationKind, secrets: &[&str]) -> SessionOptions {
    let keys: Vec<Key> = (1..)
        .zip(secrets)
        .map(|(id, secret)| Key::new(kind, id, secret.as_bytes()).expect("it fits"))
        .collect();
    let authentication = Authentication::new(kind, keys[0].clone(), keys[1..].to_vec());
    SessionOptions { authentication: Some(authentication), ..options(50, 3) }
}

const KINDS: [AuthenticationKind; 5] = [
    AuthenticationKind::SimplePassword,
    AuthenticationKind::KeyedMd5,
    AuthenticationKind::MeticulousKeyedMd5,
    AuthenticationKind::KeyedSha1,
    AuthenticationKind::MeticulousKeyedSha1,
];

#[test]
fn comes_up_and_reports_a_cut_within_the_detection_time() {
    let mut link = Link::new(1, options(50, 3), options(50, 3));
    link.run(milliseconds(3_000));
    assert_eq!(link.states(), [State::Up, State::Up]);
    assert_eq!(link.take_events(Side::Left), [Event::Up]);
    link.cut();
    link.run(milliseconds(99));
    assert_eq!(link.states(), [State::Up, State::Up], "the detection time has not passed yet");
    link.run(milliseconds(61));
    assert_eq!(link.states(), [State::Down, State::Down]);
    assert_eq!(link.take_events(Side::Left), [Event::Down(DownReason::DetectionTimeExpired)]);
    link.mend();
    link.run(milliseconds(3_000));
    assert_eq!(link.states(), [State::Up, State::Up]);
}

#[test]
fn sends_at_the_slower_side_s_interval_and_slowly_while_down() {
    let mut link = Link::new(2, options(50, 3), options(200, 3));
    link.run(milliseconds(5_000));
    link.count_packets();
    link.run(milliseconds(10_000));
    for packets in link.count_packets() {
        assert!((50..=67).contains(&packets), "{packets} packets in 10 s at 150 to 200 ms");
    }
    link.cut();
    link.run(milliseconds(5_000));
    link.count_packets();
    link.run(milliseconds(10_000));
    for packets in link.count_packets() {
        assert!((10..=14).contains(&packets), "{packets} packets in 10 s at 750 to 1000 ms");
    }
}

#[test]
fn comes_up_with_each_kind_of_authentication_and_not_with_another_secret() {
    for kind in KINDS {
        let mut link = Link::new(3, authenticated(kind, &["secret"]), authenticated(kind, &["secret"]));
        link.run(milliseconds(3_000));
        assert_eq!(link.states(), [State::Up, State::Up], "{kind:?}");
        let mut link = Link::new(3, authenticated(kind, &["secret"]), authenticated(kind, &["other"]));
        link.run(milliseconds(3_000));
        assert_eq!(link.states(), [State::Down, State::Down], "{kind:?}");
    }
    let mut link = Link::new(3, authenticated(AuthenticationKind::KeyedSha1, &["secret"]), options(50, 3));
    link.run(milliseconds(3_000));
    assert_eq!(link.states(), [State::Down, State::Down], "only one side authenticates");
}

#[test]
fn refuses_a_replayed_packet() {
    for kind in [AuthenticationKind::MeticulousKeyedMd5, AuthenticationKind::MeticulousKeyedSha1] {
        let mut link = Link::new(4, authenticated(kind, &["secret"]), authenticated(kind, &["secret"]));
        link.run(milliseconds(3_000));
        let recorded = link.last_packet(Side::Left);
        link.run(milliseconds(1_000));
        assert!(matches!(link.inject(Side::Right, &recorded), Err(Rejection::Discarded(_))), "{kind:?}");
    }
}

#[test]
fn keys_change_one_side_after_the_other_without_a_loss() {
    let kind = AuthenticationKind::MeticulousKeyedSha1;
    let with = |secrets: &[(u8, &str)]| {
        let mut keys = secrets.iter().map(|(id, secret)| Key::new(kind, *id, secret.as_bytes()).unwrap());
        let first = keys.next().unwrap();
        SessionOptions {
            authentication: Some(Authentication::new(kind, first, keys.collect())),
            ..options(50, 3)
        }
    };
    let mut link = Link::new(5, with(&[(1, "old")]), with(&[(1, "old")]));
    link.run(milliseconds(3_000));
    for (side, secrets) in [
        (Side::Left, &[(1, "old"), (2, "new")][..]),
        (Side::Right, &[(1, "old"), (2, "new")]),
        (Side::Left, &[(2, "new"), (1, "old")]),
        (Side::Right, &[(2, "new"), (1, "old")]),
        (Side::Left, &[(2, "new")]),
        (Side::Right, &[(2, "new")]),
    ] {
        link.set_options(side, with(secrets));
        link.run(milliseconds(500));
    }
    assert_eq!(link.take_events(Side::Left), [Event::Up]);
    assert_eq!(link.take_events(Side::Right), [Event::Up]);
    assert_eq!(link.states(), [State::Up, State::Up]);
}

#[test]
fn new_intervals_take_effect_in_a_running_session() {
    let mut link = Link::new(6, options(50, 3), options(50, 3));
    link.run(milliseconds(3_000));
    for interval in [1_000, 20, 300, 50] {
        link.set_options(Side::Left, options(interval, 3));
        link.run(milliseconds(4_000));
        link.count_packets();
        link.run(milliseconds(10_000));
        let expected = 10_000 / interval.max(50);
        for packets in link.count_packets() {
            assert!((expected..=expected * 4 / 3 + 1).contains(&packets), "{packets} at {interval} ms");
        }
    }
    assert_eq!(link.take_events(Side::Left), [Event::Up], "the session never went down");
    assert_eq!(link.take_events(Side::Right), [Event::Up]);
}

#[test]
fn a_disabled_session_informs_the_remote_side_and_comes_back() {
    let mut link = Link::new(7, options(50, 3), options(50, 3));
    link.run(milliseconds(3_000));
    link.set_enabled(Side::Left, false);
    link.run(milliseconds(20));
    assert_eq!(link.states(), [State::AdminDown, State::Down]);
    assert_eq!(link.take_events(Side::Left), [Event::Up, Event::Down(DownReason::Disabled)]);
    assert_eq!(link.take_events(Side::Right), [Event::Up, Event::Down(DownReason::RemoteDisabled)]);
    link.run(milliseconds(3_000));
    link.set_enabled(Side::Left, true);
    link.run(milliseconds(3_000));
    assert_eq!(link.states(), [State::Up, State::Up]);
}

#[test]
fn a_restarted_side_is_recognised() {
    let mut link = Link::new(8, options(50, 3), options(50, 3));
    link.run(milliseconds(3_000));
    link.restart(Side::Right, options(50, 3));
    link.run(milliseconds(4_000));
    assert_eq!(link.states(), [State::Up, State::Up]);
    let events = link.take_events(Side::Left);
    assert_eq!(events.first(), Some(&Event::Up));
    assert!(matches!(events[..], [Event::Up, Event::Down(_), Event::Up]), "{events:?}");
}

#[test]
fn a_forwarded_packet_is_rejected_on_a_single_hop_and_taken_over_several() {
    for (hops, is_up) in [(Hops::Single, false), (Hops::Multiple, true)] {
        let mut link = Link::with_hops(9, options(50, 3), options(50, 3), hops);
        link.ttl = 254;
        link.run(milliseconds(3_000));
        assert_eq!(link.states()[0] == State::Up, is_up, "{hops:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Fewer losses in a row than the multiplier never end a session.
    #[test]
    fn no_false_alarm(seed in any::<u64>(), interval in 10_u64..400, multiplier in 3_u8..6, jitter in 0_u64..5) {
        let mut link = Link::new(seed, options(interval, multiplier), options(interval, multiplier));
        link.delay_spread = milliseconds(jitter);
        link.run(milliseconds(4_000));
        link.most_losses_in_a_row = u32::from(multiplier) - 2;
        link.loss_percent = 40;
        link.run(milliseconds(interval * 300));
        prop_assert_eq!(link.take_events(Side::Left), [Event::Up]);
        prop_assert_eq!(link.take_events(Side::Right), [Event::Up]);
    }

    /// Whatever happened, both sides are up again after the slow start, and know of a cut in time.
    #[test]
    fn always_recovers(seed in any::<u64>(), faults in prop::collection::vec((0_u8..6, 1_u64..2_000), 0..20)) {
        let mut link = Link::new(seed, options(50, 3), options(100, 4));
        for (fault, duration) in faults {
            match fault {
                0 => link.cut(),
                1 => link.mend(),
                2 => link.loss_percent = 60,
                3 => link.set_enabled(Side::Left, duration % 2 == 0),
                4 => link.restart(Side::Right, options(100, 4)),
                _ => link.set_options(Side::Left, options(20 + duration % 500, 3)),
            }
            link.run(milliseconds(duration));
        }
        link.mend();
        link.loss_percent = 0;
        link.set_enabled(Side::Left, true);
        link.run(milliseconds(8_000));
        prop_assert_eq!(link.states(), [State::Up, State::Up]);
        link.cut();
        link.run(milliseconds(600 * 4 + 100));
        prop_assert_eq!(link.states(), [State::Down, State::Down]);
    }
}
