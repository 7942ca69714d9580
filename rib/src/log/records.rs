//! The records of a log: slot numbers in the order of change, in segments that are compacted one by one.
//!
//! A position names a record for as long as its segment is not compacted. Compacting a segment moves the records inside
//! it towards its start, and nothing else, so it takes a bounded time however long the log is.
//!
//! ```text
//!  segment 4        segment 5        segment 6
//! │ 7 │ 3 │ 9 │ 5 ││ 8 │ - │ - │ - ││ 2 │ 7'│           segment 5 was compacted: one of its records is left
//!  4·S              5·S               6·S                positions; S is the size of a segment
//! ```

use std::collections::VecDeque;
use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;

use crate::index::SlotIndex;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Records {
    segments: VecDeque<Segment>,
    /// Number of the first segment that is kept.
    first: u32,
}

#[derive(Debug, Default)]
struct Segment {
    slots: SegmentSlots,
    /// How many of them have a later record.
    stale: u32,
}

/// The slots that a segment names. A log and its copy share them until one of them changes.
#[derive(Debug)]
enum SegmentSlots {
    Own(Vec<SlotIndex>),
    Shared(Arc<Vec<SlotIndex>>),
}

/// Records of a segment: few enough to be compacted in a fraction of a millisecond. Tests use shorter
/// segments, so that their histories fill many.
pub(super) const SEGMENT_RECORDS: u32 = if cfg!(test) { 64 } else { 1 << 14 };

/// Stale records that make compacting worth while.
const COMPACT_RECORDS: usize = if cfg!(test) { 16 } else { 64 };

impl Records {
    pub(super) fn new() -> Self {
        Self { segments: VecDeque::from([Segment::default()]), first: 0 }
    }

    /// Makes a copy. The cost is independent of the number of records, because whole segments are shared.
    pub(super) fn copy(&mut self) -> Self {
        let segment = |segment: &mut Segment| Segment { slots: segment.slots.share(), stale: segment.stale };
        Self { segments: self.segments.iter_mut().map(segment).collect(), first: self.first }
    }

    /// Position of the next record.
    pub(super) fn end(&self) -> u32 {
        let last = position_of(self.segments.len() - 1);
        (self.first + last) * SEGMENT_RECORDS + self.segments.back().map_or(0, Segment::len)
    }

    /// Whether positions are about to run out, after billions of records.
    pub(super) fn are_used_up(&self) -> bool {
        self.first + position_of(self.segments.len()) >= u32::MAX / SEGMENT_RECORDS
    }

    pub(super) fn push(&mut self, slot: SlotIndex) {
        match self.segments.back_mut() {
            Some(segment) if segment.len() + 1 < SEGMENT_RECORDS => segment.slots.own().push(slot),
            Some(segment) => {
                let slots = segment.slots.own();
                slots.push(slot);
                slots.shrink_to_fit();
                self.segments.push_back(Segment::default());
            }
            None => self.segments.push_back(Segment { slots: SegmentSlots::Own(vec![slot]), stale: 0 }),
        }
    }

    /// Marks the record at `position` as stale.
    pub(super) fn on_stale(&mut self, position: u32) {
        if let Some(segment) = self.segment_mut(position / SEGMENT_RECORDS) {
            segment.stale += 1;
        }
    }

