//! Answers to requests that came with a channel.

use tokio::sync::oneshot;

/// Answers a request. If the asker has gone, as when an operator interrupts the command, the answer is
/// dropped.
pub(crate) fn reply<T>(answer: oneshot::Sender<T>, value: T) {
    drop(answer.send(value));
}
