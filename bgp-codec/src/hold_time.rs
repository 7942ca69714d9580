//! The Hold Time of a session.

use std::fmt;
use std::time::Duration;

/// How long a peer may be silent: zero (no limit) or at least three seconds (RFC 4271 §4.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HoldTime(u16);

impl HoldTime {
    /// No keepalives and no hold timer.
    pub const ZERO: Self = Self(0);

    /// The hold time of this many seconds; `None` for one and two, which the protocol excludes.
    #[must_use]
    pub fn from_seconds(seconds: u16) -> Option<Self> {
        match seconds {
            1 | 2 => None,
            _ => Some(Self(seconds)),
        }
    }

    /// The whole seconds, as in an OPEN.
    #[must_use]
    pub fn seconds(self) -> u16 {
        self.0
    }

    /// Whether the session runs without keepalives and hold timer.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Duration of the hold timer; zero if it is not used.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// A third of the hold time (RFC 4271 §4.4); zero if no keepalives are sent.
    #[must_use]
    pub fn keepalive_interval(self) -> Duration {
        self.duration().checked_div(3).unwrap_or_default()
    }
}

impl fmt::Display for HoldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_seconds_do_not_exist() {
        for (seconds, exists) in [(0, true), (1, false), (2, false), (3, true), (u16::MAX, true)] {
            assert_eq!(HoldTime::from_seconds(seconds).is_some(), exists, "{seconds} s");
        }
    }

    #[test]
    fn keepalives_come_at_a_third() {
        let ninety = HoldTime::from_seconds(90).unwrap();
        assert_eq!(ninety.keepalive_interval(), Duration::from_secs(30));
        assert_eq!(HoldTime::ZERO.keepalive_interval(), Duration::ZERO);
        assert!(HoldTime::ZERO.is_zero() && !ninety.is_zero());
    }
}
