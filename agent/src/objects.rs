//! The objects of the datastore that a node follows from.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use margay_cluster::document::read_json;
use margay_cluster::ipam::Block;
use margay_cluster::key::{BlockKey, Key, ObjectKey};
use margay_cluster::object::{AnyObject, EndpointName, Kind};
use margay_cluster::schema::{UnknownFields, decode as decode_schema};
use margay_datastore::{Client, Decoded, Feed, FeedEvent, KeyRange};
use tokio::sync::mpsc;

/// Kinds of objects that are followed whole.
const KINDS: [Kind; 5] =
    [Kind::Node, Kind::IpPool, Kind::BgpConfiguration, Kind::FelixConfiguration, Kind::WorkloadEndpoint];

/// How many events are handed over at a time.
const BATCH: usize = 1_000;

/// A value of the datastore.
#[derive(Debug)]
pub(crate) enum Value {
    Object(ObjectKey, Box<AnyObject>),
    Block(BlockKey, Box<Block>),
}

/// Events of one of the feeds.
pub(crate) struct Batch {
    source: usize,
    events: Vec<FeedEvent<Value>>,
}

/// A change of what is known.
pub(crate) enum ObjectEvent {
    Object(ObjectKey, Option<Arc<Value>>),
    Block(BlockKey, Option<Arc<Value>>),
}

/// What is followed.
pub(crate) struct Objects {
    batches: mpsc::Receiver<Batch>,
    in_sync: Vec<bool>,
    /// Keys whose values cannot be used, and why.
    pub(crate) invalid: BTreeMap<String, Arc<str>>,
}

impl Objects {
    /// Begins to follow what concerns a node. Of the endpoints these are its own.
    ///
    /// # Errors
    ///
    /// When there are too many readers, which does not happen with a client of its own.
    pub(crate) fn follow(client: &Client, node: &str) -> Result<Self> {
        let kinds = KINDS.iter().map(|kind| ObjectKey::prefix(*kind, None));
        let prefixes: Vec<String> = kinds.chain([BlockKey::PREFIX.to_owned()]).collect();
        // A feed waits with the rest of its events when this is full.
        let (sender, batches) = mpsc::channel(16);
        for (source, prefix) in prefixes.iter().enumerate() {
            let node = node.to_owned();
            let range = KeyRange::of_prefix(prefix.clone());
            let feed = Feed::start(client.clone(), range, move |key, value| decode(&node, key, value));
            let mut reader = feed.reader().context("too many readers of a feed")?;
            let sender = sender.clone();
            tokio::spawn(async move {
                loop {
                    let events = reader.next(BATCH).await;
                    if events.is_empty() || sender.send(Batch { source, events }).await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { batches, in_sync: vec![false; prefixes.len()], invalid: BTreeMap::new() })
    }

    /// Waits for events. May be given up and called again.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    /// True when everything was read once: only then can anything follow from it.
    pub(crate) fn is_in_sync(&self) -> bool {
        self.in_sync.iter().all(|in_sync| *in_sync)
    }

    /// The changes of a batch.
    pub(crate) fn take(&mut self, batch: Batch) -> Vec<ObjectEvent> {
        let mut changes = Vec::new();
        for event in batch.events {
            match event {
                FeedEvent::Upsert { key, object, .. } => {
                    self.invalid.remove(&text(&key));
                    changes.push(match &*object {
                        Value::Object(key, _) => ObjectEvent::Object(key.clone(), Some(object)),
                        Value::Block(key, _) => ObjectEvent::Block(*key, Some(object)),
                    });
                }
                FeedEvent::Invalid { key, why } => {
                    tracing::warn!(key = text(&key), %why, "left out");
                    changes.extend(gone(&text(&key)));
                    self.invalid.insert(text(&key), why);
                }
                FeedEvent::Delete { key } => {
                    self.invalid.remove(&text(&key));
                    changes.extend(gone(&text(&key)));
                }
                FeedEvent::InSync => {
                    if let Some(in_sync) = self.in_sync.get_mut(batch.source) {
                        *in_sync = true;
                    }
                }
                FeedEvent::Connected => (),
                FeedEvent::Disconnected(why) => {
                    tracing::warn!(%why, "the datastore is not followed; what is known stays");
                }
            }
        }
        changes
    }
}

fn gone(key: &str) -> Option<ObjectEvent> {
    match key.parse() {
        Ok(Key::Object(key)) => Some(ObjectEvent::Object(key, None)),
        Ok(Key::Block(key)) => Some(ObjectEvent::Block(key, None)),
        Ok(_) | Err(_) => None,
    }
}

fn decode(node: &str, key: &[u8], value: &[u8]) -> Decoded<Value> {
    let Ok(parsed) = text(key).parse() else { return Decoded::Invalid("not a key that is known".to_owned()) };
    match parsed {
        Key::Object(key) if key.kind == Kind::WorkloadEndpoint && !is_local(node, &key.name) => {
            Decoded::Foreign
        }
        Key::Object(key) => match decode_object(&key, value) {
            Ok(object) => Decoded::Object(Value::Object(key, Box::new(object))),
            Err(why) => Decoded::Invalid(why),
        },
        Key::Block(key) => match decode_block(value) {
            Ok(block) => Decoded::Object(Value::Block(key, Box::new(block))),
            Err(why) => Decoded::Invalid(why),
        },
        _ => Decoded::Foreign,
    }
}

/// Whether an endpoint is one of a node; its name says so.
fn is_local(node: &str, endpoint: &str) -> bool {
    EndpointName::parse(endpoint).is_ok_and(|name| name.node == node)
}

fn decode_object(key: &ObjectKey, value: &[u8]) -> Result<AnyObject, String> {
    let document = read_json(value).map_err(|error| error.to_string())?;
    AnyObject::decode_kind(key.kind, &document, UnknownFields::Ignore)
        .map_err(|problems| problems.to_string())
}

fn decode_block(value: &[u8]) -> Result<Block, String> {
    let document = read_json(value).map_err(|error| error.to_string())?;
    decode_schema(&document, UnknownFields::Ignore).map_err(|problems| problems.to_string())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
