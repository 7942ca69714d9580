//! The detection timer (RFC 5880 §6.8.4).

use std::time::Duration;

use margay_timestamp::Timestamp;

/// How long the remote system may still be silent.
#[derive(Debug, Default)]
pub(super) struct Detection {
    /// When silence has lasted for the detection time; `None` while the remote system is not heard.
    expires_at: Option<Timestamp>,
    /// When silence has lasted for twice that: any authentication sequence number is accepted then (§6.8.1).
    forget_at: Option<Timestamp>,
}

impl Detection {
    /// A packet was received: silence begins anew.
    pub(super) fn on_packet(&mut self, now: Timestamp, detection_time: Duration) {
        self.expires_at = Some(now + detection_time);
        self.forget_at = Some(now + detection_time * 2);
    }

    /// Whether the detection time has just passed; `true` once.
    pub(super) fn expires(&mut self, now: Timestamp) -> bool {
        self.expires_at.take_if(|at| *at <= now).is_some()
    }

    /// Whether twice the detection time has just passed; `true` once.
    pub(super) fn forgets_sequence(&mut self, now: Timestamp) -> bool {
        self.forget_at.take_if(|at| *at <= now).is_some()
    }

    /// Stops waiting for packets.
    pub(super) fn stop(&mut self) {
        self.expires_at = None;
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.expires_at.or(self.forget_at)
    }
}
