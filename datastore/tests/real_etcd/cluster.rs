//! A cluster with a client in a namespace of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use margay_datastore::{
    Client, DatastoreOptions, Decoded, Expected, Feed, FeedEvent, FeedReader, KeyRange, Revision, SwapOutcome,
};
use margay_lab::{Etcd, EtcdSettings, Lab, Namespace, Segment};

/// A cluster and where its clients are.
pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    namespace: Namespace,
    _segment: Segment,
    _lab: Lab,
}

impl Cluster {
    pub(crate) fn start(settings: &EtcdSettings) -> Self {
        let lab = Lab::new().expect("a lab");
        let segment = lab.segment("store").expect("a segment");
        let namespace = lab.namespace("client").expect("a namespace");
        segment.attach(&namespace, "eth0", &["10.99.0.100/24"]).expect("an interface");
        let etcd = Etcd::start(&lab, &segment, settings).expect("etcd");
        Self { etcd, namespace, _segment: segment, _lab: lab }
    }

    pub(crate) fn options(&self) -> DatastoreOptions {
        DatastoreOptions::new(self.etcd.endpoints())
    }

    /// Runs a test in the client's namespace, on one thread.
    pub(crate) fn run<T: Send>(&mut self, test: impl AsyncFnOnce(&mut Etcd) -> T + Send) -> T {
        let etcd = &mut self.etcd;
        let run = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(test(etcd))
        };
        self.namespace.inside(run).expect("the namespace")
    }
}

/// A feed whose objects are the values as text; `bad` is not one.
pub(crate) fn feed(client: &Client) -> Feed<String> {
    Feed::start(client.clone(), KeyRange::of_prefix(PREFIX), |_, value| match std::str::from_utf8(value) {
        Ok("bad") => Decoded::Invalid("it is bad".to_owned()),
        Ok(text) => Decoded::Object(text.to_owned()),
        Err(error) => Decoded::Invalid(error.to_string()),
    })
}

pub(crate) fn client(options: DatastoreOptions) -> Client {
    Client::new(options).expect("there are members")
}

/// Writes whatever stands there, until it has worked.
pub(crate) async fn write(client: &Client, key: &str, value: Option<&str>) {
    let key = format!("{PREFIX}{key}");
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        if try_write(client, &key, value).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{key} cannot be written");
}

/// Writes once; returns whether it has worked.
pub(crate) async fn try_write(client: &Client, key: &str, value: Option<&str>) -> bool {
    let Ok(current) = client.get(key.as_bytes()).await else { return false };
    let expected = match current {
        Some(current) => Expected::At(current.stamp),
        None if value.is_none() => return true,
        None => Expected::Absent,
    };
    let value = value.map(|value| value.to_owned().into());
    matches!(client.swap(key.as_bytes(), expected, value).await, SwapOutcome::Written(_))
}

/// A reader, and what it was given.
pub(crate) struct Follower {
    reader: FeedReader<String>,
    /// The newest revision that was heard of each key.
    revisions: BTreeMap<String, Revision>,
    pub(crate) known: BTreeMap<String, String>,
    pub(crate) in_sync: u32,
    pub(crate) connected: u32,
    pub(crate) disconnected: Vec<Arc<str>>,
    pub(crate) events: usize,
    pub(crate) deletions: usize,
}

impl Follower {
    pub(crate) fn of(feed: &Feed<String>) -> Self {
        let reader = feed.reader().expect("there is room");
        Self {
            reader,
            revisions: BTreeMap::new(),
            known: BTreeMap::new(),
            in_sync: 0,
            connected: 0,
            disconnected: Vec::new(),
            events: 0,
            deletions: 0,
        }
    }

    /// Reads until something holds.
    pub(crate) async fn until(&mut self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            let left = within.saturating_sub(started.elapsed());
            match tokio::time::timeout(left, self.reader.next(100)).await {
                Ok(events) => events.into_iter().for_each(|event| self.hear(event)),
                Err(_) => {
                    panic!("waited {within:?} for: {what}; known: {:?}, {:?}", self.known, self.disconnected)
                }
            }
        }
    }

    /// Reads until it knows what a fresh list gives.
    pub(crate) async fn until_equal(&mut self, client: &Client) {
        let wanted = contents(client).await;
        self.until("the same as a fresh list", Duration::from_secs(30), |follower| follower.known == wanted)
            .await;
    }

    /// Reads for a while.
    pub(crate) async fn read_for(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Ok(events) = tokio::time::timeout_at(until, self.reader.next(100)).await {
            events.into_iter().for_each(|event| self.hear(event));
        }
    }

    fn hear(&mut self, event: FeedEvent<String>) {
        match event {
            FeedEvent::Upsert { key, object, revision } => {
                self.events += 1;
                let former = self.revisions.insert(text(&key), revision);
                assert!(former < Some(revision), "{} at {revision:?} after {former:?}", text(&key));
                let known = self.known.insert(text(&key), (*object).clone());
                assert_ne!(known.as_ref(), Some(&*object), "{} says nothing new", text(&key));
            }
            FeedEvent::Invalid { key, .. } => drop(self.known.remove(&text(&key))),
            FeedEvent::Delete { key } => {
                self.events += 1;
                self.deletions += 1;
                assert!(self.known.remove(&text(&key)).is_some(), "{} was not there", text(&key));
            }
            FeedEvent::InSync => self.in_sync += 1,
            FeedEvent::Connected => self.connected += 1,
            FeedEvent::Disconnected(why) => self.disconnected.push(why),
        }
    }
}

/// What stands in the store.
pub(crate) async fn contents(client: &Client) -> BTreeMap<String, String> {
    let started = Instant::now();
    loop {
        match client.list(&KeyRange::of_prefix(PREFIX)).await {
            Ok(listed) => {
                let pairs = listed.key_values.iter();
                return pairs.map(|pair| (text(&pair.key), text(&pair.entry.value))).collect();
            }
            Err(error) if started.elapsed() > Duration::from_secs(30) => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

pub(crate) const PREFIX: &str = "/calico/test/";
