//! A timer with a finer resolution than the runtime's, which counts milliseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FineTimer {
    descriptor: AsyncFd<OwnedFd>,
}

impl FineTimer {
    /// Makes a timer that is not running. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// No descriptor is available.
    #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor it does not know")]
    pub(crate) fn new() -> io::Result<Self> {
        let descriptor =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: an OwnedFd is the same open descriptor until it is dropped, and is owned by what registers it.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { descriptor })
    }

    /// Completes after `time`. If the system refuses the timer, the runtime's is used.
    pub(crate) async fn sleep(&self, time: Duration) {
        if self.try_sleep(time).await.is_err() {
            tokio::time::sleep(time).await;
        }
    }

    async fn try_sleep(&self, time: Duration) -> io::Result<()> {
        // A timer that is set to zero would never expire.
        let time = time.max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: time.try_into().map_err(|_| io::ErrorKind::InvalidInput)?,
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &once)?;
        let mut gone_off = self.descriptor.readable().await?;
        gone_off.clear_ready_matching(Ready::READABLE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn never_sleeps_less_than_requested() {
        let timer = FineTimer::new().unwrap();
        for microseconds in [0, 300, 1, 700] {
            let time = Duration::from_micros(microseconds);
            let start = Instant::now();
            timer.try_sleep(time).await.unwrap();
            assert!(start.elapsed() >= time, "{:?} for {time:?}", start.elapsed());
        }
    }
}
