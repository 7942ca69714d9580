//! The lines that wait to be written.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// A bounded queue of whole lines, shared by the logging tasks and the writing thread.
#[derive(Clone, Debug)]
pub struct LogQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    room_octets: usize,
    state: Mutex<State>,
    /// Notified when there is a line to write, or the last one has been written.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Box<[u8]>>,
    octets: usize,
    /// Whether the thread has taken a line and not come back yet.
    is_writing: bool,
    dropped: u64,
}

impl LogQueue {
    /// Makes an empty queue for about `room_octets` of text.
    pub fn new(room_octets: usize) -> Self {
        let shared = Shared { room_octets, state: Mutex::default(), changed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Number of dropped lines.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Adds a line, or drops and counts it if there is no room. Never waits for the output.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.octets + line.len() > self.shared.room_octets {
            state.dropped += 1;
            return;
        }
        state.octets += line.len();
        state.lines.push_back(line.into());
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits for the next line. The previous one counts as done.
    pub(super) fn next(&self) -> Box<[u8]> {
        let mut state = self.state();
        state.is_writing = false;
        self.shared.changed.notify_all();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.octets -= line.len();
                state.is_writing = true;
                return line;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Octets that wait, without the line that is being written.
    #[cfg(test)]
    pub(super) fn waiting_octets(&self) -> usize {
        self.state().octets
    }

    /// Counts a line that could not be written.
    pub(super) fn on_lost(&self) {
        self.state().dropped += 1;
    }

    /// Waits until every line is written, at most for `patience`.
    pub(super) fn await_empty(&self, patience: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.lines.is_empty();
        let waited = self.shared.changed.wait_timeout_while(self.state(), patience, is_busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Each change is atomic, so the state is valid after a panic as well.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writer of one line into the queue.
#[derive(Debug)]
pub struct QueuedLine<'q> {
    queue: &'q LogQueue,
}

impl<'q> MakeWriter<'q> for LogQueue {
    type Writer = QueuedLine<'q>;

    fn make_writer(&'q self) -> Self::Writer {
        QueuedLine { queue: self }
    }
}

impl io::Write for QueuedLine<'_> {
    /// The formatter writes each line in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
