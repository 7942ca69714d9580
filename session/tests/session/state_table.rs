//! Every state and every event: what is done, and which state follows. The snapshot is the table; read it in review.

use bgp_codec::NotificationCode;
use margay_session::{ConnectionEvent, Event, ShutdownMessage, StopReason};

use crate::rig::{
    HIGHER_IDENTIFIER, LOWER_IDENTIFIER, Rig, cease, decode_failed, notification, open, options, passive,
    update_error,
};

#[test]
fn every_state_and_event() {
    let mut table = String::new();
    for (situation, build) in SITUATIONS {
        table.push_str(&format!("{situation}\n"));
        for (event, tell) in EVENTS {
            let mut rig = build();
            let before = rig.session.state();
            let outcome = tell(&mut rig).map(|actions| row(before, &rig, &actions));
            if let Some(outcome) = outcome {
                table.push_str(&format!("    {event:<38}{outcome}\n"));
            }
        }
    }
    insta::assert_snapshot!(table);
}

fn row(before: margay_session::State, rig: &Rig, actions: &[String]) -> String {
    let after = rig.session.state();
    let actions: Vec<&str> =
        actions.iter().map(String::as_str).filter(|line| !line.starts_with("state ")).collect();
    let next = if after == before { "stays".to_owned() } else { format!("-> {after}") };
    format!("{next:<16}{}", actions.join(", ")).trim_end().to_owned()
}

type Build = fn() -> Rig;

const SITUATIONS: &[(&str, Build)] = &[
    ("Idle, stopped", || Rig::new(options())),
    ("Idle, resting after a lost session", || {
        let mut rig = Rig::established();
        rig.on_dialed(ConnectionEvent::Closed);
        rig
    }),
    ("Idle, damped after a protocol error", || {
        let mut rig = Rig::established();
        rig.on_dialed(decode_failed());
        rig
    }),
    ("Connect", Rig::started),
    ("Connect, the peer's connection in OpenSent", || {
        let mut rig = Rig::started();
        rig.incoming();
        rig
    }),
    ("Active, after a failed dial", || {
        let mut rig = Rig::started();
        rig.tell(Event::ConnectFailed(rig.dialed.expect("the session dialed")));
        rig
    }),
    ("Active, passive", || {
        let mut rig = Rig::new(passive());
        rig.tell(Event::Start);
        rig
    }),
    ("OpenSent", Rig::open_sent),
    ("OpenSent on both connections", || {
        let mut rig = Rig::open_sent();
        rig.incoming();
        rig
    }),
    ("OpenConfirm", || Rig::open_confirm(LOWER_IDENTIFIER)),
    ("OpenConfirm, the other connection in OpenSent, ours to decide", || two_connections(LOWER_IDENTIFIER)),
    ("OpenConfirm, the other connection in OpenSent, the peer's to decide", || {
        two_connections(HIGHER_IDENTIFIER)
    }),
    ("Established", Rig::established),
    ("Established, the other connection in OpenSent, the peer's to decide", || {
        let mut rig = two_connections(HIGHER_IDENTIFIER);
        rig.on_dialed(ConnectionEvent::Keepalive);
        rig
    }),
];

/// OpenConfirm on the connection we dialed, OpenSent on the peer's.
fn two_connections(peer_identifier: u32) -> Rig {
    let mut rig = Rig::open_confirm(peer_identifier);
    rig.incoming();
    rig
}

/// Tells the event, or returns `None` where it cannot happen: there is no such connection.
type Tell = fn(&mut Rig) -> Option<Vec<String>>;

