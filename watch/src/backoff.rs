//! Growing intervals between attempts.

use std::time::Duration;

/// Intervals that double from a first to a longest one, each shortened by jitter.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Intervals from `first` to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The interval after one more failure. `jitter` is between 0 (the whole interval) and 255 (half of it).
    pub fn next_interval(&mut self, jitter: u8) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        let interval = doubled.min(self.longest);
        interval.saturating_sub(interval.mul_f64(f64::from(jitter) / 510.0))
    }

    /// Begins anew with the first interval.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn intervals_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        let milliseconds: Vec<u128> = (0..7).map(|_| backoff.next_interval(0).as_millis()).collect();
        assert_eq!(milliseconds, [200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next_interval(255), Duration::from_millis(100));
        for _ in 0..100_000 {
            assert!(backoff.next_interval(1) > Duration::ZERO);
        }
    }
}
