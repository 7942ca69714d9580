//! Every prefix at which something is wanted or held, in a slab.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use bgp_codec::Prefix;
use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table};
use margay_rib::LongestMatch;

use super::{held_routes::HeldRoutes, paths::PathId};

/// Names an [`Entry`] as long as something is wanted or held there, or it waits to be looked at.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct EntryId(u32);

impl EntryId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// One prefix of one table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) prefix: Prefix,
    /// The position of the table among those that are watched.
    pub(super) table: u8,
    pub(super) wish: Wish,
    /// All routes that the kernel holds there, ours and others'.
    pub(super) held: HeldRoutes,
    /// It waits in the queue.
    unsettled: bool,
    /// It has a failure.
    pub(super) failed: bool,
    /// A request about it has been obeyed since the kernel was last heard: what is heard next may be older than that.
    pub(super) touched: bool,
}

/// What the Rib wants at a prefix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Wish {
    /// It has not said anything: a route of an earlier run may be wanted yet.
    #[default]
    Unknown,
    Nothing,
    Path(PathId),
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Entries {
    index: HashTable<u32>,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    hasher: RandomState,
    /// Entries at which wish and kernel may differ; each once.
    unsettled: VecDeque<EntryId>,
    /// The prefixes at which others have a route in any table.
    pub(super) foreign: LongestMatch<()>,
}

impl Entries {
    pub(super) fn find(&self, table: u8, prefix: Prefix) -> Option<EntryId> {
        let found = self.index.find(self.hash(table, prefix), |&number| self.is(number, table, prefix));
        found.map(|&number| EntryId(number))
    }

    /// The entry of a prefix, made if there is none.
    pub(super) fn find_or_insert(&mut self, table: u8, prefix: Prefix) -> EntryId {
        let hash = self.hash(table, prefix);
        let Self { index, slots, free, hasher, .. } = self;
        let place = index.entry(
            hash,
            |&number| is(&slots[number as usize], table, prefix),
            |&number| {
                slots[number as usize]
                    .as_ref()
                    .map_or(0, |entry| hasher.hash_one((entry.table, entry.prefix)))
            },
        );
        match place {
            hash_table::Entry::Occupied(occupied) => EntryId(*occupied.get()),
            hash_table::Entry::Vacant(vacant) => {
                let entry = Entry {
                    prefix,
                    table,
                    wish: Wish::Unknown,
                    held: HeldRoutes::None,
                    unsettled: false,
                    failed: false,
                    touched: false,
                };
                let number = free.pop().unwrap_or_else(|| {
                    slots.push(None);
                    u32::try_from(slots.len() - 1).expect("memory ends long before the numbers")
                });
                slots[number as usize] = Some(entry);
                vacant.insert(number);
                EntryId(number)
            }
        }
    }

    /// # Panics
    ///
    /// When nothing is wanted or held there any more.
    pub(super) fn get(&self, id: EntryId) -> &Entry {
        self.slots[id.index()].as_ref().expect("whoever has a number keeps the entry in use")
    }

    /// # Panics
    ///
    /// When nothing is wanted or held there any more.
    pub(super) fn get_mut(&mut self, id: EntryId) -> &mut Entry {
        self.slots[id.index()].as_mut().expect("whoever has a number keeps the entry in use")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(number, slot)| slot.as_ref().map(|entry| (EntryId(number), entry)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (EntryId, &mut Entry)> {
        let slots = (0..).zip(&mut self.slots);
        slots.filter_map(|(number, slot)| slot.as_mut().map(|entry| (EntryId(number), entry)))
    }

    /// Forgets an entry at which nothing is wanted, held or to be done.
    pub(super) fn remove_if_unused(&mut self, id: EntryId) {
        let Some(entry) = &self.slots[id.index()] else { return };
        let in_use = entry.unsettled || entry.failed || entry.touched || entry.held != HeldRoutes::None;
        if in_use || matches!(entry.wish, Wish::Path(_)) {
            return;
        }
        let hash = self.hash(entry.table, entry.prefix);
        if let Ok(found) = self.index.find_entry(hash, |&number| number == id.0) {
            found.remove();
        }
        self.slots[id.index()] = None;
        self.free.push(id.0);
    }

    /// Has the entry looked at.
    pub(super) fn unsettle(&mut self, id: EntryId) {
        let Some(entry) = &mut self.slots[id.index()] else { return };
        if !entry.unsettled {
            entry.unsettled = true;
            self.unsettled.push_back(id);
        }
    }

    /// Has all entries with a property looked at.
    pub(super) fn unsettle_where(&mut self, mut which: impl FnMut(&Entry) -> bool) {
        for (number, slot) in (0..).zip(&mut self.slots) {
            if let Some(entry) = slot.as_mut().filter(|entry| !entry.unsettled && which(entry)) {
                entry.unsettled = true;
                self.unsettled.push_back(EntryId(number));
            }
        }
    }

    /// The next entry at which wish and kernel may differ.
    pub(super) fn poll_unsettled(&mut self) -> Option<EntryId> {
        let id = self.unsettled.pop_front()?;
        self.get_mut(id).unsettled = false;
        Some(id)
    }

    pub(super) fn unsettled_len(&self) -> usize {
        self.unsettled.len()
    }

    fn hash(&self, table: u8, prefix: Prefix) -> u64 {
        self.hasher.hash_one((table, prefix))
    }

    fn is(&self, number: u32, table: u8, prefix: Prefix) -> bool {
        is(&self.slots[number as usize], table, prefix)
    }
}

impl Entry {
    pub(super) fn is_unsettled(&self) -> bool {
        self.unsettled
    }
}

fn is(slot: &Option<Entry>, table: u8, prefix: Prefix) -> bool {
    slot.as_ref().is_some_and(|entry| entry.prefix == prefix && entry.table == table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_forty_eight_octets() {
        assert_eq!(size_of::<Option<Entry>>(), 48);
    }
}
