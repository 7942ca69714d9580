//! Hold, keepalive and send hold timers.

use std::time::Duration;

use crate::{CloseReason, Jitter, Negotiated, Timestamp};

/// The timers by which each side detects that the other is down.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    hold: HoldTimer,
    keepalive: Option<KeepaliveTimer>,
    /// When a peer that takes no octets is given up; `None` while it takes them.
    send_hold_at: Option<Timestamp>,
    send_hold: Duration,
}

#[derive(Clone, Debug)]
enum HoldTimer {
    /// The hold time is zero: silence does not mean that the peer is down.
    Off,
    Running {
        hold_time: Duration,
        expires_at: Timestamp,
    },
    /// We do not read, so the timer would measure our own delay.
    Paused {
        hold_time: Duration,
    },
}

#[derive(Clone, Debug)]
struct KeepaliveTimer {
    interval: Duration,
    due_at: Timestamp,
}

/// What a timer wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LivenessDue {
    Nothing,
    Keepalive,
}

impl Liveness {
    /// The timers right after the OPENs were exchanged and a KEEPALIVE was sent.
    pub(crate) fn new(negotiated: &Negotiated, send_hold: Duration, now: Timestamp, jitter: Jitter) -> Self {
        let Some(interval) = negotiated.keepalive_interval() else {
            return Self { hold: HoldTimer::Off, keepalive: None, send_hold_at: None, send_hold };
        };
        Self {
            hold: HoldTimer::running(negotiated.hold_time.duration(), now),
            keepalive: Some(KeepaliveTimer { interval, due_at: now + jitter.shorten(interval) }),
            send_hold_at: None,
            send_hold,
        }
    }

    /// The peer was heard.
    pub(crate) fn on_received(&mut self, now: Timestamp) {
        if let HoldTimer::Running { hold_time, .. } = self.hold {
            self.hold = HoldTimer::running(hold_time, now);
        }
    }

    /// The peer can no longer be heard, and that is our doing.
    pub(crate) fn on_read_paused(&mut self) {
        if let HoldTimer::Running { hold_time, .. } = self.hold {
            self.hold = HoldTimer::Paused { hold_time };
        }
    }

    /// The peer can be heard again.
    pub(crate) fn on_read_resumed(&mut self, now: Timestamp) {
        if let HoldTimer::Paused { hold_time } = self.hold {
            self.hold = HoldTimer::running(hold_time, now);
        }
    }

    /// The peer takes no octets; that it did not before either changes nothing.
    pub(crate) fn on_send_blocked(&mut self, now: Timestamp) {
        self.send_hold_at.get_or_insert(now + self.send_hold);
    }

    /// The peer took octets.
    pub(crate) fn on_send_progress(&mut self) {
        self.send_hold_at = None;
    }

    /// Until when nothing is due; `None` when nothing ever will be.
    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        let keepalive_at = self.keepalive.as_ref().map(|timer| timer.due_at);
        [self.hold.expires_at(), keepalive_at, self.send_hold_at].into_iter().flatten().min()
    }

    /// Sees what is due.
    ///
    /// # Errors
    ///
    /// A timer expired that ends the session.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Timestamp,
        jitter: Jitter,
    ) -> Result<LivenessDue, CloseReason> {
        if self.hold.expires_at().is_some_and(|at| at <= now) {
            return Err(CloseReason::HoldTimerExpired);
        }
        if self.send_hold_at.is_some_and(|at| at <= now) {
            return Err(CloseReason::SendHoldTimerExpired);
        }
        match &mut self.keepalive {
            Some(timer) if timer.due_at <= now => {
                timer.due_at = now + jitter.shorten(timer.interval);
                Ok(LivenessDue::Keepalive)
            }
            Some(_) | None => Ok(LivenessDue::Nothing),
        }
    }
}

impl HoldTimer {
    fn running(hold_time: Duration, now: Timestamp) -> Self {
        Self::Running { hold_time, expires_at: now + hold_time }
    }

    fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running { expires_at, .. } => Some(*expires_at),
            Self::Off | Self::Paused { .. } => None,
        }
    }
}
