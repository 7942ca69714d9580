//! The objects of the datastore that a node's BGP follows from.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use margay_cluster::document::read_json;
use margay_cluster::ipam::{BlockAffinity, read_block_affinity};
use margay_cluster::key::{BlockAffinityKey, Key, ObjectKey};
use margay_cluster::object::{AnyObject, Kind};
use margay_cluster::schema::UnknownFields;
use margay_datastore::{Client, Decoded, Feed, FeedEvent, KeyRange, Revision};
use margay_render::{Snapshot, concerns};
use tokio::sync::mpsc;

/// Kinds of objects that are followed. The others of a cluster, its workloads above all, are many and do not matter here.
const KINDS: [Kind; 5] = [Kind::Node, Kind::BgpConfiguration, Kind::BgpPeer, Kind::BgpFilter, Kind::IpPool];

/// How many events are handed over at a time.
const BATCH: usize = 1_000;

/// A value of the datastore.
#[derive(Debug)]
pub(crate) enum Value {
    Object(ObjectKey, Box<AnyObject>),
    Block(BlockAffinityKey, BlockAffinity),
}

/// Events of one of the feeds.
pub(crate) struct Batch {
    /// Which feed.
    source: usize,
    events: Vec<FeedEvent<Value>>,
}

/// What is known of the datastore.
pub(crate) struct Objects {
    /// The node whose file is kept.
    node: String,
    batches: mpsc::Receiver<Batch>,
    sources: Vec<Source>,
    /// Keys whose values cannot be used, and why.
    pub(crate) invalid: BTreeMap<String, Arc<str>>,
    /// The newest revision of what is known.
    pub(crate) revision: Revision,
}

#[derive(Default)]
struct Source {
    in_sync: bool,
    disconnected: Option<Arc<str>>,
}

impl Objects {
    /// Begins to follow what concerns a node.
    ///
    /// # Errors
    ///
    /// When there are too many readers, which does not happen with a client of its own.
    pub(crate) fn follow(client: &Client, node: &str) -> Result<Self> {
        let kinds = KINDS.iter().map(|kind| ObjectKey::prefix(*kind, None));
        let prefixes: Vec<String> = kinds.chain([BlockAffinityKey::prefix_of_host(node)]).collect();
        // A feed waits with the rest of its events when this is full.
        let (sender, batches) = mpsc::channel(16);
        for (source, prefix) in prefixes.iter().enumerate() {
            let feed = Feed::start(client.clone(), KeyRange::of_prefix(prefix.clone()), decode);
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
        let sources = prefixes.iter().map(|_| Source::default()).collect();
        let node = node.to_owned();
        Ok(Self { node, batches, sources, invalid: BTreeMap::new(), revision: Revision::default() })
    }

    /// Waits for events. May be given up and called again.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    /// True when everything was read once: only then can anything follow from it.
    pub(crate) fn is_in_sync(&self) -> bool {
        self.sources.iter().all(|source| source.in_sync)
    }

    /// Why the datastore is not followed at present.
    pub(crate) fn disconnected(&self) -> Option<&str> {
        self.sources.iter().find_map(|source| source.disconnected.as_deref())
    }

    /// Takes events over. Returns whether the file may be another; before everything was read once, it always may.
    pub(crate) fn take(&mut self, batch: Batch, snapshot: &mut Snapshot) -> bool {
        let asking = self.is_in_sync().then(|| self.node.clone());
        let asking = asking.as_deref();
        let mut changed = asking.is_none();
        for event in batch.events {
            match event {
                FeedEvent::Upsert { key, object, revision } => {
                    self.revision = self.revision.max(revision);
                    self.invalid.remove(&text(&key));
                    changed |= put(snapshot, &object, asking);
                }
                FeedEvent::Invalid { key, why } => {
                    let key = text(&key);
                    tracing::warn!(key, %why, "left out");
                    changed |= remove(snapshot, &key, asking);
                    self.invalid.insert(key, why);
                }
                FeedEvent::Delete { key } => {
                    let key = text(&key);
                    self.invalid.remove(&key);
                    changed |= remove(snapshot, &key, asking);
                }
                FeedEvent::InSync => self.with_source(batch.source, |source| source.in_sync = true),
                FeedEvent::Connected => {
                    self.with_source(batch.source, |source| source.disconnected = None);
                }
                FeedEvent::Disconnected(why) => {
                    tracing::warn!(%why, "the datastore is not followed; what is known stays");
                    self.with_source(batch.source, |source| source.disconnected = Some(why));
                }
            }
        }
        changed
    }

    fn with_source(&mut self, source: usize, work: impl FnOnce(&mut Source)) {
        if let Some(source) = self.sources.get_mut(source) {
            work(source);
        }
    }
}

/// Takes a value over. Returns whether that may make a difference to the node that is asked for.
fn put(snapshot: &mut Snapshot, value: &Value, node: Option<&str>) -> bool {
    match value {
        Value::Object(key, object) => set(snapshot, key, Some(object), node),
        Value::Block(key, affinity) => {
            snapshot.blocks.insert(key.block, affinity.clone()).as_ref() != Some(affinity)
        }
    }
}

fn remove(snapshot: &mut Snapshot, key: &str, node: Option<&str>) -> bool {
    match key.parse() {
        Ok(Key::Object(key)) => set(snapshot, &key, None, node),
        Ok(Key::BlockAffinity(key)) => snapshot.blocks.remove(&key.block).is_some(),
        Ok(_) | Err(_) => false,
    }
}

fn set(snapshot: &mut Snapshot, key: &ObjectKey, object: Option<&AnyObject>, node: Option<&str>) -> bool {
    let differs = node.is_some_and(|node| concerns(snapshot, node, key.kind, &key.name, object));
    snapshot.set(key.kind, &key.name, object);
    differs
}

fn decode(key: &[u8], value: &[u8]) -> Decoded<Value> {
    let Ok(parsed) = text(key).parse() else { return Decoded::Invalid("not a key that is known".to_owned()) };
    match parsed {
        Key::Object(key) => match decode_object(&key, value) {
            Ok(object) => Decoded::Object(Value::Object(key, Box::new(object))),
            Err(why) => Decoded::Invalid(why),
        },
        Key::BlockAffinity(key) => match read_block_affinity(value) {
            Ok(affinity) => Decoded::Object(Value::Block(key, affinity)),
            Err(error) => Decoded::Invalid(error.to_string()),
        },
        _ => Decoded::Foreign,
    }
}

fn decode_object(key: &ObjectKey, value: &[u8]) -> Result<AnyObject, String> {
    let document = read_json(value).map_err(|error| error.to_string())?;
    AnyObject::decode_kind(key.kind, &document, UnknownFields::Ignore)
        .map_err(|problems| problems.to_string())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
