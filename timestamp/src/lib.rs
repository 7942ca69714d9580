//! A point in time, as a value: the pure crates take it as an argument and read no clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time, as the time since the daemon started.
///
/// The caller says what time it is, so a test can use any.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The moment the daemon started.
    pub const START: Self = Self(Duration::ZERO);

    /// The moment `since_start` after the daemon started.
    pub const fn at(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the daemon's start this is.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How much time has passed from `earlier` to this moment; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// The moment `duration` later; the end of time when it lies beyond that.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    /// The time between the two; zero when `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since the start, with milliseconds: `12.345s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0.as_secs(), self.0.subsec_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let noon = Timestamp::at(Duration::from_secs(12));
        assert_eq!(noon + Duration::from_secs(3) - noon, Duration::from_secs(3));
        assert_eq!(Timestamp::START - noon, Duration::ZERO);
        assert_eq!(noon + Duration::MAX, Timestamp::at(Duration::MAX));
    }

    #[test]
    fn shows_seconds_and_milliseconds() {
        assert_eq!(Timestamp::at(Duration::from_micros(1_002_900)).to_string(), "1.002s");
    }
}
