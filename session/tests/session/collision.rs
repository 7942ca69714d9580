//! Two connections at once (RFC 4271 §6.8): single cases, and two whole sessions over a simulated network.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp_codec::{Asn, Message, Notification, Open};
use margay_session::{
    Action, ConnectionEvent, ConnectionId, Event, ExpectedAsn, Jitter, Session, SessionOptions, State,
    Timestamp,
};
use proptest::prelude::*;

use crate::rig::{HIGHER_IDENTIFIER, LOWER_IDENTIFIER, Rig, capabilities, identifier, open};

/// OPENs on both connections; the side with the higher identifier keeps the one it dialed.
#[test]
fn the_higher_identifier_keeps_the_connection_it_dialed() {
    let mut rig = Rig::open_confirm(LOWER_IDENTIFIER);
    rig.incoming();
    assert_eq!(
        rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER))),
        ["send #2 KEEPALIVE", "close #2 with 6/7 (Collision)"]
    );
    assert_eq!(rig.on_dialed(ConnectionEvent::Keepalive), ["established #1", "state Established"]);
}

#[test]
fn the_higher_identifier_gives_up_the_peers_connection_also_when_that_was_first() {
    let mut rig = Rig::open_sent();
    rig.incoming();
    rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    assert_eq!(
        rig.on_dialed(ConnectionEvent::Open(open(LOWER_IDENTIFIER))),
        ["send #1 KEEPALIVE", "close #2 with 6/7 (Collision)"]
    );
}

#[test]
fn the_lower_identifier_leaves_the_decision_to_the_peer() {
    let mut rig = Rig::open_confirm(HIGHER_IDENTIFIER);
    rig.incoming();
    let log = rig.on_accepted(ConnectionEvent::Open(open(HIGHER_IDENTIFIER)));
    assert_eq!(log, ["send #2 KEEPALIVE"]);
    assert_eq!(
        rig.on_accepted(ConnectionEvent::Keepalive),
        ["close #1 with 6/7 (Collision)", "established #2", "state Established"]
    );
}

#[test]
fn equal_identifiers_are_told_apart_by_as_number() {
    for (peer_asn, closed) in [(Asn(65_001), 1), (Asn(64_000), 2)] {
        let mut rig = Rig::new(SessionOptions { peer_asn: ExpectedAsn::Any, ..crate::rig::options() });
        let open = Open { asn: peer_asn, ..open(crate::rig::LOCAL_IDENTIFIER) };
        rig.tell(Event::Start);
        rig.connect();
        rig.incoming();
        let mut log = rig.on_dialed(ConnectionEvent::Open(open.clone()));
        log.extend(rig.on_accepted(ConnectionEvent::Open(open)));
        log.extend(rig.on_accepted(ConnectionEvent::Keepalive));
        assert!(log.contains(&format!("close #{closed} with 6/7 (Collision)")), "{peer_asn}: {log:?}");
    }
}

#[test]
fn an_established_session_refuses_another_connection() {
    let mut rig = Rig::established();
    assert_eq!(rig.incoming(), ["close #2 with 6/7 (Collision)"]);
    assert_eq!(rig.session.state(), State::Established);
}

#[test]
fn a_peer_that_dials_anew_has_left_its_former_connection() {
    let mut rig = Rig::new(crate::rig::passive());
    rig.tell(Event::Start);
    rig.incoming();
    rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    assert_eq!(rig.incoming(), ["send #2 OPEN"]);
    assert_eq!(
        rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER))),
        ["send #2 KEEPALIVE", "close #1 with 6/7 (Superseded)"]
    );
}

#[test]
fn the_dial_goes_on_until_the_peer_has_spoken_on_its_connection() {
    let mut rig = Rig::started();
    rig.incoming();
    assert_eq!(rig.pass(5), ["5 close #1 (ConnectTimedOut)", "5 connect #3"]);
    assert_eq!(
        rig.on_accepted(ConnectionEvent::Open(open(LOWER_IDENTIFIER))),
        ["send #2 KEEPALIVE", "close #3 (DialAbandoned)", "state OpenConfirm"]
    );
}

#[test]
fn events_of_a_closed_connection_do_not_touch_the_present_one() {
    let mut rig = Rig::established();
    let former = rig.dialed.unwrap();
    rig.on_dialed(ConnectionEvent::Closed);
    rig.pass(5);
    rig.connect();
    rig.on_dialed(ConnectionEvent::Open(open(LOWER_IDENTIFIER)));
    rig.on_dialed(ConnectionEvent::Keepalive);
    for event in [
        ConnectionEvent::Closed,
        ConnectionEvent::Open(open(LOWER_IDENTIFIER)),
        ConnectionEvent::Notification(crate::rig::cease()),
        crate::rig::decode_failed(),
        ConnectionEvent::SendBlocked,
    ] {
        assert_eq!(rig.tell(Event::On(former, event)), [""; 0]);
    }
    assert_eq!(rig.tell(Event::Connected(former)), [""; 0]);
    assert_eq!(rig.tell(Event::ConnectFailed(former)), [""; 0]);
    assert_eq!(rig.session.established(), rig.dialed);
}

