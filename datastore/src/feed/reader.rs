//! A reader of a feed.

use std::sync::Arc;

use margay_watch::{LogChange, ReaderId};
use tokio::sync::watch;

use super::event::FeedEvent;
use super::following::Following;
use super::shared::{Item, Link};
use bytes::Bytes;

/// Reads a feed at its own speed.
#[derive(Debug)]
pub struct FeedReader<T> {
    following: Arc<Following<T>>,
    id: ReaderId,
    written: watch::Receiver<u64>,
    /// What was said of these.
    in_sync: bool,
    link: Link,
}

impl<T> FeedReader<T> {
    pub(super) fn new(following: Arc<Following<T>>) -> Option<Self> {
        let (id, written) = following.shared.add_reader()?;
        Some(Self { following, id, written, in_sync: false, link: Link::New })
    }

    /// Waits for events and returns at least one, at most `limit` of objects. May be given up and called again.
    pub async fn next(&mut self, limit: usize) -> Vec<FeedEvent<T>> {
        loop {
            let events = self.read(limit);
            if !events.is_empty() {
                return events;
            }
            if self.written.changed().await.is_err() {
                // The feed lives as long as its readers do.
                return Vec::new();
            }
        }
    }

    /// Returns what is there now.
    pub fn read(&mut self, limit: usize) -> Vec<FeedEvent<T>> {
        self.written.mark_unchanged();
        let portion = self.following.shared.read(self.id, limit);
        let mut events = Vec::with_capacity(portion.changes.len());
        if portion.link != self.link {
            events.extend(event_of_link(&portion.link));
            self.link = portion.link;
        }
        events.extend(portion.changes.into_iter().map(event_of_change));
        if portion.is_all && !self.in_sync {
            self.in_sync = true;
            events.push(FeedEvent::InSync);
        }
        events
    }
}

impl<T> Drop for FeedReader<T> {
    fn drop(&mut self) {
        self.following.shared.remove_reader(self.id);
    }
}

fn event_of_link<T>(link: &Link) -> Option<FeedEvent<T>> {
    match link {
        Link::New => None,
        Link::Connected => Some(FeedEvent::Connected),
        Link::Disconnected(why) => Some(FeedEvent::Disconnected(Arc::clone(why))),
    }
}

fn event_of_change<T>(change: LogChange<Bytes, Item<T>>) -> FeedEvent<T> {
    let key = change.key;
    match change.value {
        None => FeedEvent::Delete { key },
        Some(Item { object: Ok(object), revision }) => FeedEvent::Upsert { key, object, revision },
        Some(Item { object: Err(why), .. }) => FeedEvent::Invalid { key, why },
    }
}
