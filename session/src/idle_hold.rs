//! The growing wait between failed attempts.

use std::time::Duration;

use crate::Jitter;

/// From how short to how long the wait after a failure grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdleHoldRange {
    /// The wait after the first failure.
    pub shortest: Duration,
    /// The wait no number of failures exceeds.
    pub longest: Duration,
}

/// The growing wait between failed attempts (the IdleHoldTimer of RFC 4271 §8.1.1).
///
/// It doubles with each failure. A session that stayed Established for the longest wait starts over; one that comes
/// up only to fail again does not, or it would flap at full speed for ever.
#[derive(Clone, Debug)]
pub(crate) struct IdleHold {
    range: IdleHoldRange,
    next: Duration,
}

impl IdleHold {
    pub(crate) fn new(range: IdleHoldRange) -> Self {
        Self { range, next: range.shortest }
    }

    /// The wait after one more failure.
    pub(crate) fn grow(&mut self, jitter: Jitter) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.range.longest);
        jitter.shorten(wait)
    }

    /// Notes that a session had been Established for `uptime` when it failed.
    pub(crate) fn on_session_lost(&mut self, uptime: Duration) {
        if uptime >= self.range.longest {
            self.reset();
        }
    }

    /// Forgets all failures: the operator asked for a fresh start.
    pub(crate) fn reset(&mut self) {
        self.next = self.range.shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn doubles_up_to_the_longest_and_starts_over_after_a_long_session() {
        let mut hold = IdleHold::new(IdleHoldRange { shortest: seconds(5), longest: seconds(60) });
        let mut waits = || hold.grow(Jitter::NONE).as_secs();
        assert_eq!([waits(), waits(), waits(), waits(), waits(), waits()], [5, 10, 20, 40, 60, 60]);
        hold.on_session_lost(seconds(59));
        assert_eq!(hold.grow(Jitter::NONE), seconds(60));
        hold.on_session_lost(seconds(60));
        assert_eq!(hold.grow(Jitter::NONE), seconds(5));
    }
}
