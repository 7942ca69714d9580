//! The time that a scenario has, and waiting within it.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The end of a scenario's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) deadline: Instant,
}

impl Clock {
    pub(crate) fn ends_in(time: Duration) -> Self {
        Self { deadline: Instant::now() + time }
    }

    /// Calls the closure until it succeeds, and returns the value.
    ///
    /// # Errors
    ///
    /// The scenario's time is over; the error is the last one, after what was waited for.
    pub(crate) fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            match ask() {
                Ok(value) => return Ok(value),
                Err(error) if Instant::now() >= self.deadline => {
                    return Err(error).with_context(|| format!("waited in vain until {what}"));
                }
                Err(_) => thread::sleep(POLL_INTERVAL),
            }
        }
    }

    /// Checks that the closure succeeds again and again for a duration.
    ///
    /// # Errors
    ///
    /// The first error.
    pub(crate) fn holds_for<T: Debug>(
        &self,
        duration: Duration,
        what: &str,
        mut ask: impl FnMut() -> Result<T>,
    ) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            ask().with_context(|| format!("did not hold: {what}"))?;
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::bail;

    use super::Clock;

    #[test]
    fn a_failure_says_what_was_waited_for_and_what_came_last() {
        let error =
            Clock::ends_in(Duration::ZERO).until("it rains", || -> anyhow::Result<()> { bail!("sun") });
        assert_eq!(format!("{:#}", error.unwrap_err()), "waited in vain until it rains: sun");
    }
}
