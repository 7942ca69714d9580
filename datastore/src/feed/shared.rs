//! What the task of a feed writes and its readers read.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use margay_watch::{ChangeLog, LogChange, ReaderId, Revision};
use tokio::sync::watch;

use super::event::FeedStatus;

/// The log of objects, and how the feed is doing.
#[derive(Debug)]
pub(super) struct Shared<T> {
    state: Mutex<State<T>>,
    /// Counts writes, to wake readers.
    written: watch::Sender<u64>,
}

#[derive(Debug)]
struct State<T> {
    log: ChangeLog<Bytes, Item<T>>,
    in_sync: bool,
    link: Link,
}

/// What stands at a key.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) object: Result<Arc<T>, Arc<str>>,
    pub(super) revision: Revision,
}

/// Whether the store is followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// Nothing has been heard of it yet.
    New,
    Connected,
    Disconnected(Arc<str>),
}

/// What a reader is given at a time.
#[derive(Debug)]
pub(super) struct Portion<T> {
    pub(super) changes: Vec<LogChange<Bytes, Item<T>>>,
    pub(super) link: Link,
    /// Whether everything that there is has been read, to the end of `changes`.
    pub(super) is_all: bool,
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), revision: self.revision }
    }
}

impl<T> Shared<T> {
    pub(super) fn new() -> Self {
        let state = State { log: ChangeLog::default(), in_sync: false, link: Link::New };
        Self { state: Mutex::new(state), written: watch::Sender::new(0) }
    }

    /// Takes changes over, in their order.
    pub(super) fn write(&self, changes: impl IntoIterator<Item = (Bytes, Option<Item<T>>)>) {
        self.with(|state| changes.into_iter().for_each(|(key, item)| state.log.set(key, item)));
        self.wake();
    }

    pub(super) fn set_in_sync(&self) {
        self.with(|state| state.in_sync = true);
        self.wake();
    }

    pub(super) fn set_link(&self, link: Link) {
        self.with(|state| state.link = link);
        self.wake();
    }

    pub(super) fn add_reader(&self) -> Option<(ReaderId, watch::Receiver<u64>)> {
        let id = self.with(|state| state.log.add_reader())?;
        Some((id, self.written.subscribe()))
    }

    pub(super) fn remove_reader(&self, reader: ReaderId) {
        self.with(|state| state.log.remove_reader(reader));
    }

    pub(super) fn read(&self, reader: ReaderId, limit: usize) -> Portion<T> {
        self.with(|state| Portion {
            changes: state.log.read(reader, limit),
            link: state.link.clone(),
            is_all: state.in_sync && state.log.has_read_all(reader),
        })
    }

    pub(super) fn status(&self) -> FeedStatus {
        self.with(|state| FeedStatus {
            in_sync: state.in_sync,
            disconnected: match &state.link {
                Link::New => Some("not connected yet".into()),
                Link::Connected => None,
                Link::Disconnected(why) => Some(Arc::clone(why)),
            },
            invalid: state
                .log
                .iter()
                .filter_map(|(key, item)| Some((key.clone(), Arc::clone(item.object.as_ref().err()?))))
                .collect(),
        })
    }

    /// The state holds no invariant that a panic in between could break.
    fn with<R>(&self, work: impl FnOnce(&mut State<T>) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wake(&self) {
        self.written.send_modify(|count| *count = count.wrapping_add(1));
    }
}
