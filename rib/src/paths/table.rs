//! The prefixes of one family: a hash table from prefix to entry, and the entries in a slab.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::num::NonZeroU32;

use bgp_codec::{IpPrefix, Prefix};
use foldhash::fast::FixedState;

use super::long_lists::{LONG, LongLists};
use super::path::{Path, Paths};
use crate::containers::{HashIndex, ShortHash, Slots};
use crate::index::{EntryIndex, SourceIndex};

/// Everything known about one prefix.
#[derive(Debug)]
pub(crate) struct Entry<P> {
    pub(crate) prefix: P,
    pub(crate) paths: Paths,
    /// Position of the best path in `paths`, counted from one. A peer may announce as many paths as there are
    /// path identifiers.
    best: Option<NonZeroU32>,
    /// Number of export logs that still refer to this entry, a pending withdrawal included.
    ///
    /// While there is one, the index must not be reused for another prefix.
    pub(crate) pins: u16,
}

impl<P> Entry<P> {
    /// The path that was chosen last.
    pub(crate) fn best_path(&self) -> Option<Path> {
        self.best_position().map(|position| self.paths.as_slice()[position])
    }

    /// The source of that path.
    pub(crate) fn best_source(&self) -> Option<SourceIndex> {
        self.best_path().map(|path| path.source)
    }

    /// Position in `paths` of the path that was chosen last.
    pub(crate) fn best_position(&self) -> Option<usize> {
        self.best.map(|number| number.get() as usize - 1)
    }

    pub(crate) fn set_best_position(&mut self, position: Option<usize>) {
        let number = |position: usize| u32::try_from(position + 1).ok().and_then(NonZeroU32::new);
        self.best = position.map(|position| number(position).expect("each path has a source with a number"));
    }
}

/// The entries of one family.
#[derive(Debug)]
pub(crate) struct Table<P> {
    index: HashIndex,
    entries: Slots<Entry<P>>,
    hasher: FixedState,
    /// Positions of the paths in long lists.
    positions: LongLists<u32>,
}

