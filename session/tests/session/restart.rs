//! Graceful restart: which routes outlive a session, and how a peer that restarted is recognised.

use std::time::Duration;

use bgp_codec::{
    Capability, Family, GracefulRestart, GracefulRestartFamily, LongLivedFamily, Notification,
    NotificationCode,
};
use margay_session::{
    Action, CloseReason, ConnectionEvent, Departure, Event, Negotiated, RestartTerms, SessionOptions,
    ShutdownMessage, StopReason,
};

use crate::rig::{
    LOWER_IDENTIFIER, Rig, cease, closes_for, decode_failed, notification, open, options, update_error,
};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

/// The capability of a peer that keeps `families` for 120 s; the flag is the F bit of all.
fn restart(families: &[Family], forwarding_preserved: bool, survives_notification: bool) -> Capability {
    let entry = |&family| GracefulRestartFamily { family, forwarding_preserved };
    Capability::GracefulRestart(GracefulRestart {
        restarted: false,
        survives_notification,
        restart_time_seconds: 120,
        families: families.iter().map(entry).collect(),
    })
}

fn long_lived(family: Family, stale_time_seconds: u32) -> Capability {
    let entry = LongLivedFamily { family, forwarding_preserved: false, stale_time_seconds };
    Capability::LongLivedGracefulRestart(vec![entry])
}

fn options_with(capabilities: &[Capability]) -> SessionOptions {
    let mut options = options();
    options.capabilities.0.extend_from_slice(capabilities);
    options
}

/// A session that is up on the connection it dialed, between sides with these further capabilities.
fn established(ours: &[Capability], theirs: &[Capability]) -> Rig {
    let mut rig = Rig::new(options_with(ours));
    rig.tell(Event::Start);
    rig.connect();
    let mut open = open(LOWER_IDENTIFIER);
    open.capabilities.0.extend_from_slice(theirs);
    rig.on_dialed(ConnectionEvent::Open(open));
    rig.on_dialed(ConnectionEvent::Keepalive);
    assert!(rig.session.established().is_some());
    rig
}

fn terms(rig: &Rig) -> Option<RestartTerms> {
    let negotiated: &Negotiated = rig.session.negotiated(rig.session.established()?)?;
    negotiated.restart.clone()
}

#[test]
fn terms_follow_from_both_opens() {
    let both = [V4, V6];
    assert_eq!(terms(&established(&[], &[restart(&both, true, true)])), None, "we do not advertise it");
    assert_eq!(terms(&established(&[restart(&both, true, true)], &[])), None, "the peer does not");
    let evpn = Family { afi: bgp_codec::Afi(25), safi: bgp_codec::Safi(70) };
    let rig = established(
        &[restart(&both, true, true), long_lived(V4, 3600)],
        &[restart(&[V4, evpn], true, false), long_lived(V4, 7200)],
    );
    assert_eq!(
        terms(&rig),
        Some(RestartTerms {
            families: vec![V4],
            forwarding_preserved: vec![V4],
            keeps_ours: true,
            restart_time: Duration::from_secs(120),
            peer_has_restarted: false,
            survives_notification: false,
            long_lived: vec![(V4, Duration::from_secs(7200))],
            long_lived_preserved: Vec::new(),
        }),
        "families in use only, the N bit of both, the times of the peer"
    );
    let rig = established(&[restart(&[], false, true)], &[restart(&both, false, true), long_lived(V6, 0)]);
    let terms = terms(&rig).unwrap();
    assert_eq!((terms.families, terms.forwarding_preserved), (both.to_vec(), vec![]), "we help all the same");
    assert!(terms.survives_notification);
    assert_eq!(terms.long_lived, []);
}

