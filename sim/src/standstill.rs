//! The suspension of a host's daemon.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Whether a host's daemon is suspended, as by a signal: its network and its kernel continue, time passes,
/// and it finds their new state when it resumes.
#[derive(Debug, Default)]
pub(crate) struct Standstill(Mutex<Option<Vec<Waker>>>);

impl Standstill {
    pub(crate) fn begin(&self) {
        self.waiting().get_or_insert_default();
    }

    /// Resumes it; returns whether it was suspended.
    pub(crate) fn end(&self) -> bool {
        let waiting = self.waiting().take();
        let stood_still = waiting.is_some();
        waiting.into_iter().flatten().for_each(Waker::wake);
        stood_still
    }

    /// Is ready while the daemon runs.
    pub(crate) fn poll_running(&self, context: &mut Context<'_>) -> Poll<()> {
        match &mut *self.waiting() {
            Some(waiting) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