const EVENTS: &[(&str, Tell)] = &[
    ("start", |rig| Some(rig.tell(Event::Start))),
    ("stop", |rig| {
        Some(rig.tell(Event::Stop(StopReason::AdministrativeShutdown(ShutdownMessage::default()))))
    }),
    ("peer connects", |rig| Some(rig.incoming())),
    ("dial succeeds", |rig| rig.dialed.map(|id| rig.tell(Event::Connected(id)))),
    ("dial fails", |rig| rig.dialed.map(|id| rig.tell(Event::ConnectFailed(id)))),
    ("next timer", |rig| {
        let at = rig.session.next_timeout()?;
        let seconds = at.since(rig.now).as_secs();
        Some(rig.pass(seconds))
    }),
    ("interrupted: out of resources", |rig| Some(rig.tell(Event::Interrupt(StopReason::OutOfResources)))),
    ("BFD: path down", |rig| Some(rig.tell(Event::PathDown))),
    ("ours: closed", |rig| ours(rig, ConnectionEvent::Closed)),
    ("ours: OPEN", |rig| ours(rig, open_like(rig))),
    ("ours: OPEN of a wrong AS", |rig| ours(rig, wrong_open())),
    ("ours: KEEPALIVE", |rig| ours(rig, ConnectionEvent::Keepalive)),
    ("ours: UPDATE", |rig| ours(rig, ConnectionEvent::Update)),
    ("ours: ROUTE-REFRESH", |rig| ours(rig, ConnectionEvent::RouteRefresh)),
    ("ours: Cease", |rig| ours(rig, ConnectionEvent::Notification(cease()))),
    ("ours: NOTIFICATION of an error", |rig| ours(rig, ConnectionEvent::Notification(update_error()))),
    ("ours: collision Cease", |rig| ours(rig, collision_cease())),
    ("ours: malformed message", |rig| ours(rig, decode_failed())),
    ("ours: send blocked", |rig| ours(rig, ConnectionEvent::SendBlocked)),
    ("ours: send progress", |rig| ours(rig, ConnectionEvent::SendProgress)),
    ("ours: read paused", |rig| ours(rig, ConnectionEvent::ReadPaused)),
    ("ours: read resumed", |rig| ours(rig, ConnectionEvent::ReadResumed)),
    ("theirs: closed", |rig| theirs(rig, ConnectionEvent::Closed)),
    ("theirs: OPEN", |rig| theirs(rig, open_like(rig))),
    ("theirs: OPEN of a wrong AS", |rig| theirs(rig, wrong_open())),
    ("theirs: OPEN, KEEPALIVE", |rig| {
        let mut actions = theirs(rig, open_like(rig))?;
        actions.extend(theirs(rig, ConnectionEvent::Keepalive)?);
        Some(actions)
    }),
    ("theirs: UPDATE", |rig| theirs(rig, ConnectionEvent::Update)),
    ("theirs: Cease", |rig| theirs(rig, ConnectionEvent::Notification(cease()))),
    ("theirs: malformed message", |rig| theirs(rig, decode_failed())),
];

/// On the connection we dialed.
fn ours(rig: &mut Rig, event: ConnectionEvent) -> Option<Vec<String>> {
    rig.dialed.map(|id| rig.tell(Event::On(id, event)))
}

/// On the connection the peer opened.
fn theirs(rig: &mut Rig, event: ConnectionEvent) -> Option<Vec<String>> {
    rig.accepted.map(|id| rig.tell(Event::On(id, event)))
}

/// The OPEN of the peer as it introduced itself before, if it did.
fn open_like(rig: &Rig) -> ConnectionEvent {
    let known = rig.dialed.and_then(|id| rig.session.negotiated(id)).map(|terms| terms.peer_identifier);
    let mut open = open(LOWER_IDENTIFIER);
    open.identifier = known.unwrap_or(open.identifier);
    ConnectionEvent::Open(open)
}

fn wrong_open() -> ConnectionEvent {
    let mut open = open(LOWER_IDENTIFIER);
    open.asn = bgp_codec::Asn(65099);
    ConnectionEvent::Open(open)
}

fn collision_cease() -> ConnectionEvent {
    ConnectionEvent::Notification(notification(NotificationCode::CEASE, 7))
}
