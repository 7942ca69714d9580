//! What a feed says, and how it is doing.

use std::sync::Arc;

use bytes::Bytes;
use margay_watch::Revision;

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
