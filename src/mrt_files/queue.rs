//! Records in memory between the peers' tasks and the thread that writes them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use margay_mrt::RecordTooLong;

/// Records between the peers' tasks and the thread that writes them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: BytesMut,
    lost: u64,
    is_finished: bool,
    is_written: bool,
}

/// What the writer takes from the queue.
pub(super) struct Batch {
    pub(super) records: BytesMut,
    /// Records that are missing before these.
    pub(super) lost: u64,
    /// Nothing follows.
    pub(super) is_last: bool,
}

/// Octets that may wait for the disk.
const WAITING_OCTETS: usize = 32 << 20;

impl Queue {
    /// Appends a record, with the present time in seconds since 1970.
    pub(super) fn add(&self, encode: impl FnOnce(u32, &mut BytesMut) -> Result<(), RecordTooLong>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut state = self.state();
        let has_room = state.waiting.len() < WAITING_OCTETS;
        if !has_room || encode(now.try_into().unwrap_or(u32::MAX), &mut state.waiting).is_err() {
            state.lost += 1;
        }
        self.changed.notify_all();
    }

    /// Waits for records until a time at the latest.
    pub(super) fn take(&self, until: SystemTime) -> Batch {
        let left = until.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        let is_idle = |state: &mut State| state.waiting.is_empty() && !state.is_finished;
        let waited = self.changed.wait_timeout_while(self.state(), left, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Batch {
            records: std::mem::take(&mut state.waiting),
            lost: std::mem::take(&mut state.lost),
            is_last: state.is_finished,
        }
    }

    /// The writer has written everything.
    pub(super) fn finish(&self) {
        self.state().is_written = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the waiting records written, and waits for that, but not for longer than `patience`.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state();
        state.is_finished = true;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, patience, |state| !state.is_written);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        let add = || {
            queue.add(|_, out| {
                out.extend_from_slice(b"record");
                Ok(())
            });
        };
        queue.state().waiting.resize(WAITING_OCTETS, 0);
        add();
        add();
        assert_eq!(queue.take(SystemTime::now()).lost, 2);
        add();
        let batch = queue.take(SystemTime::now());
        assert_eq!((batch.lost, &batch.records[..]), (0, &b"record"[..]));
    }
}
