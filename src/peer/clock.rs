//! The one place where the session's time and the system's meet.

use margay_session::Timestamp;
use tokio::time::Instant;

/// Tells the time since it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that stands at zero now.
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time.
    pub(super) fn now(self) -> Timestamp {
        Timestamp::at(self.started.elapsed())
    }

    /// The system's name for a time; `None` when that is too far ahead to have one.
    pub(super) fn instant(self, at: Timestamp) -> Option<Instant> {
        self.started.checked_add(at.since_start())
    }
}
