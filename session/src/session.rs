//! The session with one peer: dialing, up to two connections, and candidates for them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::candidates::Candidates;
use bgp_codec::Capability;

use crate::connection::{Connection, Step};
use crate::dial::{Dial, Idle};
use crate::idle_hold::IdleHold;
use crate::offer::{Offer, RefusedOn};
use crate::start_budget::StartBudget;
use crate::{
    Action, CloseReason, ConnectionEvent, ConnectionId, DialMode, Event, Jitter, Negotiated, SessionOptions,
    State, StopReason, Timestamp,
};

/// The session with one peer.
///
/// # After a failure
///
/// The session waits in Idle before it dials again, longer after each failure in a row. What it does meanwhile with
/// a peer that connects depends on what went wrong. When the connection was lost, or either side ended it in an
/// orderly way, the peer is accepted: it has probably just come back, and waiting would only prolong the outage. When
/// one side found the other's messages wrong after the OPENs, the peer is refused (Cease, Connection Rejected) until the
/// wait is over: the same messages would come again at once. A stopped session refuses likewise, and so does one that came up
/// too often in a short time.
///
/// Before an OPEN was accepted, nothing shows that it is the peer who connected. What goes wrong on such a connection has no
/// consequence for the session.
///
/// # Collision
///
/// Each side may have opened a connection (RFC 4271 §6.8). The one opened by the side that ranks higher, by
/// identifier and then by AS number, is kept, with one exception: the higher-ranking side keeps a connection that is
/// already Established on its part. Only that side decides. The other one sees by what arrives which connection was
/// chosen, for if both decided, each by what it happens to know, both connections could be lost.
#[derive(Debug)]
pub struct Session {
    pub(crate) options: SessionOptions,
    pub(crate) idle_hold: IdleHold,
    /// What the next OPEN offers.
    offer: Offer,
    /// What is done about the connection that there is not, or that was opened by the peer only.
    pub(crate) dial: Dial,
    /// The connection we opened.
    pub(crate) outgoing: Option<Connection>,
    /// The connection the peer opened, and on which its OPEN was accepted.
    pub(crate) incoming: Option<Connection>,
    /// The connections from the peer's address on which no OPEN was accepted yet.
    candidates: Candidates,
    /// How often the peer may still bring the session up.
    pub(crate) start_budget: StartBudget,
    /// The connection whose TCP password has changed, until a message shows that the peer has the new one.
    unproven: Option<ConnectionId>,
    actions: VecDeque<Action>,
    reported: State,
    next_id: ConnectionId,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Outgoing,
    Incoming,
}

impl Session {
    /// A stopped session.
    pub fn new(options: SessionOptions) -> Self {
        Self {
            idle_hold: IdleHold::new(options.idle_hold),
            offer: Offer::default(),
            options,
            dial: Dial::Idle(Idle::Stopped),
            outgoing: None,
            incoming: None,
            candidates: Candidates::default(),
            start_budget: StartBudget::new(),
            unproven: None,
            actions: VecDeque::new(),
            reported: State::Idle,
            next_id: ConnectionId::FIRST,
        }
    }

    /// Takes what happened.
    pub fn handle_event(&mut self, now: Timestamp, event: Event) {
        match self.dial {
            Dial::Idle(idle) => self.in_idle(now, idle, event),
            Dial::Connect { id, .. } => self.in_connect(now, id, event),
            Dial::Active { .. } => self.in_active(now, event),
        }
        self.report_state();
    }

