//! The wanted forwarding table as a log, from which the kernel is programmed.

use std::collections::HashMap;

use super::{Forwarding, ForwardingChange, Target, WeightedHop};
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex, SlotIndex};
use crate::log::{Change, ExportLog, ReaderId};
use crate::paths::Table;

/// Names a [`Forwarding`] that a [`ForwardingLog`] holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct ForwardingHandle(usize);

/// The wanted forwarding table of one family, as a log with one reader.
#[derive(Debug)]
pub(crate) struct ForwardingLog {
    log: ExportLog<ForwardingHandle>,
    reader: ReaderId,
    /// Each forwarding in use, with the number of entries that use it.
    slots: Vec<Option<(Forwarding, usize)>>,
    free: Vec<usize>,
    by_value: HashMap<Forwarding, ForwardingHandle>,
}

impl ForwardingLog {
    pub(crate) fn new() -> Self {
        let mut log = ExportLog::new();
        let reader = log.join();
        Self { log, reader, slots: Vec::new(), free: Vec::new(), by_value: HashMap::new() }
    }

    /// Sets the forwarding for `entry`. Returns whether the log now pins the entry.
    pub(crate) fn set(&mut self, entry: EntryIndex, wanted: Option<Forwarding>) -> bool {
        let wanted = wanted.map(|forwarding| self.intern(forwarding));
        let change =
            self.log.set(SlotIndex(entry.0), wanted.map(|handle| (handle, PeerIndex::LOCAL)), |_| None);
        match change {
            Change::None => wanted.into_iter().for_each(|handle| self.release(handle)),
            Change::Replaced(old) => self.release(old),
            Change::Filled | Change::Revived => {}
        }
        // Nothing is kept here by position.
        drop(self.log.take_compacted());
        change == Change::Filled
    }

    /// The next changes, of at most `limit` entries, and the entries that the log no longer needs.
    pub(crate) fn poll<P: RibFamily>(
        &mut self,
        table: &Table<P>,
        limit: usize,
    ) -> (Vec<ForwardingChange>, Vec<EntryIndex>) {
        let batch = self.log.batch(self.log.reading(self.reader).cursor(), limit);
        let changes = batch.changes.iter().map(|&(index, slot)| ForwardingChange {
            prefix: table.entry(EntryIndex(index.0)).prefix.erase(),
            forwarding: self.forwarding(slot.value()).cloned(),
        });
        let changes = changes.collect();
        let emptied = self.log.advance(self.reader, batch.end);
        (changes, emptied.into_iter().map(|slot| EntryIndex(slot.0)).collect())
    }

    /// The forwarding for `entry`.
    pub(crate) fn get(&self, entry: EntryIndex) -> Option<&Forwarding> {
        self.forwarding(self.log.slot(SlotIndex(entry.0)).value())
    }

    /// The entries that the log needs.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = EntryIndex> {
        self.log.in_use().map(|(slot, _)| EntryIndex(slot.0))
    }

    /// Number of withdrawals that it keeps.
    pub(crate) fn tombstones(&self) -> usize {
        self.log.in_use().filter(|(_, slot)| slot.value().is_none()).count()
    }

    /// Position of the reader, and of the end of the log.
    pub(crate) fn progress(&self) -> (u32, u32) {
        (self.log.reading(self.reader).cursor(), self.log.end())
    }

    fn forwarding(&self, handle: Option<ForwardingHandle>) -> Option<&Forwarding> {
        self.slots[handle?.0].as_ref().map(|(forwarding, _)| forwarding)
    }

    fn intern(&mut self, forwarding: Forwarding) -> ForwardingHandle {
        if let Some(&handle) = self.by_value.get(&forwarding) {
            if let Some((_, users)) = &mut self.slots[handle.0] {
                *users += 1;
            }
            return handle;
        }
        let slot = Some((forwarding.clone(), 1));
        let handle = match self.free.pop() {
            Some(number) => {
                self.slots[number] = slot;
                ForwardingHandle(number)
            }
            None => {
                self.slots.push(slot);
                ForwardingHandle(self.slots.len() - 1)
            }
        };
        self.by_value.insert(forwarding, handle);
        handle
    }

    fn release(&mut self, handle: ForwardingHandle) {
        let Some((forwarding, users)) = &mut self.slots[handle.0] else { return };
        *users -= 1;
        if *users == 0 {
            self.by_value.remove(forwarding);
            self.slots[handle.0] = None;
            self.free.push(handle.0);
        }
    }
}

/// The forwarding over these next hops, at most the lowest `multipath` of them; `None` without any.
pub(crate) fn via(hops: impl Iterator<Item = WeightedHop>, multipath: usize) -> Option<Forwarding> {
    let most = multipath.max(1);
    let mut lowest: Vec<WeightedHop> = Vec::new();
    for hop in hops {
        lowest.push(hop);
        if lowest.len() >= most.saturating_mul(8) {
            keep_lowest(&mut lowest, most);
        }
    }
    keep_lowest(&mut lowest, most);
    (!lowest.is_empty()).then(|| Forwarding { target: Target::Via(lowest.into()), metric: None })
}

fn keep_lowest(hops: &mut Vec<WeightedHop>, most: usize) {
    hops.sort_unstable();
    hops.dedup_by_key(|hop| hop.hop);
    hops.truncate(most);
}
