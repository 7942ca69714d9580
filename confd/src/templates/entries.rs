//! The entries of the datastore that a template needs.

use std::collections::BTreeMap;

use margay_datastore::{Client, Decoded, Feed, FeedEvent, KeyRange};
use tokio::sync::mpsc;

/// How many events are handed over at a time.
const BATCH: usize = 1_000;

/// Entries by their keys without the prefix.
pub(super) struct Entries {
    prefix: String,
    events: mpsc::Receiver<(usize, Vec<FeedEvent<String>>)>,
    in_sync: Vec<bool>,
    values: BTreeMap<String, String>,
}

impl Entries {
    /// Begins to follow everything whose key begins with the prefix and one of the keys.
    pub(super) fn follow(client: &Client, prefix: &str, keys: &[String]) -> Self {
        // A feed waits with the rest of its events when this is full.
        let (sender, events) = mpsc::channel(16);
        for (source, key) in keys.iter().enumerate() {
            let feed = Feed::start(client.clone(), KeyRange::of_prefix(format!("{prefix}{key}")), decode);
            let sender = sender.clone();
            tokio::spawn(async move {
                let Some(mut reader) = feed.reader() else { return };
                loop {
                    let batch = reader.next(BATCH).await;
                    if batch.is_empty() || sender.send((source, batch)).await.is_err() {
                        return;
                    }
                }
            });
        }
        Self { prefix: prefix.to_owned(), events, in_sync: vec![false; keys.len()], values: BTreeMap::new() }
    }

    /// Waits for events; returns whether anything is to be rendered.
    pub(super) async fn next(&mut self) -> bool {
        let Some((source, events)) = self.events.recv().await else {
            // All feeds have ended, which happens at the end of the program only.
            return std::future::pending().await;
        };
        let mut changed = false;
        for event in events {
            changed |= self.take(source, event);
        }
        changed
    }

    /// Whether everything was read once.
    pub(super) fn is_in_sync(&self) -> bool {
        self.in_sync.iter().all(|in_sync| *in_sync)
    }

    pub(super) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    fn take(&mut self, source: usize, event: FeedEvent<String>) -> bool {
        match event {
            FeedEvent::Upsert { key, object, .. } => {
                self.values.insert(self.key(&key), (*object).clone());
                true
            }
            FeedEvent::Invalid { key, why } => {
                let key = self.key(&key);
                tracing::warn!(key, %why, "left out");
                self.values.remove(&key).is_some()
            }
            FeedEvent::Delete { key } => self.values.remove(&self.key(&key)).is_some(),
            FeedEvent::InSync => {
                self.in_sync.get_mut(source).is_some_and(|in_sync| !std::mem::replace(in_sync, true))
            }
            FeedEvent::Connected => false,
            FeedEvent::Disconnected(why) => {
                tracing::warn!(%why, "the datastore is not followed; what is known stays");
                false
            }
        }
    }

    fn key(&self, octets: &[u8]) -> String {
        let key = String::from_utf8_lossy(octets);
        key.strip_prefix(&self.prefix).unwrap_or(&key).to_owned()
    }
}

fn decode(_: &[u8], value: &[u8]) -> Decoded<String> {
    match std::str::from_utf8(value) {
        Ok(text) => Decoded::Object(text.to_owned()),
        Err(error) => Decoded::Invalid(error.to_string()),
    }
}