    /// The records from `start` on, with their positions, stale ones included.
    pub(super) fn iter_from(&self, start: u32) -> impl Iterator<Item = (u32, SlotIndex)> + '_ {
        let start = start.max(self.start());
        let number = start / SEGMENT_RECORDS;
        let segments = (number..).zip(self.segments.iter().skip((number - self.first) as usize));
        segments.flat_map(move |(number, segment)| {
            let base = number * SEGMENT_RECORDS;
            let skipped = start.saturating_sub(base);
            let slots = segment.slots.get(skipped as usize..).unwrap_or_default();
            (base + skipped..).zip(slots.iter().copied())
        })
    }

    /// Compacts the segment of `position` if more than half of its records are stale. `is_current` is called
    /// with each record's slot, its position and its new position, and returns whether the record is current.
    pub(super) fn compact_if_stale(
        &mut self,
        position: u32,
        is_current: impl FnMut(SlotIndex, u32, u32) -> bool,
    ) -> Option<Moves> {
        let number = position / SEGMENT_RECORDS;
        let is_last = number + 1 == self.first + position_of(self.segments.len());
        let segment = self.segment_mut(number)?;
        let records = segment.slots.len();
        let is_short = records < COMPACT_RECORDS && (is_last || segment.stale < segment.len());
        if is_short || segment.stale as usize * 2 <= records {
            return None;
        }
        let compaction = segment.compact(number * SEGMENT_RECORDS, is_current);
        while self.segments.len() > 1 && self.segments.front().is_some_and(|segment| segment.slots.is_empty())
        {
            self.segments.pop_front();
            self.first += 1;
        }
        Some(Moves(vec![compaction]))
    }

    /// Compacts everything, and numbers the segments from zero again.
    pub(super) fn renumber(&mut self, mut is_current: impl FnMut(SlotIndex, u32, u32) -> bool) -> Moves {
        let former = std::mem::replace(self, Self::new());
        let mut moves = Moves::default();
        for (number, segment) in (former.first..).zip(former.segments) {
            let base = number * SEGMENT_RECORDS;
            let mut moved_to = Vec::with_capacity(segment.slots.len());
            for (position, &slot) in (base..).zip(&*segment.slots) {
                moved_to.push(self.end());
                if is_current(slot, position, self.end()) {
                    self.push(slot);
                }
            }
            moves.0.push(Move { base, moved_to, end: self.end() });
        }
        moves
    }

    /// Position of the first record, present or future.
    pub(super) fn start(&self) -> u32 {
        self.first * SEGMENT_RECORDS
    }

    #[cfg(test)]
    pub(super) fn starting_at(first: u32) -> Self {
        Self { first, ..Self::new() }
    }

    fn segment_mut(&mut self, number: u32) -> Option<&mut Segment> {
        self.segments.get_mut(number.checked_sub(self.first)? as usize)
    }
}

impl Segment {
    fn len(&self) -> u32 {
        position_of(self.slots.len())
    }

    fn compact(&mut self, base: u32, mut is_current: impl FnMut(SlotIndex, u32, u32) -> bool) -> Move {
        let mut kept = Vec::with_capacity(self.slots.len() - self.stale as usize);
        let mut moved_to = Vec::with_capacity(self.slots.len());
        for (position, &slot) in (base..).zip(&*self.slots) {
            let new_position = base + position_of(kept.len());
            moved_to.push(new_position);
            if is_current(slot, position, new_position) {
                kept.push(slot);
            }
        }
        let end = base + position_of(kept.len());
        *self = Self { slots: SegmentSlots::Own(kept), stale: 0 };
        Move { base, moved_to, end }
    }
}

impl SegmentSlots {
    /// Makes the slots shared, and returns them again.
    fn share(&mut self) -> Self {
        let shared = match std::mem::take(self) {
            Self::Own(slots) => Arc::new(slots),
            Self::Shared(slots) => slots,
        };
        *self = Self::Shared(Arc::clone(&shared));
        Self::Shared(shared)
    }

    /// The slots, for changes.
    fn own(&mut self) -> &mut Vec<SlotIndex> {
        if let Self::Shared(slots) = self {
            *self = Self::Own(std::mem::take(slots).to_vec());
        }
        match self {
            Self::Own(slots) => slots,
            Self::Shared(_) => unreachable!("just made its own"),
        }
    }
}

impl Deref for SegmentSlots {
    type Target = [SlotIndex];

    fn deref(&self) -> &[SlotIndex] {
        match self {
            Self::Own(slots) => slots,
            Self::Shared(slots) => slots,
        }
    }
}

impl Default for SegmentSlots {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

/// Movements of positions.
#[derive(Debug, Default)]
pub(super) struct Moves(Vec<Move>);

/// Movements of the positions of one segment.
#[derive(Debug)]
struct Move {
    base: u32,
    /// New position of each record of the segment, or the position that follows if the record is gone.
    moved_to: Vec<u32>,
    /// Position at which the segment's records now end.
    end: u32,
}

impl Moves {
    /// The present position of a reader that was at `position`.
    pub(super) fn moved(&self, position: u32) -> u32 {
        let moved = self.0.iter().find(|of_segment| of_segment.range().contains(&position));
        moved.map_or(position, |of_segment| {
            of_segment.moved_to.get((position - of_segment.base) as usize).copied().unwrap_or(of_segment.end)
        })
    }

    /// The ranges of positions that changed meaning.
    pub(super) fn ranges(self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.0.into_iter().map(|of_segment| of_segment.range())
    }
}

impl Move {
    fn range(&self) -> RangeInclusive<u32> {
        self.base..=self.base + position_of(self.moved_to.len())
    }
}

fn position_of(length: usize) -> u32 {
    u32::try_from(length).expect("segments are short, and renumbered before their numbers run out")
}
