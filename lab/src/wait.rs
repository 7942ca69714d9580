//! Waiting for a condition, with a failure that shows the last state seen.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// Calls the closure until it returns `Ok`, and returns the value.
///
/// The closure returns `Err` with the present state as long as the condition does not hold.
///
/// # Panics
///
/// Panics after `timeout`; the message contains `what`, the time, and the last state.
#[track_caller]
pub fn wait_until<T, E: Display>(timeout: Duration, what: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match ask() {
            Ok(value) => return value,
            Err(seen) if started.elapsed() >= timeout => {
                panic!("waited {:.1} s for: {what}\nlast seen: {seen:#}", started.elapsed().as_secs_f64())
            }
            Err(_) => thread::sleep(POLL_INTERVAL),
        }
    }
}

/// Calls the closure repeatedly and checks that it returns `Ok` for the whole `duration`.
///
/// # Panics
///
/// Panics at the first `Err`, with `what` and the state.
#[track_caller]
pub fn holds_for<E: Display>(duration: Duration, what: &str, mut ask: impl FnMut() -> Result<(), E>) {
    let started = Instant::now();
    while started.elapsed() < duration {
        if let Err(seen) = ask() {
            panic!("did not hold after {:.1} s: {what}\nseen: {seen:#}", started.elapsed().as_secs_f64());
        }
        thread::sleep(POLL_INTERVAL);
    }
}

const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait_until;

    #[test]
    fn returns_the_first_ok() {
        let mut asked = 0;
        let answer = wait_until(Duration::from_secs(60), "three", || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err("fewer") }
        });
        assert_eq!(answer, 3);
    }

    #[test]
    #[should_panic(expected = "waited 0.0 s for: rain\nlast seen: sun")]
    fn a_failure_shows_the_last_state() {
        wait_until(Duration::ZERO, "rain", || Err::<(), _>("sun"));
    }
}
