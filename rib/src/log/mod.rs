//! The compacted log: what everything that leaves the Rib leaves through.
//!
//! A log has one slot for each route, with the value that is exported now or the withdrawal that is still to be
//! read, and an array of records in the order of change. A record is stale, and skipped, when its slot has
//! changed again since. A reader is a cursor into the array: what changed ten times while it was away it reads once.
//!
//! ```text
//!  records   │ 7 │ 3 │ 7'│ 9 │ 3'│ 5 │      slot numbers; 7 and 3 have a later record, so the first ones are stale
//!              ▲           ▲           ▲
//!              new reader  slow one    up to date
//! ```

mod exported_counts;
mod readers;
mod reading;
mod records;
mod waiting_withdrawals;

use std::ops::RangeInclusive;

use self::exported_counts::ExportedCounts;
pub(crate) use self::readers::ReaderId;
use self::readers::Readers;
pub(crate) use self::reading::Reading;
use self::records::{Records, SEGMENT_RECORDS};
use self::waiting_withdrawals::WaitingWithdrawals;
use crate::containers::{Blank, Mirrored};
use crate::index::{PeerIndex, SlotIndex};

/// State of one route in a log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Slot<V> {
    /// Nothing is exported, and every reader knows.
    #[default]
    Empty,
    /// The value is exported, except to the peer that it came from.
    Exported(V, Record),
    /// Nothing is exported any more, and some reader may not have read that yet.
    Withdrawn(Record),
}

/// Position of a slot's last change, and the peer that caused it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    position: u32,
    /// The peer that announced the path that was exported last.
    pub(crate) source: PeerIndex,
    /// Whether the source may still hold another peer's path, which was exported to it earlier, and so needs
    /// a withdrawal.
    pub(crate) source_may_hold: bool,
}

impl<V: Copy> Blank for Slot<V> {
    const BLANK: Self = Self::Empty;

    fn is_blank(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl<V: Copy> Slot<V> {
    /// The exported value.
    pub(crate) fn value(&self) -> Option<V> {
        match self {
            Self::Exported(value, _) => Some(*value),
            Self::Empty | Self::Withdrawn(_) => None,
        }
    }

    /// The peer that announced the exported path.
    fn exported_from(&self) -> Option<PeerIndex> {
        match self {
            Self::Exported(_, record) => Some(record.source),
            Self::Empty | Self::Withdrawn(_) => None,
        }
    }

    fn is_withdrawn(&self) -> bool {
        matches!(self, Self::Withdrawn(_))
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Empty => None,
            Self::Exported(_, record) | Self::Withdrawn(record) => Some(record),
        }
    }

    /// The same slot with its record at another position.
    fn moved_to(mut self, position: u32) -> Self {
        if let Self::Exported(_, record) | Self::Withdrawn(record) = &mut self {
            record.position = position;
        }
        self
    }
}

/// Result of [`ExportLog::set`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change<V> {
    /// Nothing changed.
    None,
    /// The slot was empty, and is now in use.
    Filled,
    /// The slot held this value, which is no longer used.
    Replaced(V),
    /// The slot was a withdrawal, and now has a value.
    Revived,
}