impl<P: IpPrefix> Table<P> {
    /// Makes an empty table. `hash_seed` is random, so that peers cannot choose prefixes that collide.
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self {
            index: HashIndex::new(),
            entries: Slots::default(),
            hasher: FixedState::with_seed(hash_seed),
            positions: LongLists::default(),
        }
    }

    /// One more than the highest entry number that was in use so far.
    pub(crate) fn end(&self) -> u32 {
        self.entries.end()
    }

    pub(crate) fn find(&self, prefix: P) -> Option<EntryIndex> {
        self.find_hashed(prefix, self.hash(prefix))
    }

    /// The entry of `prefix`, created if there is none.
    pub(crate) fn find_or_insert(&mut self, prefix: P) -> EntryIndex {
        let hash = self.hash(prefix);
        if let Some(found) = self.find_hashed(prefix, hash) {
            return found;
        }
        let number = self.entries.insert(Entry { prefix, paths: Paths::default(), best: None, pins: 0 });
        self.index.insert(hash, number);
        EntryIndex(number)
    }

    /// Reads the memory that looking up these prefixes will need, to have it in the cache by then; these
    /// reads do not wait for each other, so their misses overlap. Returns the entries of existing prefixes,
    /// and possibly a few others.
    pub(crate) fn touch(&self, prefixes: impl Iterator<Item = P>) -> Vec<&Entry<P>> {
        let hashes: Vec<ShortHash> = prefixes.map(|prefix| self.hash(prefix)).collect();
        self.index.touch(hashes.iter().copied());
        let numbers = hashes.iter().filter_map(|&hash| self.index.find(hash, |_| true));
        let entries: Vec<&Entry<P>> = numbers.filter_map(|number| self.get(EntryIndex(number))).collect();
        std::hint::black_box(entries.iter().fold(0, |read, entry| read ^ entry.pins));
        entries
    }

    /// The entry of an index.
    ///
    /// # Panics
    ///
    /// Panics if the entry is no longer in use: only the owner of a path or a pin may hold an index.
    pub(crate) fn entry(&self, index: EntryIndex) -> &Entry<P> {
        self.entries.get(index.0).expect("an index is only held while the entry is in use")
    }

    pub(crate) fn entry_mut(&mut self, index: EntryIndex) -> &mut Entry<P> {
        entry_of(&mut self.entries, index)
    }

    /// The entry that the number now names, if there is one.
    pub(crate) fn get(&self, index: EntryIndex) -> Option<&Entry<P>> {
        self.entries.get(index.0)
    }

    /// Position of the path of a source among those of an entry. The cost is independent of their number.
    pub(crate) fn position(&self, index: EntryIndex, source: SourceIndex) -> Option<usize> {
        let paths = &self.entry(index).paths;
        if paths.len() > LONG / 2 && self.positions.has(index) {
            self.positions.find(index, source).map(|position| position as usize)
        } else {
            paths.position(source)
        }
    }

    /// Replaces the path of the same source and returns it, or adds the path.
    pub(crate) fn put_path(&mut self, index: EntryIndex, path: Path) -> Option<Path> {
        if let Some(position) = self.position(index, path.source) {
            return Some(self.entry_mut(index).paths.replace(position, path));
        }
        let Self { entries, positions, .. } = self;
        let paths = &mut entry_of(entries, index).paths;
        paths.push(path);
        let items = || (0..).zip(paths.as_slice()).map(|(position, path)| (path.source, position));
        if positions.has(index) {
            positions.set(index, path.source, position_number(paths.len() - 1));
        } else if paths.len() > LONG {
            positions.add(index, items());
        }
        None
    }

    /// Removes the path of a source. If it was the best path, the entry has none until the next decision.
    pub(crate) fn take_path(&mut self, index: EntryIndex, source: SourceIndex) -> Option<Path> {
        let position = self.position(index, source)?;
        let Self { entries, positions, .. } = self;
        let entry = entry_of(entries, index);
        let last = entry.paths.len() - 1;
        if entry.best_position() == Some(position) {
            entry.set_best_position(None);
        } else if entry.best_position() == Some(last) {
            entry.set_best_position(Some(position));
        }
        let taken = entry.paths.swap_remove(position);
        positions.remove(index, source);
        if let Some(moved) = entry.paths.as_slice().get(position) {
            positions.set(index, moved.source, position_number(position));
        }
        Some(taken)
    }

    /// The path from a source to an entry, if the number names one and it has such a path.
    pub(crate) fn path(&self, index: EntryIndex, source: SourceIndex) -> Option<Path> {
        let position = self.get(index).and_then(|_| self.position(index, source))?;
        self.entry(index).paths.as_slice().get(position).copied()
    }

    /// Whether the number now names an entry.
    pub(crate) fn is_in_use(&self, index: EntryIndex) -> bool {
        self.get(index).is_some()
    }

    /// Removes the entry if it has no path and nothing pins it.
    pub(crate) fn remove_if_unused(&mut self, index: EntryIndex) {
        let Some(entry) = self.get(index) else { return };
        if entry.pins > 0 || !entry.paths.as_slice().is_empty() {
            return;
        }
        self.index.remove(self.hash(entry.prefix), index.0);
        self.entries.remove(index.0);
    }

    /// Removes those of many entries that have no path and that nothing pins.
    fn remove_unused(&mut self, indexes: &[EntryIndex]) {
        let prefixes = indexes.iter().filter_map(|&index| Some(self.get(index)?.prefix));
        self.index.touch(prefixes.map(|prefix| self.hash(prefix)));
        indexes.iter().for_each(|&index| self.remove_if_unused(index));
    }

    /// Pins each of these entries once, however often it is named. Returns the pinned ones.
    pub(crate) fn pin(&mut self, entries: impl Iterator<Item = EntryIndex>) -> Vec<EntryIndex> {
        let entries: BTreeSet<EntryIndex> = entries.collect();
        entries.iter().for_each(|&index| self.entry_mut(index).pins += 1);
        entries.into_iter().collect()
    }

    /// Removes a pin from these entries for each time that they are named.
    pub(crate) fn unpin(&mut self, entries: &[EntryIndex]) {
        entries.iter().for_each(|&index| self.entry_mut(index).pins -= 1);
        self.remove_unused(entries);
    }

    /// The entries in use with numbers from `first` on, in the order of their numbers.
    pub(crate) fn iter_from(&self, first: u32) -> impl Iterator<Item = (EntryIndex, &Entry<P>)> {
        self.entries.iter_from(first).map(|(number, entry)| (EntryIndex(number), entry))
    }

    fn find_hashed(&self, prefix: P, hash: ShortHash) -> Option<EntryIndex> {
        let is_wanted = |number: u32| self.entries.get(number).is_some_and(|entry| entry.prefix == prefix);
        self.index.find(hash, is_wanted).map(EntryIndex)
    }

    fn hash(&self, prefix: P) -> ShortHash {
        self.hasher.hash_one(prefix).into()
    }
}

