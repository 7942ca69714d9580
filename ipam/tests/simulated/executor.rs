//! Running several procedures so that a test chooses whose request comes next.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

type Task<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

/// Procedures that are under way; each poll carries out at most one request of one of them.
pub(crate) struct Tasks<'f, T> {
    running: Vec<(usize, Task<'f, T>)>,
}

impl<'f, T> Tasks<'f, T> {
    pub(crate) fn new() -> Self {
        Self { running: Vec::new() }
    }

    pub(crate) fn start(&mut self, number: usize, task: impl Future<Output = T> + 'f) {
        self.running.push((number, Box::pin(task)));
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Carries out one request of the task that `choice` selects. Returns the task's number and result when it has ended.
    pub(crate) fn step(&mut self, choice: usize) -> Option<(usize, T)> {
        let index = choice.checked_rem(self.running.len())?;
        let (number, task) = self.running.get_mut(index)?;
        let number = *number;
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(result) => {
                drop(self.running.swap_remove(index));
                Some((number, result))
            }
        }
    }

    #[allow(dead_code, reason = "not every test kills")]
    /// Ends a task between two of its requests, as `kill -9` does. Returns its number.
    pub(crate) fn kill(&mut self, choice: usize) -> Option<usize> {
        let index = choice.checked_rem(self.running.len())?;
        Some(self.running.swap_remove(index).0)
    }
}

/// Runs one procedure alone.
pub(crate) fn run<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}