/// A row: what ends the session, and whether routes are kept with the N bit of both, and without.
type Row = (&'static str, fn(&mut Rig) -> Vec<String>, [bool; 2]);

#[test]
fn routes_are_kept_after_what_may_be_a_restart_and_not_after_what_is_meant() {
    let rows: &[Row] = &[
        ("connection lost", |rig| rig.on_dialed(ConnectionEvent::Closed), [true, true]),
        ("administrative shutdown received", |rig| received(rig, cease()), [true, false]),
        ("UPDATE error received", |rig| received(rig, update_error()), [true, false]),
        (
            "hard reset received",
            |rig| received(rig, notification(NotificationCode::CEASE, 9)),
            [false, false],
        ),
        ("malformed message received", |rig| rig.on_dialed(decode_failed()), [true, false]),
        ("hold timer expired", |rig| rig.pass(90), [true, false]),
        (
            "administrative reset",
            |rig| rig.tell(Event::Stop(StopReason::AdministrativeReset(ShutdownMessage::default()))),
            [true, false],
        ),
        ("deconfigured", |rig| rig.tell(Event::Stop(StopReason::PeerDeconfigured)), [false, false]),
        (
            "too many prefixes",
            |rig| rig.tell(Event::Stop(StopReason::MaximumPrefixes { restart: Duration::ZERO })),
            [false, false],
        ),
        ("path down", |rig| rig.tell(Event::PathDown), [false, false]),
    ];
    for (name, end, expected) in rows {
        let kept = [true, false].map(|survives_notification| {
            let capability = restart(&[V4], true, survives_notification);
            let log =
                end(&mut established(std::slice::from_ref(&capability), std::slice::from_ref(&capability)));
            let down = log.iter().find(|line| line.contains("down #"));
            down.unwrap_or_else(|| panic!("{name}: {log:?}")).contains("routes kept")
        });
        assert_eq!(kept, *expected, "{name}");
    }
    let mut rig = established(&[restart(&[V4], true, true)], &[restart(&[], true, true)]);
    let log = rig.on_dialed(ConnectionEvent::Closed);
    assert!(log.contains(&"down #1".to_owned()), "the peer names no family: {log:?}");
}

fn received(rig: &mut Rig, notification: Notification) -> Vec<String> {
    rig.on_dialed(ConnectionEvent::Notification(notification))
}

#[test]
fn a_stop_that_is_meant_is_a_hard_reset_where_the_peer_would_keep_routes() {
    let shutdown = Notification::administrative_shutdown("");
    let hard = |inner: &Notification| {
        let data = [&[inner.code.0, inner.subcode], &inner.data[..]].concat();
        Notification { code: NotificationCode::CEASE, subcode: 9, data }
    };
    for (survives_notification, reason, expected) in [
        (true, StopReason::AdministrativeShutdown(ShutdownMessage::default()), Some(hard(&shutdown))),
        (
            true,
            StopReason::MaximumPrefixes { restart: Duration::ZERO },
            Some(hard(&Notification::maximum_prefixes_reached())),
        ),
        (
            true,
            StopReason::AdministrativeReset(ShutdownMessage::default()),
            Some(Notification::administrative_reset("")),
        ),
        (true, StopReason::Restart, None),
        (false, StopReason::AdministrativeShutdown(ShutdownMessage::default()), Some(shutdown.clone())),
        (false, StopReason::Restart, None),
    ] {
        let capability = restart(&[V4], true, survives_notification);
        let mut rig = established(std::slice::from_ref(&capability), std::slice::from_ref(&capability));
        rig.session.handle_event(rig.now, Event::Stop(reason.clone()));
        let sent = std::iter::from_fn(|| rig.session.poll_action()).find_map(|action| match action {
            Action::Close(_, _, notification) => Some(notification),
            _ => None,
        });
        assert_eq!(sent, Some(expected), "{reason:?}, N: {survives_notification}");
    }
}

#[test]
fn an_open_on_a_new_connection_shows_that_the_peer_has_restarted() {
    let capability = restart(&[V4], true, true);
    let mut rig = established(std::slice::from_ref(&capability), std::slice::from_ref(&capability));
    rig.pass(10);
    let log = rig.incoming();
    assert!(log.iter().any(|line| line.ends_with("OPEN")), "it is accepted: {log:?}");
    assert!(rig.session.established() == rig.dialed, "the session stays until the OPEN comes");
    let mut open = open(LOWER_IDENTIFIER);
    open.capabilities.0.push(capability);
    let log = rig.on_accepted(ConnectionEvent::Open(open));
    assert_eq!(log[1..3], ["down #1, routes kept", "close #1 (PeerRestarted)"], "{log:?}");
    rig.on_accepted(ConnectionEvent::Keepalive);
    assert_eq!(rig.session.established(), rig.accepted);
}

/// What it sent to end the session it signed with its former password.
#[test]
fn a_peer_that_changes_its_password_by_a_new_session_takes_the_place_of_the_present_one() {
    let mut rig = established(&[], &[]);
    rig.pass(10);
    rig.session.on_password_changed();
    rig.incoming();
    let log = rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    assert_eq!(log[1..3], ["down #1", "close #1 (PeerRestarted)"], "{log:?}");
    rig.on_accepted(ConnectionEvent::Keepalive);
    assert_eq!(rig.session.established(), rig.accepted);

    let mut rig = established(&[], &[]);
    rig.pass(10);
    rig.session.on_password_changed();
    rig.on_dialed(ConnectionEvent::Keepalive);
    let log = rig.incoming();
    assert!(closes_for(&log, &CloseReason::Collision), "the peer has the new password: {log:?}");
}

#[test]
fn strangers_on_new_connections_do_not_end_a_session_that_restarts_gracefully() {
    let capability = restart(&[V4], true, true);
    let mut rig = established(std::slice::from_ref(&capability), std::slice::from_ref(&capability));
    rig.pass(10);
    for event in [ConnectionEvent::Closed, decode_failed(), ConnectionEvent::Keepalive] {
        rig.incoming();
        rig.on_accepted(event);
        assert_eq!(rig.session.established(), rig.dialed);
    }
}

#[test]
fn a_new_connection_is_a_collision_right_after_the_start_and_without_graceful_restart() {
    let capability = restart(&[V4], true, true);
    let capabilities = std::slice::from_ref(&capability);
    for (capabilities, seconds) in [(capabilities, 9), (&[], 60)] {
        let mut rig = established(capabilities, capabilities);
        rig.pass(seconds);
        let log = rig.incoming();
        assert!(closes_for(&log, &CloseReason::Collision), "{log:?}");
    }
}

#[test]
fn departure_carries_the_terms() {
    let capability = restart(&[V4, V6], true, false);
    let mut rig = established(std::slice::from_ref(&capability), &[restart(&[V6], true, false)]);
    let id = rig.session.established().unwrap();
    rig.session.handle_event(rig.now, Event::On(id, ConnectionEvent::Closed));
    let departure = std::iter::from_fn(|| rig.session.poll_action()).find_map(|action| match action {
        Action::Down(_, _, departure) => Some(departure),
        _ => None,
    });
    let Some(Departure::Restart(terms)) = departure else { panic!("{departure:?}") };
    assert_eq!((terms.families, terms.restart_time), (vec![V6], Duration::from_secs(120)));
}
