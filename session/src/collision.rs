//! Collisions of two connections with one peer (RFC 4271 §6.8).

use crate::session::Direction;
use crate::{Action, CloseReason, Session, State, Timestamp};

impl Session {
    /// The peer's OPEN was accepted on a connection: settles whether it is kept if the other one is as far.
    pub(crate) fn on_open_confirm(&mut self, now: Timestamp, direction: Direction) {
        self.abandon_dial();
        if !self.decides_collisions(direction) {
            return;
        }
        match self.slot(direction.opposite()).as_ref().map(|other| other.state()) {
            Some(State::Established) => self.close(now, direction, CloseReason::Collision),
            Some(State::OpenConfirm) => self.close(now, Direction::Incoming, CloseReason::Collision),
            // The other one is decided when its OPEN comes: until then it may not be the peer's.
            Some(State::Idle | State::Connect | State::Active | State::OpenSent) | None => {}
        }
    }

    /// Routes can flow on a connection: settles what becomes of the other, and reports the session.
    pub(crate) fn on_established(&mut self, now: Timestamp, direction: Direction) {
        // A peer that decides confirms the connection it opened only once it has decided for that one. About the one
        // we opened it may still be in doubt, so its own is left for it to close.
        if self.decides_collisions(direction) || direction == Direction::Incoming {
            self.close(now, direction.opposite(), CloseReason::Collision);
            self.close_candidates(&CloseReason::Collision);
        }
        self.start_budget.on_established(now);
        if let Some((id, negotiated)) =
            self.slot(direction).as_ref().and_then(|it| Some((it.id(), it.negotiated()?.clone())))
        {
            self.act(Action::Established(id, Box::new(negotiated)));
        }
    }

    /// Whether it is ours to decide which of two connections is kept.
    fn decides_collisions(&mut self, direction: Direction) -> bool {
        let identifier = self.options.identifier;
        let negotiated = self.slot(direction).as_ref().and_then(|connection| connection.negotiated());
        negotiated.is_some_and(|negotiated| negotiated.outranks_peer(identifier))
    }
}

impl Direction {
    fn opposite(self) -> Self {
        match self {
            Self::Outgoing => Self::Incoming,
            Self::Incoming => Self::Outgoing,
        }
    }
}
