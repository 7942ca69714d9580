//! Slots of paths in the log of a group that is sent several paths to a prefix (RFC 7911).

use std::num::NonZeroU32;

use crate::containers::{Blank, Mirrored, Numbers};
use crate::index::{EntryIndex, SlotIndex, SourceIndex};
use crate::paths::{LONG, LongLists};

/// The slots of the paths, as a chain for each entry.
///
/// A path keeps its slot until every reader has read its withdrawal. A new path to the same prefix from the
/// same source, and so with the same path identifier, takes it over.
#[derive(Debug, Default)]
pub(crate) struct PathSlots {
    paths: Mirrored<PathSlot>,
    numbers: Numbers,
    in_use: usize,
    /// The first slot of each entry, by entry number.
    first: Mirrored<Link>,
    /// The slots of entries with long chains. A copy of the log builds its own when it needs them.
    long: LongLists<SlotIndex>,
}

#[derive(Clone, Copy, Debug)]
struct PathSlot {
    entry: EntryIndex,
    source: SourceIndex,
    next: Link,
    previous: Link,
}

impl Blank for PathSlot {
    /// What a free slot holds. No entry has this number.
    const BLANK: Self = Self {
        entry: EntryIndex(u32::MAX),
        source: SourceIndex::LOCAL,
        next: Link(None),
        previous: Link(None),
    };

    fn is_blank(&self) -> bool {
        self.entry == Self::BLANK.entry
    }
}

/// An optional slot in four octets.
#[derive(Clone, Copy, Debug, Default)]
struct Link(Option<NonZeroU32>);

impl Blank for Link {
    const BLANK: Self = Self(None);

    fn is_blank(&self) -> bool {
        self.0.is_none()
    }
}

