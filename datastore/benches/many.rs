//! 100,000 objects in real etcd: the first list, a burst of changes, a list after compaction, and the memory of it.
//!
//! `cargo bench -p margay-datastore --bench many` needs root, and installs etcd where it is missing.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use margay_datastore::{
    Client, DatastoreOptions, Decoded, Expected, Feed, FeedEvent, FeedReader, KeyRange, SwapOutcome,
};
use margay_lab::{Etcd, EtcdSettings, Lab};
use tokio::task::JoinSet;

const OBJECTS: u32 = 100_000;
const CHANGED: u32 = 10_000;
/// A workload's object has about this many octets.
const OCTETS: usize = 650;
const PREFIX: &str = "/calico/resources/v3/projectcalico.org/workloadendpoints/";
/// Writes under way at a time.
const WRITERS: usize = 128;
const PATIENCE: Duration = Duration::from_secs(120);
/// The most that the process may grow by: the values once, their keys, and the copies of a page under way.
const GROWTH: u64 = 300 << 20;

fn main() -> Result<()> {
    // `cargo test --benches` only looks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let lab = Lab::new()?;
    let segment = lab.segment("store")?;
    let namespace = lab.namespace("client")?;
    segment.attach(&namespace, "eth0", &["10.99.0.100/24"])?;
    let mut etcd = Etcd::start(&lab, &segment, &EtcdSettings::default())?;
    namespace.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure(&mut etcd))
    })?
}

async fn measure(etcd: &mut Etcd) -> Result<()> {
    let client = Client::new(DatastoreOptions::new(etcd.endpoints()))?;
    write_all(&client, 0..OBJECTS, 0).await?;
    let before = resident_octets()?;
    println!("{OBJECTS} objects of {OCTETS} octets");
    println!("| | time | memory of the process |");
    println!("|---|---|---|");

    let started = Instant::now();
    let feed =
        Feed::start(client.clone(), KeyRange::of_prefix(PREFIX), |_, value| Decoded::Object(value.len()));
    let mut follower =
        Follower { reader: feed.reader().context("a reader")?, known: BTreeMap::new(), events: 0 };
    follower.until(OBJECTS as usize).await?;
    report("the first list, to a reader", started, before)?;

    let changes = tokio::spawn({
        let client = client.clone();
        async move { write_all(&client, 0..CHANGED, 1).await }
    });
    let started = Instant::now();
    let events = follower.events;
    while follower.events - events < CHANGED as usize {
        follower.read().await?;
    }
    changes.await??;
    report("10,000 changes, as fast as etcd takes them", started, before)?;

    // Without its members the feed falls behind what is compacted, and lists again.
    let newest = client.list(&KeyRange::of_prefix("/calico/none")).await?.revision;
    client.compact(newest).await?;
    for member in etcd.members() {
        member.kill()?;
    }
    for member in etcd.members() {
        member.launch()?;
    }
    let started = Instant::now();
    let events = follower.events;
    write_all(&client, 0..1, 2).await?;
    while follower.events == events {
        follower.read().await?;
    }
    report("a change after a restart of all members", started, before)?;
    ensure!(follower.events - events == 1, "{} events for one change", follower.events - events);
    ensure!(follower.known.len() == OBJECTS as usize, "{} objects are known", follower.known.len());
    let grown = resident_octets()?.saturating_sub(before);
    ensure!(grown < GROWTH, "it has grown by {} MiB", grown >> 20);
    Ok(())
}

struct Follower {
    reader: FeedReader<usize>,
    known: BTreeMap<Bytes, usize>,
    events: usize,
}

impl Follower {
    async fn until(&mut self, count: usize) -> Result<()> {
        while self.known.len() < count {
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        for event in tokio::time::timeout(PATIENCE, self.reader.next(1_000)).await.context("no event")? {
            match event {
                FeedEvent::Upsert { key, object, .. } => {
                    self.events += 1;
                    self.known.insert(key, *object);
                }
                FeedEvent::Delete { key } => bail!("{} is said to be gone", String::from_utf8_lossy(&key)),
                FeedEvent::Invalid { why, .. } => bail!("{why}"),
                FeedEvent::InSync | FeedEvent::Connected | FeedEvent::Disconnected(_) => (),
            }
        }
        Ok(())
    }
}

fn report(what: &str, started: Instant, before: u64) -> Result<()> {
    let grown = resident_octets()?.saturating_sub(before);
    println!("| {what} | {:.2} s | +{} MiB |", started.elapsed().as_secs_f64(), grown >> 20);
    Ok(())
}

fn resident_octets() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

async fn write_all(client: &Client, numbers: std::ops::Range<u32>, round: u32) -> Result<()> {
    let mut writes = JoinSet::new();
    for number in numbers {
        if writes.len() >= WRITERS {
            writes.join_next().await.context("a write")??;
        }
        let client = client.clone();
        writes.spawn(async move { write(&client, number, round).await });
    }
    while let Some(done) = writes.join_next().await {
        done?;
    }
    Ok(())
}

/// Writes until it has worked: members may be away.
async fn write(client: &Client, number: u32, round: u32) {
    let key = format!("{PREFIX}default/node{}-k8s-pod{number}-eth0", number % 1_000);
    loop {
        let expected = match client.get(key.as_bytes()).await {
            Ok(current) => current.map_or(Expected::Absent, |current| Expected::At(current.stamp)),
            Err(_) => continue,
        };
        let mut value = format!("{round}/{number}/");
        value.extend(std::iter::repeat_n('x', OCTETS - value.len()));
        if let SwapOutcome::Written(_) = client.swap(key.as_bytes(), expected, Some(value.into())).await {
            return;
        }
    }
}
