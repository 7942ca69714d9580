//! The states without a connection: Idle, Connect and Active.

use crate::dial::{Dial, Idle};
use crate::{Action, CloseReason, ConnectionId, DialMode, Event, Session, Timestamp};

impl Session {
    /// There is no connection and no attempt at one.
    pub(crate) fn in_idle(&mut self, now: Timestamp, idle: Idle, event: Event) {
        match event {
            // Also while waiting after a failure: the operator knows better.
            Event::Start => {
                self.idle_hold.reset();
                self.begin(now);
            }
            Event::Stop(_) => self.dial = Dial::Idle(Idle::Stopped),
            Event::Incoming(id) => match idle {
                Idle::Stopped | Idle::Damped { .. } => self.close_unopened(id, CloseReason::Refused),
                Idle::Resting { until } => {
                    let retry_at = (self.options.dial_mode == DialMode::Active).then_some(until);
                    self.dial = Dial::Active { retry_at };
                    self.accept(now, id);
                }
            },
            // These are late: what they speak of was closed on the way to Idle.
            Event::Connected(_)
            | Event::ConnectFailed(_)
            | Event::Interrupt(_)
            | Event::PathDown
            | Event::On(..) => {}
        }
    }

    /// We dial; the peer may be faster.
    pub(crate) fn in_connect(&mut self, now: Timestamp, dialed: ConnectionId, event: Event) {
        match event {
            Event::Start => {}
            Event::Stop(reason) => self.stop(now, reason),
            Event::Incoming(id) => self.accept(now, id),
            Event::Connected(id) if id == dialed => {
                self.dial = Dial::Active { retry_at: None };
                self.open_outgoing(now, id);
            }
            Event::ConnectFailed(id) if id == dialed => {
                self.close_unopened(id, CloseReason::ConnectFailed);
                // RFC 4271 §8.2.2 goes to Idle here, where the peer's connection would be refused.
                self.dial = Dial::Active { retry_at: Some(self.retry_at(now)) };
            }
            // Late news of an earlier dial.
            Event::Connected(_) | Event::ConnectFailed(_) => {}
            Event::Interrupt(reason) => self.interrupt(now, CloseReason::Interrupted(reason)),
            Event::PathDown => self.interrupt(now, CloseReason::PathDown),
            Event::On(id, event) => self.on_connection(now, id, event),
        }
    }

    /// We do not dial: the peer is to connect, or a connection exists, or the last dial failed just now.
    pub(crate) fn in_active(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Start => {}
            Event::Stop(reason) => self.stop(now, reason),
            Event::Incoming(id) => self.accept(now, id),
            // Late news of an earlier dial.
            Event::Connected(_) | Event::ConnectFailed(_) => {}
            Event::Interrupt(reason) => self.interrupt(now, CloseReason::Interrupted(reason)),
            Event::PathDown => self.interrupt(now, CloseReason::PathDown),
            Event::On(id, event) => self.on_connection(now, id, event),
        }
    }

    /// Takes the passing of time for whatever is done about a connection.
    pub(crate) fn on_dial_timeout(&mut self, now: Timestamp) {
        if self.dial.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        if let Dial::Connect { id, .. } = self.dial {
            self.close_unopened(id, CloseReason::ConnectTimedOut);
        }
        self.begin(now);
    }

    /// Gives up a dial that is under way or planned, because it is no longer needed.
    pub(crate) fn abandon_dial(&mut self) {
        if let Dial::Connect { id, .. } = self.dial {
            self.close_unopened(id, CloseReason::DialAbandoned);
        }
        self.dial = Dial::Active { retry_at: None };
    }

    /// When a dial that begins now, or that failed now, is followed by another.
    pub(crate) fn retry_at(&self, now: Timestamp) -> Timestamp {
        now + self.options.jitter.shorten(self.options.connect_retry)
    }

    fn begin(&mut self, now: Timestamp) {
        self.dial = match self.options.dial_mode {
            DialMode::Active => {
                let id = self.new_connection_id();
                self.act(Action::Connect(id));
                Dial::Connect { id, retry_at: self.retry_at(now) }
            }
            DialMode::Passive => Dial::Active { retry_at: None },
        };
    }
}