/// The two ends of the simulated network.
const SIDES: [usize; 2] = [0, 1];

/// How long two sessions that both dial may take to meet: a refusal or two with the waits that follow.
const MEET_WITHIN: Duration = Duration::from_secs(30);

/// How long they are watched staying together afterwards.
const STAY_FOR: Duration = Duration::from_secs(600);

/// Two sessions and everything on its way between them.
struct Network {
    now: Timestamp,
    sessions: [Session; 2],
    pipes: Vec<Pipe>,
    /// By arrival time, then by the order of sending.
    in_flight: BTreeMap<(Timestamp, u64), Delivery>,
    sent: u64,
    delays: Delays,
    downs: usize,
}

/// One TCP connection, seen from both ends.
struct Pipe {
    dialer: usize,
    ends: [Option<ConnectionId>; 2],
    /// When the last octets arrive at each end: nothing overtakes.
    last_arrival: [Timestamp; 2],
}

#[derive(Debug)]
enum Delivery {
    Start {
        side: usize,
    },
    /// The dial reaches the other side.
    Arrives {
        pipe: usize,
    },
    /// The dialer learns that it is connected.
    Accepted {
        pipe: usize,
    },
    Octets {
        pipe: usize,
        to: usize,
        event: ConnectionEvent,
    },
}

/// Delays in turn, over and over, so that every order of arrival comes up.
struct Delays {
    milliseconds: Vec<u16>,
    next: usize,
}

impl Delays {
    fn draw(&mut self) -> Duration {
        let delay = self.milliseconds[self.next % self.milliseconds.len()];
        self.next += 1;
        Duration::from_millis(delay.into())
    }
}

impl Network {
    fn new(sessions: [Session; 2], delays: Vec<u16>) -> Self {
        Self {
            now: Timestamp::START,
            sessions,
            pipes: Vec::new(),
            in_flight: BTreeMap::new(),
            sent: 0,
            delays: Delays { milliseconds: delays, next: 0 },
            downs: 0,
        }
    }

    fn send_at(&mut self, at: Timestamp, delivery: Delivery) {
        self.sent += 1;
        self.in_flight.insert((at, self.sent), delivery);
    }

