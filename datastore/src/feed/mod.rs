//! A part of the store as a stream of typed events, for several readers.

mod event;
mod follow;
mod following;
mod reader;
mod shared;

use std::sync::Arc;

use margay_watch::KeyRange;

use crate::Client;
pub use event::{Decoded, FeedEvent, FeedStatus};
use follow::follow;
use following::Following;
pub use reader::FeedReader;
use shared::Shared;

/// Follows a part of the store; dropped together with its readers, it ends.
///
/// There is one watch and one copy of the objects, whatever the number of readers. A reader that is slow gets only the newest of
/// what it missed, and holds up nobody.
#[derive(Debug)]
pub struct Feed<T>(Arc<Following<T>>);

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Feed<T> {
    /// Begins to follow a range of keys. `decode` is given each key and value once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(
        client: Client,
        range: KeyRange,
        decode: impl Fn(&[u8], &[u8]) -> Decoded<T> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::new());
        let task = tokio::spawn(follow(client, range, Arc::clone(&shared), decode)).abort_handle();
        Self(Arc::new(Following { shared, task }))
    }

    /// A reader that begins with everything that is known; `None` when there are too many.
    #[must_use]
    pub fn reader(&self) -> Option<FeedReader<T>> {
        FeedReader::new(Arc::clone(&self.0))
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> FeedStatus {
        self.0.shared.status()
    }
}
