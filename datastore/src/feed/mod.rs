//! A part of the store as a stream of typed events, for several readers.

mod follow;
mod reader;
mod shared;

use std::sync::Arc;

use bytes::Bytes;
use margay_watch::{KeyRange, Revision};
use tokio::task::AbortHandle;

use crate::Client;
use follow::follow;
pub use reader::FeedReader;
use shared::Shared;

/// What a value of the store is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decoded<T> {
    /// An object.
    Object(T),
    /// Something that should be an object and is not, and why.
    Invalid(String),
    /// Something that does not concern the readers of the feed.
    Foreign,
}

/// What a feed has to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FeedEvent<T> {
    /// An object is there, new or changed.
    Upsert {
        /// Its key.
        key: Bytes,
        /// The object.
        object: Arc<T>,
        /// The revision that wrote it.
        revision: Revision,
    },
    /// What stands at a key cannot be used: for a calculation there is no object.
    Invalid {
        /// The key.
        key: Bytes,
        /// Why not.
        why: Arc<str>,
    },
    /// A key is gone.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// The reader has been given everything that there is. Said once.
    InSync,
    /// The store is followed.
    Connected,
    /// The store is not followed, and why; what is known stays.
    Disconnected(Arc<str>),
}

/// How a feed is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedStatus {
    /// Whether the store was read to the end once.
    pub in_sync: bool,
    /// Why the store is not followed at present; `None` when it is.
    pub disconnected: Option<Arc<str>>,
    /// The keys whose values cannot be used, and why.
    pub invalid: Vec<(Bytes, Arc<str>)>,
}

/// Follows a part of the store; dropped together with its readers, it ends.
///
/// There is one watch and one copy of the objects, whatever the number of readers. A reader that is slow gets only the newest of
/// what it missed, and holds up nobody.
#[derive(Debug)]
pub struct Feed<T>(Arc<Following<T>>);

#[derive(Debug)]
pub(crate) struct Following<T> {
    shared: Arc<Shared<T>>,
    task: AbortHandle,
}

impl<T> Drop for Following<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

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
