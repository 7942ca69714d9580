//! Every prefix at which something is wanted or held, in a slab.

use std::hash::BuildHasher;

use bgp_codec::Prefix;
use foldhash::fast::RandomState;
use margay_containers::{HashIndex, LongestMatch, ShortHash};

use crate::{
    index::{EntryId, PathId},
    table::{HeldRoutes, Unsettled, Waiting},
};

/// One prefix of one table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) prefix: Prefix,
    /// The position of the table among those that are watched.
    pub(crate) table: u8,
    pub(crate) wish: Wish,
    /// All routes that the kernel holds there, ours and others'.
    pub(crate) held: HeldRoutes,
    /// Whether it waits to be looked at, and where.
    waiting: Option<Waiting>,
    /// It has a failure.
    pub(crate) failed: bool,
    /// A request about it has been obeyed since the kernel was last heard: what is heard next may be older than that.
    pub(crate) touched: bool,
}

/// What the Rib wants at a prefix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Wish {
    /// It has not said anything: a route of an earlier run may be wanted yet.
    #[default]
    Unknown,
    Nothing,
    Path(PathId),
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Entries {
    index: HashIndex,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    hasher: RandomState,
    /// Entries at which wish and kernel may differ.
    unsettled: Unsettled,
    /// The prefixes at which others have a route in any table.
    pub(crate) foreign: LongestMatch<()>,
}

impl Entries {
    pub(crate) fn find(&self, table: u8, prefix: Prefix) -> Option<EntryId> {
        self.find_hashed(table, prefix, self.hash(table, prefix))
    }

    /// The entry of a prefix, made if there is none.
    pub(crate) fn find_or_insert(&mut self, table: u8, prefix: Prefix) -> EntryId {
        let hash = self.hash(table, prefix);
        if let Some(id) = self.find_hashed(table, prefix, hash) {
            return id;
        }
        let entry = Entry {
            prefix,
            table,
            wish: Wish::Unknown,
            held: HeldRoutes::None,
            waiting: None,
            failed: false,
            touched: false,
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("memory ends long before the numbers")
        });
        self.slots[number as usize] = Some(entry);
        self.index.insert(hash, number);
        EntryId(number)
    }

    /// Reads where these prefixes are looked up, so that the memory is at hand when that is done one by one.
    pub(crate) fn touch(&self, places: impl Iterator<Item = (u8, Prefix)>) {
        self.index.touch(places.map(|(table, prefix)| self.hash(table, prefix)));
    }

    /// # Panics
    ///
    /// When nothing is wanted or held there any more.
    pub(crate) fn get(&self, id: EntryId) -> &Entry {
        self.slots[id.index()].as_ref().expect("whoever has a number keeps the entry in use")
    }

    /// The entry, if the number is in use.
    pub(crate) fn find_in_use(&self, id: EntryId) -> Option<&Entry> {
        self.slots.get(id.index())?.as_ref()
    }

    /// # Panics
    ///
    /// When nothing is wanted or held there any more.
    pub(crate) fn get_mut(&mut self, id: EntryId) -> &mut Entry {
        self.slots[id.index()].as_mut().expect("whoever has a number keeps the entry in use")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(number, slot)| slot.as_ref().map(|entry| (EntryId(number), entry)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (EntryId, &mut Entry)> {
        let slots = (0..).zip(&mut self.slots);
        slots.filter_map(|(number, slot)| slot.as_mut().map(|entry| (EntryId(number), entry)))
    }

    /// Forgets an entry at which nothing is wanted, held or to be done.
    pub(crate) fn remove_if_unused(&mut self, id: EntryId) {
        let Some(entry) = &self.slots[id.index()] else { return };
        let in_use =
            entry.waiting.is_some() || entry.failed || entry.touched || entry.held != HeldRoutes::None;
        if in_use || matches!(entry.wish, Wish::Path(_)) {
            return;
        }
        self.index.remove(self.hash(entry.table, entry.prefix), id.0);
        self.slots[id.index()] = None;
        self.free.push(id.0);
    }

    /// Has the entry looked at.
    pub(crate) fn unsettle(&mut self, id: EntryId) {
        if let Some(entry) = &mut self.slots[id.index()] {
            entry.wait(id, &mut self.unsettled);
        }
    }

    /// Has all entries with a property looked at.
    pub(crate) fn unsettle_where(&mut self, mut which: impl FnMut(&Entry) -> bool) {
        for (number, slot) in (0..).zip(&mut self.slots) {
            if let Some(entry) = slot.as_mut().filter(|entry| which(entry)) {
                entry.wait(EntryId(number), &mut self.unsettled);
            }
        }
    }

    /// The next entry at which wish and kernel may differ.
    pub(crate) fn poll_unsettled(&mut self) -> Option<EntryId> {
        while let Some(id) = self.unsettled.poll() {
            // Whoever waited in two places is gone from the second.
            if let Some(entry) = &mut self.slots[id.index()]
                && let Some(waiting) = entry.waiting.take()
            {
                self.unsettled.on_left(waiting);
                return Some(id);
            }
        }
        None
    }

    pub(crate) fn unsettled(&self) -> &Unsettled {
        &self.unsettled
    }

    fn find_hashed(&self, table: u8, prefix: Prefix, hash: ShortHash) -> Option<EntryId> {
        let is_it = |number: u32| {
            let slot = self.slots[number as usize].as_ref();
            slot.is_some_and(|entry| entry.prefix == prefix && entry.table == table)
        };
        self.index.find(hash, is_it).map(EntryId)
    }

    fn hash(&self, table: u8, prefix: Prefix) -> ShortHash {
        self.hasher.hash_one((table, prefix)).into()
    }
}

impl Entry {
    pub(crate) fn is_unsettled(&self) -> bool {
        self.waiting.is_some()
    }

    fn wait(&mut self, id: EntryId, unsettled: &mut Unsettled) {
        let waiting = match self.wish {
            Wish::Path(_) => Waiting::Wish,
            Wish::Unknown | Wish::Nothing => Waiting::Removal,
        };
        unsettled.on_waiting(id, self.prefix.length(), &mut self.waiting, waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_forty_eight_octets() {
        assert_eq!(size_of::<Option<Entry>>(), 48);
    }
}
