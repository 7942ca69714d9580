//! The compacted log: what everything that leaves the Rib leaves through.
//!
//! A log has one slot for each table entry, with the value that is exported now or the withdrawal that is still
//! to be told, and an array of records in the order of change. A record is stale, and skipped, when its slot has
//! changed again since. A reader is a cursor into the array: what changed ten times while it was away it reads once.
//!
//! ```text
//!  records   │ 7 │ 3 │ 7'│ 9 │ 3'│ 5 │      entry numbers; 7 and 3 have a later record, so the first ones are stale
//!              ▲           ▲           ▲
//!              new reader  slow one    up to date
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::peer::PeerIndex;
use crate::table::EntryIndex;

/// Names a reader of an [`ExportLog`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ReaderId(usize);

/// What a log says of one entry.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Slot<V> {
    /// Nothing is exported, and every reader knows.
    #[default]
    Empty,
    /// The value is exported, except to the peer that it came from.
    Exported(V, Record),
    /// Nothing is exported any more, and some reader may not know yet.
    Withdrawn(Record),
}

/// When a slot changed last, and because of whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    position: u32,
    /// The peer that announced the path that was exported last.
    pub(crate) source: PeerIndex,
    /// The source may still hold what another peer's path had made us export to it, and needs a withdrawal.
    pub(crate) source_may_hold: bool,
}

impl<V: Copy> Slot<V> {
    /// The value that is exported.
    pub(crate) fn value(&self) -> Option<V> {
        match self {
            Self::Exported(value, _) => Some(*value),
            Self::Empty | Self::Withdrawn(_) => None,
        }
    }

    fn record(&self) -> Option<&Record> {
        match self {
            Self::Empty => None,
            Self::Exported(_, record) | Self::Withdrawn(record) => Some(record),
        }
    }

    fn record_mut(&mut self) -> Option<&mut Record> {
        match self {
            Self::Empty => None,
            Self::Exported(_, record) | Self::Withdrawn(record) => Some(record),
        }
    }
}

/// What [`ExportLog::set`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change<V> {
    /// The slot already said so.
    None,
    /// The slot was empty, and now needs its entry.
    Filled,
    /// The slot held this value, which is no longer used.
    Replaced(V),
    /// The slot was a withdrawal, and now has a value.
    Revived,
}