/// A part of the log for a reader at its start.
#[derive(Debug)]
pub(crate) struct Batch<V> {
    /// Position of the reader after it.
    pub(crate) end: u32,
    /// The current slots of the routes that changed: each at most once, none empty.
    pub(crate) changes: Vec<(SlotIndex, Slot<V>)>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ExportLog<V> {
    slots: Mirrored<Slot<V>>,
    records: Records,
    exported: ExportedCounts,
    readers: Readers,
    withdrawals: WaitingWithdrawals,
    /// Position before which no withdrawal is waiting: every reader has passed it.
    settled: u32,
    /// See [`take_compacted`](Self::take_compacted).
    compacted: Vec<RangeInclusive<u32>>,
}

/// Records that are settled at a time: a few milliseconds of work.
const SETTLE_RECORDS: u32 = 16_384;

impl<V: Copy + Eq> ExportLog<V> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Mirrored::default(),
            records: Records::new(),
            exported: ExportedCounts::new(),
            readers: Readers::default(),
            withdrawals: WaitingWithdrawals::default(),
            settled: 0,
            compacted: Vec::new(),
        }
    }

    /// Sets what is exported in a slot: a value and the peer that announced it, or nothing.
    ///
    /// `reader_of` returns the reader of a peer, if the peer reads this log.
    pub(crate) fn set(
        &mut self,
        index: SlotIndex,
        wanted: Option<(V, PeerIndex)>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> Change<V> {
        let old = self.slot(index);
        let (slot, change) = match (old, wanted) {
            (Slot::Empty | Slot::Withdrawn(_), None) => return Change::None,
            (Slot::Exported(value, record), Some((new, source)))
                if record.source == source && value == new =>
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
        self.exported.on_changed(old.exported_from(), slot.exported_from());
        self.withdrawals.on_changed(old.is_withdrawn(), slot.is_withdrawn(), self.exported.total());
        self.slots.set(index.index(), slot);
        self.records.push(index);
        if let Some(record) = old.record() {
            self.records.on_stale(record.position);
        }
        self.compact(old.record().map(|record| record.position));
        change
    }

    /// The present state of a route.
    pub(crate) fn slot(&self, index: SlotIndex) -> Slot<V> {
        self.slots.get(index.index())
    }

    /// Removes up to `limit` slots from the end of a log that is being freed. Returns those in use with their
    /// values; `None` when no slot is left.
    pub(crate) fn drain(&mut self, limit: usize) -> Option<Vec<(SlotIndex, Option<V>)>> {
        let (first, slots) = self.slots.take_last(limit)?;
        let withdrawn = slots.iter().filter(|slot| slot.is_withdrawn()).count();
        self.withdrawals.on_settled(withdrawn, self.exported.total());
        let indexes = (SlotIndex::of(first).0..).map(SlotIndex);
        Some(indexes.zip(&slots).filter_map(|(index, slot)| used(index, slot)).collect())
    }

    /// Number of routes exported to a reader that is `peer`: all but its own.
    pub(crate) fn exported_to(&self, peer: PeerIndex) -> usize {
        self.exported.exported_to(peer)
    }

    /// Position up to which every reader has read every withdrawal, whose slots are empty.
    pub(crate) fn settled(&self) -> u32 {
        self.settled
    }

    /// Adds a reader, before the first record.
    pub(crate) fn join(&mut self) -> ReaderId {
        self.readers.join(self.records.start())
    }

    /// Adds a reader that already holds everything the log describes.
    pub(crate) fn join_at_end(&mut self) -> ReaderId {
        self.readers.join(self.records.end())
    }

    /// Starts a copy of the log, which [`copy_part`](Self::copy_part) fills.
    pub(crate) fn begin_copy(&mut self) {
        self.slots.begin_copy();
    }

    /// Whether a slot has been copied: the copy then follows it.
    pub(crate) fn is_copied(&self, index: SlotIndex) -> bool {
        self.slots.is_copied(index.index())
    }

    /// Copies up to `limit` more slots. Returns their number, and those of them that are in use.
    pub(crate) fn copy_part(&mut self, limit: usize) -> (usize, Vec<(SlotIndex, Option<V>)>) {
        let (first, part) = self.slots.copy_part(limit);
        let indexes = (SlotIndex::of(first).0..).map(SlotIndex);
        (part.len(), indexes.zip(part).filter_map(|(index, slot)| used(index, slot)).collect())
    }

    /// Whether the copy is complete.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.slots.is_copy_whole()
    }

    /// Takes the complete copy for some of the readers, which keep their positions.
    pub(crate) fn take_copy(&mut self, readers: &[ReaderId]) -> Self {
        Self {
            slots: self.slots.take_copy(),
            records: self.records.copy(),
            exported: self.exported.clone(),
            readers: self.readers.copy_of(readers),
            withdrawals: self.withdrawals.clone(),
            settled: self.settled,
            compacted: Vec::new(),
        }
    }

    /// The slots in use, with their states.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (SlotIndex, Slot<V>)> + '_ {
        let indexes = (0..).map(SlotIndex).take(self.slots.end());
        let slots = indexes.map(|index| (index, self.slot(index)));
        slots.filter(|(_, slot)| slot.record().is_some())
    }

    /// Removes a reader. Withdrawals may have waited for it, so the log has to be [settled](Self::settle).
    pub(crate) fn leave(&mut self, reader: ReaderId) {
        self.readers.leave(reader);
    }

    /// Moves a reader back to the start: it will read everything again.
    pub(crate) fn rewind(&mut self, reader: ReaderId) {
        self.readers.set_cursor(reader, self.records.start());
    }

    /// How far a reader has read.
    pub(crate) fn reading(&self, reader: ReaderId) -> Reading<'_, V> {
        Reading { log: self, cursor: self.readers.cursor(reader) }
    }

    /// Number of withdrawals that are kept for readers.
    pub(crate) fn withdrawals(&self) -> usize {
        self.withdrawals.waiting()
    }

    /// Whether the slowest readers hold up more withdrawals than may be kept for them. What was kept for a
    /// slower one that has left, and is still to be settled, is not theirs.
    pub(crate) fn is_held_up(&self) -> bool {
        self.withdrawals.are_too_many() && self.is_settled()
    }

    /// The changes in the next `limit` records from `start` on.
    pub(crate) fn batch(&self, start: u32, limit: usize) -> Batch<V> {
        let mut changes = Vec::new();
        for (position, index) in self.records.iter_from(start) {
            if changes.len() == limit {
                return Batch { end: position, changes };
            }
            let slot = self.slot(index);
            if slot.record().is_some_and(|record| record.position == position) {
                changes.push((index, slot));
            }
        }
        Batch { end: self.end(), changes }
    }

    /// Moves a reader forward to `end`. Returns the slots whose withdrawals all readers have read, which are
    /// now empty.
    pub(crate) fn advance(&mut self, reader: ReaderId, end: u32) -> Vec<SlotIndex> {
        let start = self.readers.cursor(reader);
        if start == end {
            return Vec::new();
        }
        self.readers.set_cursor(reader, end);
        // The slowest reader cannot move further than this, so nothing is left over.
        self.settle_records((end - start).max(SETTLE_RECORDS))
    }

    /// Empties the slots of withdrawals that the slowest reader has passed, as many as fit into a slice of
    /// work. Returns those slots.
    pub(crate) fn settle(&mut self) -> Vec<SlotIndex> {
        self.settle_records(SETTLE_RECORDS)
    }

    fn settle_records(&mut self, records: u32) -> Vec<SlotIndex> {
        let end = self.slowest().min(self.settled.saturating_add(records));
        let passed = self.records.iter_from(self.settled).take_while(|&(position, _)| position < end);
        let is_waiting = |&(position, index): &(u32, SlotIndex)| matches!(self.slot(index), Slot::Withdrawn(record) if record.position == position);
        let emptied: Vec<(u32, SlotIndex)> = passed.filter(is_waiting).collect();
        emptied.iter().for_each(|&(_, index)| self.slots.set(index.index(), Slot::Empty));
        self.withdrawals.on_settled(emptied.len(), self.exported.total());
        self.settled = end;
        emptied.iter().for_each(|&(position, _)| self.records.on_stale(position));
        // Later segments first: the positions in them are those from before compaction.
        for of_segment in emptied.chunk_by(|a, b| a.0 / SEGMENT_RECORDS == b.0 / SEGMENT_RECORDS).rev() {
            self.compact(Some(of_segment[0].0));
        }
        emptied.into_iter().map(|(_, index)| index).collect()
    }

    /// Whether no withdrawal is kept that every reader has read.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled >= self.slowest()
    }

    /// The positions that have changed meaning since the last call.
    pub(crate) fn take_compacted(&mut self) -> Vec<RangeInclusive<u32>> {
        std::mem::take(&mut self.compacted)
    }

    /// Compacts the part of the log around the record at `position`, which has become stale, if that is due.
    fn compact(&mut self, position: Option<u32>) {
        let is_used_up = self.records.are_used_up();
        if position.is_none() && !is_used_up {
            return;
        }
        let Self { records, slots, .. } = self;
        let is_current = |index: SlotIndex, position: u32, new_position: u32| {
            let slot = slots.get(index.index());
            let is_current = slot.record().is_some_and(|record| record.position == position);
            if is_current && new_position != position {
                slots.set(index.index(), slot.moved_to(new_position));
            }
            is_current
        };
        let moves = match position {
            Some(position) if !is_used_up => records.compact_if_stale(position, is_current),
            Some(_) | None => Some(records.renumber(is_current)),
        };
        let Some(moves) = moves else { return };
        let start = records.start();
        let moved = |position| moves.moved(position).max(start);
        self.readers.move_all(moved);
        self.settled = moved(self.settled);
        self.compacted.extend(moves.ranges());
    }

    pub(crate) fn end(&self) -> u32 {
        self.records.end()
    }

    /// Whether `peer` may hold an export of `slot`'s entry that the next change of the slot has to withdraw.
    fn may_hold(
        &self,
        peer: PeerIndex,
        slot: &Slot<V>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> bool {
        let Some(record) = slot.record() else { return false };
        let Some(reader) = reader_of(peer) else { return false };
        let has_read = record.position < self.readers.cursor(reader);
        match (has_read, record.source == peer) {
            (true, true) => false,
            (true, false) => matches!(slot, Slot::Exported(..)),
            (false, true) => record.source_may_hold,
            // The peer's state is older than the slot, and not recorded.
            (false, false) => true,
        }
    }

    /// Position of the slowest reader.
    fn slowest(&self) -> u32 {
        self.readers.slowest().unwrap_or_else(|| self.end())
    }
}

/// A slot in use, with its exported value.
fn used<V: Copy>(index: SlotIndex, slot: &Slot<V>) -> Option<(SlotIndex, Option<V>)> {
    slot.record().map(|_| (index, slot.value()))
}

#[cfg(test)]
mod tests;
