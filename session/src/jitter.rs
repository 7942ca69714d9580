//! The random shortening of timers.

use std::time::Duration;

/// How much a timer is shortened, so that many peers do not act in step (RFC 4271 §10).
///
/// The fraction is drawn by the caller; the session itself knows no randomness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// No shortening: timers run for their full time.
    pub const NONE: Self = Self(1.0);

    /// A fraction from 0 (three quarters of the time) to 1 (all of it); anything outside is brought to the nearer
    /// end, and NaN to 1.
    pub fn new(fraction: f64) -> Self {
        if fraction.is_nan() { Self::NONE } else { Self(fraction.clamp(0.0, 1.0)) }
    }

    /// The time to wait instead of `duration`: between three quarters of it and all of it.
    pub fn shorten(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0.mul_add(0.25, 0.75))
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_between_three_quarters_and_all() {
        let minute = Duration::from_secs(60);
        for (fraction, seconds) in [(0.0, 45), (1.0, 60), (-7.0, 45), (9.0, 60), (f64::NAN, 60)] {
            assert_eq!(Jitter::new(fraction).shorten(minute), Duration::from_secs(seconds), "{fraction}");
        }
    }
}
