//! The task of a feed, shared by those who need it.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::shared::Shared;

/// The task of a feed, which ends with the last feed or reader.
#[derive(Debug)]
pub(super) struct Following<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) task: AbortHandle,
}

impl<T> Drop for Following<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