impl PathSlots {
    /// The slots of an entry, each with its source.
    pub(crate) fn of(&self, entry: EntryIndex) -> impl Iterator<Item = (SlotIndex, SourceIndex)> + '_ {
        let mut next = self.first_of(entry);
        std::iter::from_fn(move || {
            let slot = next.slot()?;
            let path = self.at(slot);
            next = path.next;
            Some((slot, path.source))
        })
    }

    /// The slot of a path, if it has one.
    pub(crate) fn find(&mut self, entry: EntryIndex, source: SourceIndex) -> Option<SlotIndex> {
        if !self.long.has(entry) {
            let near = self.of(entry).take(LONG).find(|&(_, other)| other == source);
            if near.is_some() || self.of(entry).nth(LONG).is_none() {
                return near.map(|(slot, _)| slot);
            }
            let items: Vec<_> = self.of(entry).map(|(slot, source)| (source, slot)).collect();
            self.long.add(entry, items);
        }
        self.long.find(entry, source)
    }

    /// The slot of a path, allocated if there is none.
    pub(crate) fn find_or_insert(&mut self, entry: EntryIndex, source: SourceIndex) -> SlotIndex {
        if let Some(slot) = self.find(entry, source) {
            return slot;
        }
        let next = self.first_of(entry);
        let path = PathSlot { entry, source, next, previous: Link::default() };
        self.in_use += 1;
        let slot = SlotIndex(self.numbers.take());
        self.paths.set(slot.index(), path);
        if let Some(next) = next.slot() {
            self.paths.set(next.index(), PathSlot { previous: Link::to(slot), ..self.at(next) });
        }
        self.first.set(entry.index(), Link::to(slot));
        self.long.set(entry, source, slot);
        slot
    }

    /// Frees an empty slot. Returns its entry if that was the entry's last slot.
    pub(crate) fn remove(&mut self, slot: SlotIndex) -> Option<EntryIndex> {
        let PathSlot { entry, source, next, previous } = self.at(slot);
        self.long.remove(entry, source);
        if let Some(next) = next.slot() {
            self.paths.set(next.index(), PathSlot { previous, ..self.at(next) });
        }
        match previous.slot() {
            Some(previous) => self.paths.set(previous.index(), PathSlot { next, ..self.at(previous) }),
            None => self.first.set(entry.index(), next),
        }
        self.in_use -= 1;
        self.numbers.free(slot.0);
        self.paths.set(slot.index(), PathSlot::BLANK);
        (!self.has(entry)).then_some(entry)
    }

    /// Frees the memory of up to `limit` slots and entries, of a group that has no slot in use. Returns
    /// whether there are more.
    pub(crate) fn drain(&mut self, limit: usize) -> bool {
        let more = self.paths.take_last(limit).is_some() || self.first.take_last(limit).is_some();
        self.numbers = Numbers::default();
        self.long = LongLists::default();
        more
    }

    /// The entries that have slots.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryIndex> + '_ {
        (0..).map(EntryIndex).take(self.first.end()).filter(|&entry| self.has(entry))
    }

    /// Starts a copy, which [`copy_part`](Self::copy_part) fills.
    pub(crate) fn begin_copy(&mut self) {
        self.paths.begin_copy();
        self.first.begin_copy();
    }

    /// Whether the copy covers an entry.
    pub(crate) fn is_copied(&self, entry: EntryIndex) -> bool {
        self.first.is_copied(entry.index())
    }

    /// Copies up to `limit` more slots and entries. Returns their number, and the entries that have slots.
    pub(crate) fn copy_part(&mut self, limit: usize) -> (usize, Vec<EntryIndex>) {
        let paths = self.paths.copy_part(limit).1.len();
        let (number, first) = self.first.copy_part(limit - paths);
        let numbered = (SlotIndex::of(number).0..).map(EntryIndex).zip(first);
        let with_slots = numbered.filter(|(_, first)| first.slot().is_some()).map(|(entry, _)| entry);
        (paths + first.len(), with_slots.collect())
    }

    /// Whether the copy is complete.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.paths.is_copy_whole() && self.first.is_copy_whole()
    }

    /// Takes the complete copy.
    pub(crate) fn take_copy(&mut self) -> Self {
        Self {
            paths: self.paths.take_copy(),
            numbers: self.numbers.clone(),
            in_use: self.in_use,
            first: self.first.take_copy(),
            long: LongLists::default(),
        }
    }

    /// Whether an entry has a slot.
    pub(crate) fn has(&self, entry: EntryIndex) -> bool {
        self.first_of(entry).slot().is_some()
    }

    /// The path of a slot.
    pub(crate) fn path(&self, slot: SlotIndex) -> (EntryIndex, SourceIndex) {
        let PathSlot { entry, source, .. } = self.at(slot);
        (entry, source)
    }

    /// Number of paths that have a slot.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Free slots, see [`Numbers::iter_free`].
    pub(crate) fn iter_free(&self) -> impl Iterator<Item = SlotIndex> + '_ {
        self.numbers.iter_free().map(SlotIndex)
    }

    fn at(&self, slot: SlotIndex) -> PathSlot {
        self.paths.get(slot.index())
    }

    fn first_of(&self, entry: EntryIndex) -> Link {
        self.first.get(entry.index())
    }
}

impl Link {
    fn to(slot: SlotIndex) -> Self {
        Self(NonZeroU32::new(slot.0.wrapping_add(1)))
    }

    fn slot(self) -> Option<SlotIndex> {
        self.0.map(|number| SlotIndex(number.get() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: EntryIndex = EntryIndex(3);

    fn sources(slots: &PathSlots, entry: EntryIndex) -> Vec<u32> {
        slots.of(entry).map(|(_, source)| source.0).collect()
    }

    #[test]
    fn a_path_keeps_its_slot_until_it_is_removed() {
        let mut slots = PathSlots::default();
        let [a, b, c] = [1, 2, 3].map(|source| slots.find_or_insert(ENTRY, SourceIndex(source)));
        assert_eq!(slots.find_or_insert(ENTRY, SourceIndex(2)), b);
        assert_eq!(slots.path(b), (ENTRY, SourceIndex(2)));
        assert_eq!(sources(&slots, ENTRY), [3, 2, 1]);
        assert_eq!(slots.remove(b), None, "two are left");
        assert_eq!(sources(&slots, ENTRY), [3, 1]);
        assert_eq!(slots.find_or_insert(EntryIndex(9), SourceIndex(2)), b, "a free slot is used again");
        assert_eq!(slots.remove(c), None);
        assert_eq!(sources(&slots, ENTRY), [1]);
        assert_eq!(slots.remove(a), Some(ENTRY));
        assert!(!slots.has(ENTRY) && slots.has(EntryIndex(9)));
    }
}
