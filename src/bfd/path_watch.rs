//! A running BFD session, as its user sees it.

use std::future::pending;

use margay_bfd::{DownReason, SessionKey, SessionOptions};
use tokio::sync::watch;

use super::{BfdHandle, BfdRequest, PathState, WatchNumber};

/// A running session. It ends when this is dropped; the remote system is informed that it was disabled, which is not a failure
/// of the path (RFC 5882 §4.2).
#[derive(Debug)]
pub struct PathWatch {
    bfd: BfdHandle,
    number: WatchNumber,
    key: SessionKey,
    states: watch::Receiver<PathState>,
    /// The losses that [`failed`](Self::failed) has returned.
    losses: u64,
}

impl PathWatch {
    pub(super) fn new(
        bfd: BfdHandle,
        number: WatchNumber,
        key: SessionKey,
        states: watch::Receiver<PathState>,
    ) -> Self {
        Self { bfd, number, key, states, losses: 0 }
    }

    /// Which session it is.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> PathState {
        *self.states.borrow()
    }

    /// Gives other options to the session, which stays up.
    pub fn change(&self, options: SessionOptions) {
        self.bfd.send(BfdRequest::Change { number: self.number, key: self.key, options });
    }

    /// Waits until the path fails, and returns how. A session that was disabled on either side is not a failure
    /// (RFC 5882 §4.2), and one that never came up has not failed. Dropping the future before it is ready loses nothing.
    pub async fn failed(&mut self) -> DownReason {
        loop {
            let PathState { losses, reason, .. } = *self.states.borrow_and_update();
            if losses > self.losses {
                self.losses = losses;
                return reason.unwrap_or(DownReason::DetectionTimeExpired);
            }
            if self.states.changed().await.is_err() {
                // It could not be started, which was logged.
                pending::<()>().await;
            }
        }
    }
}

impl Drop for PathWatch {
    fn drop(&mut self) {
        self.bfd.send(BfdRequest::Stop { number: self.number, key: self.key });
    }
}
