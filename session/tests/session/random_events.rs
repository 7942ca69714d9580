//! Any events in any order: no panic, no connection forgotten, no connection closed twice.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp_codec::Message;
use margay_session::{
    Action, ConnectionEvent, ConnectionId, DialMode, Event, Session, SessionOptions, ShutdownMessage, State,
    StopReason, Timestamp,
};
use proptest::prelude::*;

use crate::rig::{HIGHER_IDENTIFIER, LOWER_IDENTIFIER, cease, decode_failed, open, options, update_error};

/// An input; connections are chosen by their place among those seen so far.
#[derive(Clone, Debug)]
enum Input {
    Start,
    Stop,
    Incoming,
    Connected(prop::sample::Index),
    ConnectFailed(prop::sample::Index),
    On(prop::sample::Index, ConnectionEvent),
    Pass(u64),
    Sleep,
}

fn input() -> impl Strategy<Value = Input> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        2 => Just(Input::Start),
        1 => Just(Input::Stop),
        5 => Just(Input::Incoming),
        4 => index().prop_map(Input::Connected),
        1 => index().prop_map(Input::ConnectFailed),
        12 => (index(), connection_event()).prop_map(|(index, event)| Input::On(index, event)),
        2 => (0..200u64).prop_map(Input::Pass),
        3 => Just(Input::Sleep),
    ]
}

fn connection_event() -> impl Strategy<Value = ConnectionEvent> {
    prop_oneof![
        1 => Just(ConnectionEvent::Closed),
        4 => Just(ConnectionEvent::Open(open(LOWER_IDENTIFIER))),
        4 => Just(ConnectionEvent::Open(open(HIGHER_IDENTIFIER))),
        6 => Just(ConnectionEvent::Keepalive),
        1 => Just(ConnectionEvent::Update),
        1 => Just(ConnectionEvent::RouteRefresh),
        1 => Just(ConnectionEvent::Notification(cease())),
        1 => Just(ConnectionEvent::Notification(update_error())),
        1 => Just(decode_failed()),
        1 => Just(ConnectionEvent::SendBlocked),
        1 => Just(ConnectionEvent::SendProgress),
        1 => Just(ConnectionEvent::ReadPaused),
        1 => Just(ConnectionEvent::ReadResumed),
    ]
}

/// What an observer who only sees the actions knows.
#[derive(Default)]
struct Books {
    seen: Vec<ConnectionId>,
    open: BTreeMap<ConnectionId, bool>,
    up: Option<ConnectionId>,
    state: Option<State>,
}

impl Books {
    fn pick(&self, index: prop::sample::Index) -> Option<ConnectionId> {
        (!self.seen.is_empty()).then(|| *index.get(&self.seen))
    }

    fn note(&mut self, action: Action) {
        match action {
            Action::Connect(id) => {
                assert!(self.open.values().all(|dialing| !dialing), "two dials at once");
                self.seen.push(id);
                self.open.insert(id, true);
            }
            Action::Send(id, message) => {
                assert!(self.open.contains_key(&id), "sends on {id}, which is closed");
                assert!(matches!(message, Message::Open(_) | Message::Keepalive));
            }
            Action::Close(id, ..) => {
                assert!(self.open.remove(&id).is_some(), "closes {id} twice");
                assert_ne!(self.up, Some(id), "closes {id} before saying that it is down");
            }
            Action::Established(id, _) => {
                assert!(self.open.contains_key(&id));
                assert_eq!(self.up.replace(id), None, "two connections up");
            }
            Action::Down(id, ..) => assert_eq!(self.up.take(), Some(id)),
            Action::StateChanged(state) => assert_ne!(self.state.replace(state), Some(state)),
        }
    }

    fn check(&self, session: &Session) {
        assert_eq!(session.established(), self.up);
        assert_eq!(session.state() == State::Established, self.up.is_some());
        assert_eq!(session.state(), self.state.unwrap_or(State::Idle));
        assert!(self.open.len() <= 10, "more than two connections and eight candidates: {:?}", self.open);
        if session.state() == State::Idle {
            assert!(self.open.is_empty(), "a connection in Idle: {:?}", self.open);
        }
    }
}

fn apply(session: &mut Session, books: &mut Books, now: &mut Timestamp, input: Input) {
    let event = match input {
        Input::Start => Event::Start,
        Input::Stop => Event::Stop(StopReason::AdministrativeReset(ShutdownMessage::default())),
        Input::Incoming => {
            let id = session.new_connection_id();
            books.seen.push(id);
            books.open.insert(id, false);
            Event::Incoming(id)
        }
        Input::Connected(index) => {
            let Some(id) = books.pick(index) else { return };
            if let Some(dialing) = books.open.get_mut(&id) {
                *dialing = false;
            }
            Event::Connected(id)
        }
        Input::ConnectFailed(index) => {
            let Some(id) = books.pick(index) else { return };
            Event::ConnectFailed(id)
        }
        Input::On(index, event) => {
            let Some(id) = books.pick(index) else { return };
            Event::On(id, event)
        }
        Input::Pass(seconds) => {
            *now = *now + Duration::from_secs(seconds);
            return tick(session, *now);
        }
        Input::Sleep => {
            let Some(at) = session.next_timeout() else { return };
            *now = at.max(*now);
            return tick(session, *now);
        }
    };
    session.handle_event(*now, event);
}

fn tick(session: &mut Session, now: Timestamp) {
    session.handle_timeout(now);
    assert!(session.next_timeout().is_none_or(|at| at > now), "what is due is done at once");
}

proptest! {
    #[test]
    fn no_sequence_of_events_leaves_a_connection_behind(
        inputs in prop::collection::vec(input(), 0..120),
        passive in any::<bool>(),
    ) {
        let dial_mode = if passive { DialMode::Passive } else { DialMode::Active };
        let mut session = Session::new(SessionOptions { dial_mode, ..options() });
        let mut books = Books::default();
        let mut now = Timestamp::START;
        for input in inputs {
            apply(&mut session, &mut books, &mut now, input);
            while let Some(action) = session.poll_action() {
                books.note(action);
            }
            books.check(&session);
        }
        session.handle_event(now, Event::Stop(StopReason::AdministrativeShutdown(ShutdownMessage::default())));
        while let Some(action) = session.poll_action() {
            books.note(action);
        }
        prop_assert!(books.open.is_empty(), "left open: {:?}", books.open);
        prop_assert_eq!(session.state(), State::Idle);
        prop_assert_eq!(session.next_timeout(), None);
    }
}
