//! Every prefix at which something is wanted or held, in a slab.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use bgp_codec::Prefix;
use foldhash::fast::RandomState;
use margay_containers::{HashIndex, LongestMatch, ShortHash, Slots};

use crate::{
    index::{EntryId, ShapeId},
    table::{
        Counts, HeldCounts, HeldRoutes, Progress, RouteShapes, Standing, Tables, Unsettled, Waiting, Wish,
    },
};

/// One prefix of one table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) prefix: Prefix,
    /// The position of the table among those that are watched.
    pub(crate) table: u8,
    wish: Wish,
    /// All routes that the kernel holds there, ours and others'.
    held: HeldRoutes,
    /// Whether it waits to be looked at, and where.
    waiting: Option<Waiting>,
    failed: bool,
    /// A request about it has been obeyed since the kernel was last heard: what is heard next may be older than that.
    pub(crate) touched: bool,
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Entries {
    index: HashIndex,
    slots: Slots<Entry>,
    hasher: RandomState,
    /// Entries at which wish and kernel may differ.
    unsettled: Unsettled,
    /// Entries whose route waits for a next hop object.
    awaiting: BTreeSet<EntryId>,
    counts: Counts,
    /// The prefixes at which others have a route in any table.
    pub(crate) foreign: LongestMatch<()>,
    /// Those of them at which a route leads to an interface and no gateway.
    pub(crate) attached: BTreeSet<Prefix>,
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
        let number = self.slots.insert(entry);
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
        self.slots.get(id.0).expect("an entry is in use while its number is known")
    }

    /// The entry, if the number is in use.
    pub(crate) fn find_in_use(&self, id: EntryId) -> Option<&Entry> {
        self.slots.get(id.0)
    }

    /// # Panics
    ///
    /// When nothing is wanted or held there any more.
    pub(crate) fn get_mut(&mut self, id: EntryId) -> &mut Entry {
        in_use(&mut self.slots, id)
    }

    /// The entries of a prefix in all tables.
    pub(crate) fn at(&self, prefix: Prefix, tables: &Tables) -> impl Iterator<Item = (EntryId, &Entry)> {
        let ids = tables.all().filter_map(move |table| self.find(table, prefix));
        ids.map(|id| (id, self.get(id)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.slots.iter_from(0).map(|(number, entry)| (EntryId(number), entry))
    }

    /// The Rib wants something else at an entry. Returns what it wanted before.
    pub(crate) fn set_wish(
        &mut self,
        id: EntryId,
        wish: Wish,
        shapes: &RouteShapes,
        tables: &Tables,
    ) -> Wish {
        let former = self.get(id).wish;
        if former == Wish::Unknown {
            self.counts.on_asked(self.get(id).held_counts(shapes, tables));
        }
        self.change(id, |entry, _, awaiting| {
            awaiting.remove(&id);
            std::mem::replace(&mut entry.wish, wish)
        })
    }

    /// An entry has a failure, or none any more. Returns whether it had one.
    pub(crate) fn set_failed(&mut self, id: EntryId, failed: bool) -> bool {
        self.change(id, |entry, _, _| std::mem::replace(&mut entry.failed, failed))
    }

    /// The route of an entry waits for a next hop object, until the entry is looked at again.
    pub(crate) fn set_awaiting(&mut self, id: EntryId) {
        self.change(id, |_, _, awaiting| awaiting.insert(id));
    }

    /// Changes what an entry holds.
    pub(crate) fn change_held<T>(
        &mut self,
        id: EntryId,
        shapes: &mut RouteShapes,
        tables: &Tables,
        change: impl FnOnce(&mut HeldRoutes, &mut RouteShapes) -> T,
    ) -> T {
        let Self { slots, counts, .. } = self;
        let entry = in_use(slots, id);
        let before = entry.held_counts(shapes, tables);
        let changed = change(&mut entry.held, shapes);
        counts.on_held(entry.wish, before, entry.held_counts(shapes, tables));
        changed
    }

    /// Takes out what all entries hold, to be filled in anew.
    pub(crate) fn take_all_held(&mut self) -> HashMap<EntryId, HeldRoutes> {
        (self.counts.foreign_routes, self.counts.unasked_routes) = (0, 0);
        let entries = self.slots.iter_mut().filter(|(_, entry)| entry.held != HeldRoutes::None);
        let held = entries.map(|(number, entry)| (EntryId(number), std::mem::take(&mut entry.held)));
        held.collect()
    }

    /// Adds a route to what an entry holds, behind the others.
    pub(crate) fn append_held(
        &mut self,
        id: EntryId,
        shape: ShapeId,
        shapes: &mut RouteShapes,
        tables: &Tables,
    ) {
        self.change_held(id, shapes, tables, |held, _| held.append(shape));
    }

    /// How the entries stand.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How far the kernel follows at an entry, if the number is in use.
    pub(crate) fn progress(&self, id: EntryId) -> Option<Progress> {
        self.find_in_use(id).map(|entry| standing(entry, id, &self.awaiting).progress)
    }

    /// Entries that wait to be looked at or for an object, some of them twice. An entry that has left may be among them.
    pub(crate) fn pending(&self) -> impl Iterator<Item = EntryId> {
        self.awaiting.iter().copied().chain(self.unsettled.iter())
    }

    /// Changes what an entry counts as.
    fn change<T>(
        &mut self,
        id: EntryId,
        change: impl FnOnce(&mut Entry, &mut Unsettled, &mut BTreeSet<EntryId>) -> T,
    ) -> T {
        let Self { slots, unsettled, awaiting, counts, .. } = self;
        let entry = in_use(slots, id);
        let before = standing(entry, id, awaiting);
        let changed = change(entry, unsettled, awaiting);
        counts.on_standing(before, standing(entry, id, awaiting));
        changed
    }

    /// Forgets an entry at which nothing is wanted, held or to be done.
    pub(crate) fn remove_if_unused(&mut self, id: EntryId) {
        let Some(entry) = self.slots.get(id.0) else { return };
        let in_use =
            entry.waiting.is_some() || entry.failed || entry.touched || entry.held != HeldRoutes::None;
        if in_use || matches!(entry.wish, Wish::Path(_)) {
            return;
        }
        self.index.remove(self.hash(entry.table, entry.prefix), id.0);
        self.slots.remove(id.0);
    }

    /// Has the entry looked at.
    pub(crate) fn unsettle(&mut self, id: EntryId) {
        if self.find_in_use(id).is_some() {
            self.change(id, |entry, unsettled, _| entry.wait(id, unsettled));
        }
    }

    /// Has all entries with a property looked at.
    pub(crate) fn unsettle_where(&mut self, mut which: impl FnMut(&Entry) -> bool) {
        for id in (0..self.slots.end()).map(EntryId) {
            if self.find_in_use(id).is_some_and(&mut which) {
                self.unsettle(id);
            }
        }
    }

    /// The next entry at which wish and kernel may differ.
    pub(crate) fn poll_unsettled(&mut self) -> Option<EntryId> {
        while let Some(id) = self.unsettled.poll() {
            // What waited in two places is gone from the second.
            if self.find_in_use(id).is_some_and(Entry::is_unsettled) {
                self.change(id, |entry, unsettled, awaiting| {
                    awaiting.remove(&id);
                    entry.waiting.take().into_iter().for_each(|waiting| unsettled.on_left(waiting));
                });
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
            self.slots.get(number).is_some_and(|entry| entry.prefix == prefix && entry.table == table)
        };
        self.index.find(hash, is_it).map(EntryId)
    }

    fn hash(&self, table: u8, prefix: Prefix) -> ShortHash {
        self.hasher.hash_one((table, prefix)).into()
    }
}

impl Entry {
    pub(crate) fn wish(&self) -> Wish {
        self.wish
    }

    /// The routes that the kernel holds there, ours and others'.
    pub(crate) fn held(&self) -> &[ShapeId] {
        self.held.as_slice()
    }

    fn held_counts(&self, shapes: &RouteShapes, tables: &Tables) -> HeldCounts {
        let ours = self.held().iter().filter(|&&held| tables.is_ours(self.table, shapes.get(held))).count();
        HeldCounts { ours, foreign: self.held().len() - ours }
    }

    /// Whether it has a failure.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

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

fn standing(entry: &Entry, id: EntryId, awaiting: &BTreeSet<EntryId>) -> Standing {
    let progress = if entry.failed {
        Progress::Failed
    } else if entry.waiting.is_some() || awaiting.contains(&id) {
        Progress::Pending
    } else {
        Progress::Settled
    };
    Standing { wish: entry.wish, progress }
}

fn in_use(slots: &mut Slots<Entry>, id: EntryId) -> &mut Entry {
    slots.get_mut(id.0).expect("an entry is in use while its number is known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_forty_eight_octets() {
        assert_eq!(size_of::<Option<Entry>>(), 48);
    }
}
