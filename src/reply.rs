//! Answers to requests that came with a channel.

use tokio::sync::oneshot;

/// Answers a request. The asker may have gone meanwhile, as when an operator interrupts the command; then the answer is not
/// missed.
pub(crate) fn reply<T>(answer: oneshot::Sender<T>, value: T) {
    drop(answer.send(value));
}