/// A table without the type of its prefixes, for views.
pub(crate) trait AnyTable {
    /// The entry of a prefix; `None` for a prefix of another family.
    fn find_any(&self, prefix: Prefix) -> Option<EntryIndex>;

    /// The entry of an index.
    ///
    /// # Panics
    ///
    /// Panics if the entry is no longer in use.
    fn view(&self, index: EntryIndex) -> EntryView<'_>;

    /// The entries in use with numbers from `first` on, in the order of their numbers.
    fn views_from<'a>(&'a self, first: u32) -> Box<dyn Iterator<Item = EntryView<'a>> + 'a>;

    /// Free entry numbers, see [`Slots::iter_free`].
    fn free_numbers(&self) -> Vec<u32>;
}

/// An entry without the type of its prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryView<'a> {
    pub(crate) index: EntryIndex,
    pub(crate) prefix: Prefix,
    pub(crate) paths: &'a [Path],
    pub(crate) best: Option<Path>,
    /// Number of logs that need the entry.
    pub(crate) pins: u16,
}

impl<P: IpPrefix> AnyTable for Table<P> {
    fn find_any(&self, prefix: Prefix) -> Option<EntryIndex> {
        self.find(P::narrow(prefix)?)
    }

    fn view(&self, index: EntryIndex) -> EntryView<'_> {
        view(index, self.entry(index))
    }

    fn views_from<'a>(&'a self, first: u32) -> Box<dyn Iterator<Item = EntryView<'a>> + 'a> {
        Box::new(self.iter_from(first).map(|(index, entry)| view(index, entry)))
    }

    fn free_numbers(&self) -> Vec<u32> {
        self.entries.iter_free().collect()
    }
}

fn view<P: IpPrefix>(index: EntryIndex, entry: &Entry<P>) -> EntryView<'_> {
    EntryView {
        index,
        prefix: entry.prefix.erase(),
        paths: entry.paths.as_slice(),
        best: entry.best_path(),
        pins: entry.pins,
    }
}

fn entry_of<P>(entries: &mut Slots<Entry<P>>, index: EntryIndex) -> &mut Entry<P> {
    entries.get_mut(index.0).expect("an index is only held while the entry is in use")
}

fn position_number(position: usize) -> u32 {
    u32::try_from(position).expect("each path has a source with a number")
}

#[cfg(test)]
mod tests {
    use bgp_codec::Ipv4Prefix;

    use super::*;

    #[test]
    fn an_ipv4_entry_is_thirty_two_octets() {
        assert_eq!(size_of::<Option<Entry<Ipv4Prefix>>>(), 32);
    }

    #[test]
    fn a_pinned_entry_keeps_its_number_without_paths() {
        let mut table = Table::<Ipv4Prefix>::new(1);
        let first: Ipv4Prefix = "10.0.0.0/8".parse().unwrap();
        let second: Ipv4Prefix = "11.0.0.0/8".parse().unwrap();
        let index = table.find_or_insert(first);
        table.entry_mut(index).pins = 1;
        table.remove_if_unused(index);
        assert_ne!(table.find_or_insert(second), index);
        table.entry_mut(index).pins = 0;
        table.remove_if_unused(index);
        assert_eq!(table.find(first), None);
        assert_eq!(table.find_or_insert(first), index, "a free number is used again");
    }
}
