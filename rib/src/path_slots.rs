//! Which slot of a log stands for which path, in a group that is told several paths to a prefix (RFC 7911).

use std::num::NonZeroU32;

use crate::export_log::SlotIndex;
use crate::source::SourceIndex;
use crate::table::EntryIndex;

/// The slots of the paths, as a chain for each entry.
///
/// A path keeps its slot until every reader has been told of its withdrawal. A path that comes to the same prefix from the
/// same source meanwhile, and so with the same path id, takes it over.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathSlots {
    paths: Vec<PathSlot>,
    free: Vec<SlotIndex>,
    /// The first slot of each entry, by entry number.
    first: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct PathSlot {
    entry: EntryIndex,
    source: SourceIndex,
    next: Link,
    previous: Link,
}

/// A slot, or none, in four octets.
#[derive(Clone, Copy, Debug, Default)]
struct Link(Option<NonZeroU32>);

impl PathSlots {
    /// The slots of an entry, with the source that each stands for.
    pub(crate) fn of(&self, entry: EntryIndex) -> impl Iterator<Item = (SlotIndex, SourceIndex)> + '_ {
        let mut next = self.first_of(entry);
        std::iter::from_fn(move || {
            let slot = next.slot()?;
            let path = &self.paths[slot.index()];
            next = path.next;
            Some((slot, path.source))
        })
    }

    /// The slot of a path, if it has one.
    pub(crate) fn find(&self, entry: EntryIndex, source: SourceIndex) -> Option<SlotIndex> {
        self.of(entry).find(|&(_, other)| other == source).map(|(slot, _)| slot)
    }

    /// The slot of a path, made if there is none.
    pub(crate) fn find_or_insert(&mut self, entry: EntryIndex, source: SourceIndex) -> SlotIndex {
        if let Some(slot) = self.find(entry, source) {
            return slot;
        }
        let next = self.first_of(entry);
        let path = PathSlot { entry, source, next, previous: Link::default() };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.paths[slot.index()] = path;
                slot
            }
            None => {
                self.paths.push(path);
                SlotIndex::of(self.paths.len() - 1)
            }
        };
        if let Some(next) = next.slot() {
            self.paths[next.index()].previous = Link::to(slot);
        }
        if self.first.len() <= entry.index() {
            self.first.resize(entry.index() + 1, Link::default());
        }
        self.first[entry.index()] = Link::to(slot);
        slot
    }

    /// Forgets a slot that is empty. Answers with its entry when that was the entry's last one.
    pub(crate) fn remove(&mut self, slot: SlotIndex) -> Option<EntryIndex> {
        let PathSlot { entry, next, previous, .. } = self.paths[slot.index()];
        if let Some(next) = next.slot() {
            self.paths[next.index()].previous = previous;
        }
        match previous.slot() {
            Some(previous) => self.paths[previous.index()].next = next,
            None => self.first[entry.index()] = next,
        }
        self.free.push(slot);
        (!self.has(entry)).then_some(entry)
    }

    /// The entries that have slots.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryIndex> + '_ {
        let first = (0..).map(EntryIndex).zip(&self.first);
        first.filter(|(_, first)| first.slot().is_some()).map(|(entry, _)| entry)
    }

    /// Whether an entry has a slot.
    pub(crate) fn has(&self, entry: EntryIndex) -> bool {
        self.first_of(entry).slot().is_some()
    }

    /// The path that a slot stands for.
    pub(crate) fn path(&self, slot: SlotIndex) -> (EntryIndex, SourceIndex) {
        let PathSlot { entry, source, .. } = self.paths[slot.index()];
        (entry, source)
    }

    /// How many paths have a slot.
    pub(crate) fn in_use(&self) -> usize {
        self.paths.len() - self.free.len()
    }

    /// The slots that are used next, the last one first.
    pub(crate) fn free(&self) -> &[SlotIndex] {
        &self.free
    }

    fn first_of(&self, entry: EntryIndex) -> Link {
        self.first.get(entry.index()).copied().unwrap_or_default()
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