    /// Takes the passing of time. Calling it too early or too often does no harm.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.on_dial_timeout(now);
        for direction in [Direction::Outgoing, Direction::Incoming] {
            self.step(now, direction, Connection::handle_timeout);
        }
        for id in self.candidates.ids() {
            self.step_candidate(now, id, Connection::handle_timeout);
        }
        self.report_state();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next; `None` when nothing happens by itself.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let connections = self.connections().filter_map(Connection::next_timeout).min();
        self.dial.next_timeout().into_iter().chain(connections).min()
    }

    /// Hands out the next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// An id for a connection that the peer opened, for [`Event::Incoming`].
    pub fn new_connection_id(&mut self) -> ConnectionId {
        let id = self.next_id;
        self.next_id = id.next();
        id
    }

    /// Sets how much the timers started from now on are shortened. To be drawn anew for each attempt to connect.
    pub fn set_jitter(&mut self, jitter: Jitter) {
        self.options.jitter = jitter;
    }

    /// This speaker has restarted long enough ago: the OPENs from now on do not say so any more, and say that forwarding
    /// outlives the loss of a session (RFC 4724 §4.1).
    pub fn end_restart(&mut self) {
        for capability in &mut self.options.capabilities.0 {
            if let Capability::GracefulRestart(restart) = capability {
                restart.restarted = false;
                restart.families.iter_mut().for_each(|entry| entry.forwarding_preserved = true);
            }
            if let Capability::LongLivedGracefulRestart(families) = capability {
                families.iter_mut().for_each(|entry| entry.forwarding_preserved = true);
            }
        }
    }

    /// The TCP password of the connections has changed. A peer that changes its own by a new session cannot end the present one: its
    /// last segments have the former password. So until a message arrives, a new connection may mean that.
    pub fn on_password_changed(&mut self) {
        self.unproven = self.established();
    }

    /// The state of the session: that of the connection furthest ahead.
    pub fn state(&self) -> State {
        self.connections().map(Connection::state).max().unwrap_or_else(|| self.dial.state())
    }

    /// The connection on which routes are exchanged; `None` unless Established.
    pub fn established(&self) -> Option<ConnectionId> {
        self.connections().find(|connection| connection.established_since().is_some()).map(Connection::id)
    }

    /// What was negotiated on a connection; `None` before the peer's OPEN was accepted and after the close.
    pub fn negotiated(&self, id: ConnectionId) -> Option<&Negotiated> {
        self.connections().find(|connection| connection.id() == id)?.negotiated()
    }

    /// Something happened on a connection. One that was closed meanwhile is ignored.
    pub(crate) fn on_connection(&mut self, now: Timestamp, id: ConnectionId, event: ConnectionEvent) {
        if event.is_message() {
            self.unproven.take_if(|unproven| *unproven == id);
        }
        let is_meant = |connection: &Option<Connection>| connection.as_ref().is_some_and(|it| it.id() == id);
        let take = |connection: &mut Connection, step: Step<'_>| connection.handle_event(event, step);
        if is_meant(&self.outgoing) {
            self.step(now, Direction::Outgoing, take);
        } else if is_meant(&self.incoming) {
            self.step(now, Direction::Incoming, take);
        } else {
            self.step_candidate(now, id, take);
        }
    }

    /// Our dial succeeded: sends our OPEN.
    pub(crate) fn open_outgoing(&mut self, now: Timestamp, id: ConnectionId) {
        let connection = Connection::open(id, self.next_step(now));
        self.outgoing = Some(connection);
    }

    /// A connection came from the peer's address: sends our OPEN, unless routes already flow on another or the session came up
    /// too often.
    pub(crate) fn accept(&mut self, now: Timestamp, id: ConnectionId) {
        if self.established().is_some() && !self.may_have_restarted(now) {
            self.close_unopened(id, CloseReason::Collision);
            return;
        }
        if !self.start_budget.is_left(now) {
            self.close_unopened(id, CloseReason::Refused);
            return;
        }
        let connection = Connection::open(id, self.next_step(now));
        if let Some(oldest) = self.candidates.push(connection) {
            self.close_unopened(oldest.id(), CloseReason::Superseded);
        }
    }

    /// The session ends, and stays down.
    pub(crate) fn stop(&mut self, now: Timestamp, reason: StopReason) {
        self.abandon_dial();
        self.dial = Dial::Idle(Idle::Stopped);
        for direction in [Direction::Outgoing, Direction::Incoming] {
            self.close(now, direction, CloseReason::Stopped(reason.clone()));
        }
        self.close_candidates(&CloseReason::Stopped(reason));
    }

    /// Closes all connections on which no OPEN was accepted.
    pub(crate) fn close_candidates(&mut self, reason: &CloseReason) {
        for candidate in self.candidates.take_all() {
            self.close_unopened(candidate.id(), reason.clone());
        }
    }

    /// Closes a connection, if there is one, without any consequence for the other.
    pub(crate) fn close(&mut self, now: Timestamp, direction: Direction, reason: CloseReason) {
        let Some(connection) = self.slot(direction).take() else { return };
        self.offer = connection.offer().after(&reason, RefusedOn::PeersConnection, &self.options);
        let terms = connection.negotiated().and_then(|negotiated| negotiated.restart.as_ref());
        if let Some(since) = connection.established_since() {
            self.idle_hold.on_session_lost(now - since);
            self.act(Action::Down(connection.id(), reason.clone(), reason.departure(terms)));
        }
        let notification = reason.notification(terms);
        self.act(Action::Close(connection.id(), reason, notification));
    }

    /// Closes a connection on which no OPEN was accepted, or gives up a dial.
    pub(crate) fn close_unopened(&mut self, id: ConnectionId, reason: CloseReason) {
        let notification = reason.notification(None);
        self.act(Action::Close(id, reason, notification));
    }

    /// Ends the Established session, if there is one, as a failure does.
    pub(crate) fn interrupt(&mut self, now: Timestamp, reason: CloseReason) {
        if let CloseReason::Interrupted(
            StopReason::MaximumPrefixes { restart } | StopReason::MemoryGuard { restart },
        ) = reason
        {
            return self.hold_down(now, &reason, restart);
        }
        if let Some(direction) = self.established_direction() {
            self.on_failure(now, direction, State::Established, reason);
        }
    }

    /// The Established session ends, and the peer is refused for a time: at once it would send the same again.
    fn hold_down(&mut self, now: Timestamp, reason: &CloseReason, time: Duration) {
        if self.established_direction().is_none() {
            return;
        }
        self.abandon_dial();
        for direction in [Direction::Outgoing, Direction::Incoming] {
            self.close(now, direction, reason.clone());
        }
        self.close_candidates(reason);
        self.dial = Dial::Idle(Idle::Damped { until: now + time });
    }

    fn established_direction(&self) -> Option<Direction> {
        let is_established =
            |it: &Option<Connection>| it.as_ref().is_some_and(|it| it.established_since().is_some());
        if is_established(&self.outgoing) {
            Some(Direction::Outgoing)
        } else {
            is_established(&self.incoming).then_some(Direction::Incoming)
        }
    }

    /// Whether a new connection of the peer can mean that it has restarted without closing the Established one, as after a
    /// loss of power (RFC 4724 §5) or a change of the password. A connection right after the session came up is a late one of the
    /// same start.
    fn may_have_restarted(&self, now: Timestamp) -> bool {
        self.connections().any(|connection| {
            let is_graceful = connection.negotiated().is_some_and(|negotiated| negotiated.restart.is_some());
            let lasted = connection.established_since().map(|since| now - since);
            let may_have_left = is_graceful || self.unproven == Some(connection.id());
            may_have_left && lasted.is_some_and(|lasted| lasted >= COLLISION_TIME)
        })
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn slot(&mut self, direction: Direction) -> &mut Option<Connection> {
        match direction {
            Direction::Outgoing => &mut self.outgoing,
            Direction::Incoming => &mut self.incoming,
        }
    }

    fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.outgoing.iter().chain(&self.incoming).chain(self.candidates.iter())
    }

    fn next_step(&mut self, now: Timestamp) -> Step<'_> {
        Step {
            now,
            jitter: self.options.jitter,
            options: &self.options,
            offer: self.offer,
            actions: &mut self.actions,
        }
    }

    /// Lets a candidate, if it is one, take a step. It fails for itself alone, or becomes the peer's connection.
    fn step_candidate(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        take: impl FnOnce(&mut Connection, Step<'_>) -> Result<(), CloseReason>,
    ) {
        let Some(mut candidate) = self.candidates.take(id) else { return };
        match take(&mut candidate, self.next_step(now)) {
            Ok(()) if candidate.state() == State::OpenSent => self.candidates.put_back(candidate),
            Ok(()) => self.promote(now, candidate),
            Err(reason) => {
                self.offer = candidate.offer().after(&reason, RefusedOn::Candidate, &self.options);
                self.close_unopened(id, reason);
                self.await_retry(now);
            }
        }
    }

    /// An OPEN was accepted on a candidate: it takes the place of the connection that the peer had opened before, and of an
    /// Established one that the peer has lost by a restart.
    fn promote(&mut self, now: Timestamp, candidate: Connection) {
        if self.may_have_restarted(now)
            && let Some(direction) = self.established_direction()
        {
            self.close(now, direction, CloseReason::PeerRestarted);
        }
        self.close(now, Direction::Incoming, CloseReason::Superseded);
        self.incoming = Some(candidate);
        self.on_open_confirm(now, Direction::Incoming);
    }

    /// Lets a connection, if there is one, take a step, and sees to what follows for the session.
    fn step(
        &mut self,
        now: Timestamp,
        direction: Direction,
        take: impl FnOnce(&mut Connection, Step<'_>) -> Result<(), CloseReason>,
    ) {
        let connection = match direction {
            Direction::Outgoing => &mut self.outgoing,
            Direction::Incoming => &mut self.incoming,
        };
        let Some(connection) = connection else { return };
        let before = connection.state();
        // Not next_step: the connection is borrowed of the same session.
        let step = Step {
            now,
            jitter: self.options.jitter,
            options: &self.options,
            offer: self.offer,
            actions: &mut self.actions,
        };
        let result = take(connection, step);
        let after = connection.state();
        match result {
            Ok(()) if after == before => {}
            Ok(()) => self.on_advance(now, direction, after),
            Err(reason) => self.on_failure(now, direction, before, reason),
        }
    }

    fn on_advance(&mut self, now: Timestamp, direction: Direction, state: State) {
        match state {
            State::OpenConfirm => self.on_open_confirm(now, direction),
            State::Established => self.on_established(now, direction),
            State::Idle | State::Connect | State::Active | State::OpenSent => {}
        }
    }

    /// A connection fails. The session fails with it when it was the last.
    fn on_failure(&mut self, now: Timestamp, direction: Direction, state: State, reason: CloseReason) {
        self.close(now, direction, reason.clone());
        let was_accepted = state != State::OpenSent;
        match self.connections().map(Connection::state).max() {
            Some(State::OpenConfirm | State::Established) => {}
            // What remains has not shown an OPEN yet, so it may not be the peer's.
            Some(State::Idle | State::Connect | State::Active | State::OpenSent) => self.await_retry(now),
            // Nor has anyone here: no failure of the session, only of an attempt (RFC 4271 §8.2.2, OpenSent).
            None if !was_accepted && reason == CloseReason::ConnectionLost => self.await_retry(now),
            None if was_accepted && reason.is_protocol_error() => {
                self.hold_idle(now, |until| Idle::Damped { until });
            }
            None => self.hold_idle(now, |until| Idle::Resting { until }),
        }
    }

    /// Waits in Idle, longer after each failure in a row.
    fn hold_idle(&mut self, now: Timestamp, idle: impl FnOnce(Timestamp) -> Idle) {
        self.abandon_dial();
        let until = now + self.idle_hold.grow(self.options.jitter);
        self.dial = Dial::Idle(idle(until));
    }

    /// Dials again after the connect-retry time, unless that is planned, under way or done already.
    fn await_retry(&mut self, now: Timestamp) {
        let nothing_planned = matches!(self.dial, Dial::Active { retry_at: None }) && self.outgoing.is_none();
        if nothing_planned && self.options.dial_mode == DialMode::Active {
            self.dial = Dial::Active { retry_at: Some(self.retry_at(now)) };
        }
    }

    fn report_state(&mut self) {
        let state = self.state();
        if state != self.reported {
            self.reported = state;
            self.act(Action::StateChanged(state));
        }
    }
}

/// For how long after a session came up another connection of the peer is one that it opened at the same time.
const COLLISION_TIME: Duration = Duration::from_secs(10);