/// A part of the log to be told to a reader that stands at its start.
#[derive(Debug)]
pub(crate) struct Batch<V> {
    /// Where the reader stands after it.
    pub(crate) end: u32,
    /// The current slots of the entries that changed: each entry at most once, none empty.
    pub(crate) changes: Vec<(EntryIndex, Slot<V>)>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ExportLog<V> {
    slots: Vec<Slot<V>>,
    records: Vec<EntryIndex>,
    stale: usize,
    /// How many slots are exported, by source.
    exported: HashMap<PeerIndex, usize>,
    exported_total: usize,
    readers: Vec<Option<u32>>,
    /// How many readers stand at each position.
    positions: BTreeMap<u32, u32>,
    /// Up to here no withdrawal is waiting: every reader has passed.
    settled: u32,
    /// Counts the rewrites of `records`, each of which gives positions a new meaning.
    rewrites: u32,
}

/// How many records are settled at a time: a few milliseconds of work.
const SETTLE_RECORDS: u32 = 16_384;

/// A shorter log is not worth rewriting.
const REWRITE_RECORDS: usize = 64;

impl<V: Copy + Eq> ExportLog<V> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            records: Vec::new(),
            stale: 0,
            exported: HashMap::new(),
            exported_total: 0,
            readers: Vec::new(),
            positions: BTreeMap::new(),
            settled: 0,
            rewrites: 0,
        }
    }

    /// Sets what is exported for `entry`: a value and the peer that it came from, or nothing.
    ///
    /// `reader_of` finds the reader of a peer, if the peer reads this log.
    pub(crate) fn set(
        &mut self,
        entry: EntryIndex,
        wanted: Option<(V, PeerIndex)>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> Change<V> {
        let old = self.slot(entry);
        let (slot, change) = match (old, wanted) {
            (Slot::Empty | Slot::Withdrawn(_), None) => return Change::None,
            (Slot::Exported(value, record), Some((new, source)))
                if value == new && record.source == source =>
            {
                return Change::None;
            }
            (Slot::Exported(value, record), None) => {
                let source_may_hold = self.may_hold(record.source, &old, reader_of);
                let record = Record { position: self.end(), source: record.source, source_may_hold };
                (Slot::Withdrawn(record), Change::Replaced(value))
            }
            (_, Some((new, source))) => {
                let source_may_hold = self.may_hold(source, &old, reader_of);
                let record = Record { position: self.end(), source, source_may_hold };
                let change = match old {
                    Slot::Empty => Change::Filled,
                    Slot::Exported(value, _) => Change::Replaced(value),
                    Slot::Withdrawn(_) => Change::Revived,
                };
                (Slot::Exported(new, record), change)
            }
        };
        if old != Slot::Empty {
            self.stale += 1;
        }
        self.count(&old, &slot);
        if self.slots.len() <= entry.index() {
            self.slots.resize(entry.index() + 1, Slot::Empty);
        }
        self.slots[entry.index()] = slot;
        self.records.push(entry);
        change
    }

    /// What the log says of `entry` now.
    pub(crate) fn slot(&self, entry: EntryIndex) -> Slot<V> {
        self.slots.get(entry.index()).copied().unwrap_or_default()
    }

    /// Takes what the slots from `first` to `last` hold, for a log that is given up. Answers with the entries that
    /// it kept in use, and the values among them.
    pub(crate) fn drain(&mut self, first: u32, last: u32) -> Vec<(EntryIndex, Option<V>)> {
        let slots = self.slots.iter_mut().skip(first as usize).zip(first..last);
        let taken = slots.map(|(slot, number)| (EntryIndex(number), std::mem::take(slot)));
        taken
            .filter_map(|(entry, slot)| match slot {
                Slot::Empty => None,
                Slot::Exported(value, _) => Some((entry, Some(value))),
                Slot::Withdrawn(_) => Some((entry, None)),
            })
            .collect()
    }

    /// One more than the highest entry number that has a slot.
    pub(crate) fn slots_end(&self) -> u32 {
        position_of(self.slots.len())
    }

    /// How many entries are exported to a reader that is `peer`: not those that came from it.
    pub(crate) fn exported_to(&self, peer: PeerIndex) -> usize {
        self.exported_total - self.exported.get(&peer).copied().unwrap_or(0)
    }

    /// Up to here every withdrawal has been told to every reader, and its slot is empty.
    pub(crate) fn settled(&self) -> u32 {
        self.settled
    }

    /// Counts the rewrites so far: a position taken before one means nothing after it.
    pub(crate) fn rewrites(&self) -> u32 {
        self.rewrites
    }

    /// A new reader, before the first record.
    pub(crate) fn join(&mut self) -> ReaderId {
        self.arrive(0);
        match self.readers.iter().position(Option::is_none) {
            Some(free) => {
                self.readers[free] = Some(0);
                ReaderId(free)
            }
            None => {
                self.readers.push(Some(0));
                ReaderId(self.readers.len() - 1)
            }
        }
    }

    /// Takes a reader out. Answers with entries whose withdrawals nobody waits for any more, see [`settle`](Self::settle).
    pub(crate) fn leave(&mut self, reader: ReaderId) -> Vec<EntryIndex> {
        let cursor = self.cursor(reader);
        self.readers[reader.0] = None;
        self.depart(cursor);
        self.settle()
    }

    /// Sends a reader back to the start: it will be told everything again.
    pub(crate) fn rewind(&mut self, reader: ReaderId) {
        let cursor = self.cursor(reader);
        self.depart(cursor);
        self.arrive(0);
        self.readers[reader.0] = Some(0);
    }

    /// Where a reader stands.
    pub(crate) fn cursor(&self, reader: ReaderId) -> u32 {
        self.readers[reader.0].expect("a reader has a cursor until it leaves")
    }

    /// Whether the log has records that the reader has not been told.
    pub(crate) fn is_behind(&self, reader: ReaderId) -> bool {
        self.cursor(reader) < self.end()
    }

    /// Whether the reader was told of the last change of `entry`.
    pub(crate) fn has_been_told(&self, reader: ReaderId, entry: EntryIndex) -> bool {
        self.slot(entry).record().is_none_or(|record| record.position < self.cursor(reader))
    }

    /// The changes of the next `limit` records from `start` on.
    pub(crate) fn batch(&self, start: u32, limit: usize) -> Batch<V> {
        let mut changes = Vec::new();
        let mut position = start;
        for &entry in self.records.get(start as usize..).unwrap_or_default() {
            if changes.len() == limit {
                break;
            }
            let slot = self.slot(entry);
            if slot.record().is_some_and(|record| record.position == position) {
                changes.push((entry, slot));
            }
            position += 1;
        }
        Batch { end: position, changes }
    }

    /// Moves a reader on to `end`. Answers with the entries whose withdrawals all readers know by now: their slots
    /// are empty.
    pub(crate) fn advance(&mut self, reader: ReaderId, end: u32) -> Vec<EntryIndex> {
        let start = self.cursor(reader);
        if start == end {
            return Vec::new();
        }
        self.readers[reader.0] = Some(end);
        self.arrive(end);
        self.depart(start);
        // The slowest reader moves on by no more than this, so nothing is left over.
        self.settle_records((end - start).max(SETTLE_RECORDS))
    }

    /// Empties the slots of withdrawals that the slowest reader has passed, as many as fit into a slice of time. Answers
    /// with their entries.
    pub(crate) fn settle(&mut self) -> Vec<EntryIndex> {
        self.settle_records(SETTLE_RECORDS)
    }

    fn settle_records(&mut self, records: u32) -> Vec<EntryIndex> {
        let end = self.slowest().min(self.settled.saturating_add(records));
        let mut emptied = Vec::new();
        while self.settled < end {
            let entry = self.records[self.settled as usize];
            let slot = &mut self.slots[entry.index()];
            if matches!(slot, Slot::Withdrawn(record) if record.position == self.settled) {
                *slot = Slot::Empty;
                self.stale += 1;
                emptied.push(entry);
            }
            self.settled += 1;
        }
        emptied
    }

    /// Whether no withdrawal is kept that every reader knows of.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled >= self.slowest()
    }

    /// Rewrites the log without its stale records when they are the greater half.
    pub(crate) fn rewrite_if_stale(&mut self) {
        if self.records.len() < REWRITE_RECORDS || self.stale * 2 <= self.records.len() {
            return;
        }
        let mut kept = Vec::with_capacity(self.records.len() - self.stale);
        let mut moved = BTreeMap::new();
        let marks: BTreeSet<u32> = self.positions.keys().copied().chain([self.settled]).collect();
        let mut marks = marks.into_iter().peekable();
        for (position, &entry) in (0u32..).zip(&self.records) {
            let new_position = position_of(kept.len());
            while let Some(mark) = marks.next_if(|&mark| mark <= position) {
                moved.insert(mark, new_position);
            }
            let record = self.slots.get_mut(entry.index()).and_then(Slot::record_mut);
            if let Some(record) = record.filter(|record| record.position == position) {
                record.position = new_position;
                kept.push(entry);
            }
        }
        let end = position_of(kept.len());
        self.records = kept;
        self.stale = 0;
        self.rewrites = self.rewrites.wrapping_add(1);
        self.move_cursors(|cursor| moved.get(&cursor).copied().unwrap_or(end));
    }

    fn move_cursors(&mut self, moved: impl Fn(u32) -> u32) {
        let positions = std::mem::take(&mut self.positions);
        for cursor in self.readers.iter_mut().flatten() {
            *cursor = moved(*cursor);
        }
        for (cursor, readers) in positions {
            *self.positions.entry(moved(cursor)).or_insert(0) += readers;
        }
        self.settled = moved(self.settled);
    }

    pub(crate) fn end(&self) -> u32 {
        position_of(self.records.len())
    }

    /// Whether `peer` may hold an export of `slot`'s entry that the slot's next change has to take back.
    fn may_hold(
        &self,
        peer: PeerIndex,
        slot: &Slot<V>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> bool {
        let (Some(record), Some(reader)) = (slot.record(), reader_of(peer)) else { return false };
        let told = record.position < self.cursor(reader);
        match (told, record.source == peer) {
            (true, true) => false,
            (true, false) => matches!(slot, Slot::Exported(..)),
            (false, true) => record.source_may_hold,
            // What the peer knows is older than the slot, and not remembered.
            (false, false) => true,
        }
    }

    fn count(&mut self, old: &Slot<V>, new: &Slot<V>) {
        if let Slot::Exported(_, record) = new {
            *self.exported.entry(record.source).or_insert(0) += 1;
            self.exported_total += 1;
        }
        if let Slot::Exported(_, record) = old
            && let Some(count) = self.exported.get_mut(&record.source)
        {
            *count -= 1;
            self.exported_total -= 1;
            if *count == 0 {
                self.exported.remove(&record.source);
            }
        }
    }

    /// Where the slowest reader stands.
    fn slowest(&self) -> u32 {
        self.positions.keys().next().copied().unwrap_or_else(|| self.end())
    }

    fn arrive(&mut self, position: u32) {
        *self.positions.entry(position).or_insert(0) += 1;
    }

    fn depart(&mut self, position: u32) {
        if let Some(readers) = self.positions.get_mut(&position) {
            *readers -= 1;
            if *readers == 0 {
                self.positions.remove(&position);
            }
        }
    }
}

fn position_of(length: usize) -> u32 {
    u32::try_from(length).expect("a log is rewritten long before its positions run out")
}

#[cfg(test)]
mod tests;