    /// Lets everything happen that happens until `end`.
    fn run_until(&mut self, end: Timestamp) {
        loop {
            let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
            let timer = self.sessions.iter().filter_map(Session::next_timeout).min();
            let Some(at) = arrival.into_iter().chain(timer).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if arrival == Some(at) {
                let (_, delivery) = self.in_flight.pop_first().expect("something arrives");
                self.deliver(delivery);
            } else {
                for side in SIDES {
                    self.sessions[side].handle_timeout(self.now);
                    self.act(side);
                }
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Start { side } => self.tell(side, Event::Start),
            Delivery::Arrives { pipe } => {
                let side = 1 - self.pipes[pipe].dialer;
                let id = self.sessions[side].new_connection_id();
                self.pipes[pipe].ends[side] = Some(id);
                let back = self.now + self.delays.draw();
                self.pipes[pipe].last_arrival[1 - side] = back;
                self.send_at(back, Delivery::Accepted { pipe });
                self.tell(side, Event::Incoming(id));
            }
            Delivery::Accepted { pipe } => {
                let side = self.pipes[pipe].dialer;
                match self.pipes[pipe].ends[side] {
                    Some(id) => self.tell(side, Event::Connected(id)),
                    // The dial was given up meanwhile; the other end learns it now.
                    None => self.send(pipe, 1 - side, ConnectionEvent::Closed),
                }
            }
            Delivery::Octets { pipe, to, event } => {
                if let Some(id) = self.pipes[pipe].ends[to] {
                    self.tell(to, Event::On(id, event));
                }
            }
        }
    }

    fn tell(&mut self, side: usize, event: Event) {
        self.sessions[side].handle_event(self.now, event);
        self.act(side);
    }

    fn act(&mut self, side: usize) {
        while let Some(action) = self.sessions[side].poll_action() {
            match action {
                Action::Connect(id) => self.dial(side, id),
                Action::Send(id, message) => {
                    let pipe = self.pipe_of(side, id);
                    self.send(pipe, 1 - side, received(message));
                }
                Action::Close(id, _, notification) => self.close(side, id, notification),
                Action::Down(..) => self.downs += 1,
                Action::Established(..) | Action::StateChanged(_) => {}
            }
        }
    }

    fn dial(&mut self, side: usize, id: ConnectionId) {
        let mut ends = [None; 2];
        ends[side] = Some(id);
        self.pipes.push(Pipe { dialer: side, ends, last_arrival: [self.now; 2] });
        let at = self.now + self.delays.draw();
        self.send_at(at, Delivery::Arrives { pipe: self.pipes.len() - 1 });
    }

    fn close(&mut self, side: usize, id: ConnectionId, notification: Option<Notification>) {
        let pipe = self.pipe_of(side, id);
        self.pipes[pipe].ends[side] = None;
        if self.pipes[pipe].ends[1 - side].is_none() {
            return;
        }
        if let Some(notification) = notification {
            self.send(pipe, 1 - side, ConnectionEvent::Notification(notification));
        }
        self.send(pipe, 1 - side, ConnectionEvent::Closed);
    }

    fn send(&mut self, pipe: usize, to: usize, event: ConnectionEvent) {
        let at = (self.now + self.delays.draw()).max(self.pipes[pipe].last_arrival[to]);
        self.pipes[pipe].last_arrival[to] = at;
        self.send_at(at, Delivery::Octets { pipe, to, event });
    }

    fn pipe_of(&self, side: usize, id: ConnectionId) -> usize {
        self.pipes
            .iter()
            .position(|pipe| pipe.ends[side] == Some(id))
            .expect("the session knows its connections")
    }

    /// The pipes that are open at either end.
    fn open_pipes(&self) -> Vec<usize> {
        (0..self.pipes.len()).filter(|pipe| self.pipes[*pipe].ends.iter().any(Option::is_some)).collect()
    }

    /// The one pipe on which both are Established; everything else is closed.
    fn common_session(&self) -> Option<usize> {
        let [pipe] = self.open_pipes()[..] else { return None };
        let is_up = |side: usize| {
            self.sessions[side].established().is_some()
                && self.sessions[side].established() == self.pipes[pipe].ends[side]
        };
        SIDES.into_iter().all(is_up).then_some(pipe)
    }
}

fn received(message: Message) -> ConnectionEvent {
    match message {
        Message::Open(open) => ConnectionEvent::Open(open),
        Message::Keepalive => ConnectionEvent::Keepalive,
        Message::Update(_) | Message::Notification(_) | Message::RouteRefresh(_) => {
            panic!("a session sends only OPEN and KEEPALIVE itself: {message:?}")
        }
    }
}

/// Who the two are: what decides between them is the identifier, or the AS number when that is the same.
fn session(side: usize, same_identifier: bool, jitter: f64) -> Session {
    let asns = [Asn(64512), Asn(65001)];
    let number = if same_identifier || side == 0 { LOWER_IDENTIFIER } else { HIGHER_IDENTIFIER };
    let mut options = SessionOptions::new(
        asns[side],
        identifier(number),
        ExpectedAsn::One(asns[1 - side]),
        capabilities(asns[side]),
    );
    options.jitter = Jitter::new(jitter);
    Session::new(options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn two_that_dial_at_once_meet_on_one_connection_at_the_first_attempt(
        delays in prop::collection::vec(0..1500u16, 1..40),
        same_identifier in any::<bool>(),
        jitters in [0.0..1.0, 0.0..1.0],
    ) {
        let mut network =
            Network::new(SIDES.map(|side| session(side, same_identifier, jitters[side])), delays);
        for side in SIDES {
            network.send_at(Timestamp::START, Delivery::Start { side });
        }
        network.run_until(Timestamp::at(Duration::from_secs(15)));
        prop_assert!(network.common_session().is_some(), "not within 15 s: {:?}", network.open_pipes());
    }

    #[test]
    fn two_that_dial_meet_on_one_connection_and_stay(
        delays in prop::collection::vec(0..1500u16, 1..40),
        starts in [0..8000u64, 0..8000u64],
        same_identifier in any::<bool>(),
        jitters in [0.0..1.0, 0.0..1.0],
    ) {
        let mut network =
            Network::new(SIDES.map(|side| session(side, same_identifier, jitters[side])), delays);
        for side in SIDES {
            network.send_at(Timestamp::at(Duration::from_millis(starts[side])), Delivery::Start { side });
        }
        network.run_until(Timestamp::at(MEET_WITHIN));
        let pipe = network.common_session();
        prop_assert!(pipe.is_some(), "not within {MEET_WITHIN:?}: {:?}", network.open_pipes());
        let downs = network.downs;
        network.run_until(Timestamp::at(MEET_WITHIN + STAY_FOR));
        prop_assert_eq!(network.common_session(), pipe);
        prop_assert_eq!(network.downs, downs);
    }
}
