//! What a follower asks for, and what it is given.

use bytes::Bytes;

use crate::{ClusterId, KeyRange, KeyValue, Revision};

/// The number of an attempt; an answer carries that of its request.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attempt(u64);

impl Attempt {
    pub(super) fn begin(&mut self) {
        self.0 = self.0.wrapping_add(1);
    }
}

/// Something to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Ask for a page of a list; a watch that is open is closed.
    List(Attempt, ListRequest),
    /// Open a watch; an earlier one is closed.
    Watch(Attempt, WatchRequest),
    /// Ask the stream of the watch for its progress: any answer is a sign of life.
    Progress(Attempt),
    /// Close what is open and use another member of the store from now on.
    ChangeMember(Attempt),
}

/// A page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListRequest {
    /// The keys.
    pub range: KeyRange,
    /// The revision to list at; `None` for the newest.
    pub at: Option<Revision>,
    /// The most keys in the answer.
    pub limit: u32,
}

/// A watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WatchRequest {
    /// The keys.
    pub range: KeyRange,
    /// The revision of the first event.
    pub from: Revision,
}

/// An answer to a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Which store answered.
    pub cluster: ClusterId,
    /// The newest revision of the store when it answered.
    pub revision: Revision,
    /// What stands in the range, in the order of the keys.
    pub key_values: Vec<KeyValue>,
    /// Whether there is more behind the last key.
    pub more: bool,
}

/// A message on a watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WatchMessage {
    /// Which store sent it.
    pub cluster: ClusterId,
    /// The newest revision of the store when it was sent. It may be ahead of the events that come with it.
    pub revision: Revision,
    /// True when the message belongs to the watch; an answer to [`Request::Progress`] does not, and says nothing of the events
    /// that are under way.
    pub of_watch: bool,
    /// The watch begins.
    pub created: bool,
    /// The watch has ended, with the reason if one is given.
    pub canceled: Option<String>,
    /// The watch has ended because compaction removed what it was to begin with.
    pub compacted: bool,
    /// More events of the same batch follow, maybe of the same revision.
    pub fragment: bool,
    /// The events, in their order.
    pub events: Vec<WatchEvent>,
}

/// A change of one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WatchEvent {
    /// The key.
    pub key: Bytes,
    /// The new value; `None` when the key was deleted.
    pub value: Option<Bytes>,
    /// The revision that changed it.
    pub revision: Revision,
}

/// Why a request or a watch brought nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The revision that was asked for has been compacted.
    Compacted,
    /// The answer is larger than the receiver takes.
    TooLarge,
    /// Anything else, for people to read: connection refused, no leader, permission denied, a deadline.
    Unavailable(String),
}
