//! A store with history, compaction and members that lag behind.

use std::collections::BTreeMap;

use bytes::Bytes;
use margay_watch::{ClusterId, Entry, Failure, KeyValue, ListRequest, Page, Revision, WatchEvent};

/// What etcd is to a client, as far as a follower can see it.
pub(crate) struct Store {
    pub(crate) cluster: ClusterId,
    /// One transaction a revision, from revision 2 on.
    history: Vec<Vec<(Bytes, Option<Bytes>)>>,
    compacted: u64,
    /// How far each member has come.
    applied: [u64; 3],
    /// The most events of a message.
    pub(crate) fragment: usize,
}

impl Store {
    pub(crate) fn new(fragment: usize) -> Self {
        Self { cluster: ClusterId(1), history: Vec::new(), compacted: 0, applied: [1; 3], fragment }
    }

    /// The newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.history.len() as u64 + 1
    }

    /// The newest revision that a member has.
    pub(crate) fn applied(&self, member: usize) -> u64 {
        self.applied[member]
    }

    /// Commits a transaction. A deletion of what is not there is none, and a transaction of nothing has no revision.
    pub(crate) fn write(&mut self, writes: &[(u8, Option<u8>)]) {
        let mut now = self.contents();
        let mut events = Vec::new();
        for &(key, value) in writes {
            let key = Bytes::from(format!("/k/{key:02}"));
            if events.iter().any(|(written, _)| *written == key) {
                continue;
            }
            let value = value.map(|value| Bytes::from(format!("v{value}")));
            let was_there = match &value {
                Some(value) => {
                    let entry = Entry { value: value.clone(), revision: Revision(0) };
                    now.insert(key.clone(), entry).is_some()
                }
                None => now.remove(&key).is_some(),
            };
            if was_there || value.is_some() {
                events.push((key, value));
            }
        }
        if !events.is_empty() {
            self.history.push(events);
        }
    }

    /// Compacts up to the newest revision.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.revision();
    }

    /// A member takes over everything that is missing.
    pub(crate) fn replicate(&mut self, member: usize) {
        self.applied[member] = self.revision();
    }

    /// A member takes over one more transaction.
    pub(crate) fn replicate_one(&mut self, member: usize) {
        self.applied[member] = self.revision().min(self.applied[member] + 1);
    }

    /// The store is set up anew, with what it had but other revisions.
    pub(crate) fn become_another(&mut self) {
        let contents = self.contents();
        self.cluster = ClusterId(self.cluster.0 + 1);
        self.history = contents.into_iter().map(|(key, entry)| vec![(key, Some(entry.value))]).collect();
        self.compacted = 0;
        self.applied = [self.revision(); 3];
    }

    pub(crate) fn contents(&self) -> BTreeMap<Bytes, Entry> {
        self.contents_at(self.revision())
    }

    pub(crate) fn contents_at(&self, revision: u64) -> BTreeMap<Bytes, Entry> {
        let mut contents = BTreeMap::new();
        for event in self.events(2).take_while(|event| event.revision.0 <= revision) {
            match event.value {
                Some(value) => {
                    contents.insert(event.key, Entry { value, revision: event.revision });
                }
                None => {
                    contents.remove(&event.key);
                }
            }
        }
        contents
    }

    /// A page, linearizable as lists are: the member catches up first.
    pub(crate) fn list(&mut self, member: usize, request: &ListRequest) -> Result<Page, Failure> {
        self.replicate(member);
        let at = request.at.map_or_else(|| self.revision(), |at| at.0);
        if at < self.compacted {
            return Err(Failure::Compacted);
        }
        let inside = |(key, _): &(Bytes, Entry)| request.range.contains(key);
        let all: Vec<KeyValue> = self
            .contents_at(at)
            .into_iter()
            .filter(inside)
            .map(|(key, entry)| KeyValue { key, entry })
            .collect();
        let limit = request.limit as usize;
        let more = all.len() > limit;
        let key_values = all.into_iter().take(limit).collect();
        Ok(Page { cluster: self.cluster, revision: Revision(self.revision()), key_values, more })
    }

    /// The events from a revision on, in their order, as a watch gets them. When it begins there, a deletion in the revision that
    /// compaction went up to is lost, as in etcd 3.4 and 3.5.
    pub(crate) fn watched(&self, from: u64, begins: bool) -> impl Iterator<Item = WatchEvent> {
        let lost =
            move |event: &WatchEvent| begins && event.value.is_none() && event.revision.0 == self.compacted;
        self.events(from).filter(move |event| !lost(event))
    }

    /// The events from a revision on, in their order.
    fn events(&self, from: u64) -> impl Iterator<Item = WatchEvent> {
        let numbered = self.history.iter().zip(2_u64..).filter(move |(_, revision)| *revision >= from);
        numbered.flat_map(|(writes, revision)| {
            writes.iter().map(move |(key, value)| WatchEvent {
                key: key.clone(),
                value: value.clone(),
                revision: Revision(revision),
            })
        })
    }

    pub(crate) fn is_compacted(&self, from: u64) -> bool {
        from < self.compacted
    }
}
