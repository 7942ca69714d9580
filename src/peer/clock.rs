//! Conversion between the session's time and the system's.

use margay_session::Timestamp;
use tokio::time::Instant;

/// The time since the clock was started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts a clock at zero.
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The present time.
    pub(super) fn now(self) -> Timestamp {
        Timestamp::at(self.started.elapsed())
    }

    /// The system's time for a timestamp; `None` if that is too far ahead.
    pub(super) fn instant(self, at: Timestamp) -> Option<Instant> {
        self.started.checked_add(at.since_start())
    }
}
