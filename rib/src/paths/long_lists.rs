//! An index by source for lists that are too long to be searched.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::index::{EntryIndex, SourceIndex};

/// What belongs to each source in the lists of some entries. Short lists are searched, and have no place here: nearly all
/// lists are short, and an index costs more than a path.
#[derive(Debug)]
pub(crate) struct LongLists<T> {
    by_entry: HashMap<EntryIndex, HashMap<SourceIndex, T, FixedState>, FixedState>,
}

/// A list of more items than this is worth an index.
pub(crate) const LONG: usize = 32;

impl<T> Default for LongLists<T> {
    fn default() -> Self {
        Self { by_entry: HashMap::default() }
    }
}

impl<T: Copy> LongLists<T> {
    /// Whether the list of an entry has an index.
    pub(crate) fn has(&self, entry: EntryIndex) -> bool {
        self.by_entry.contains_key(&entry)
    }

    /// What belongs to a source in the list of an entry that has an index.
    pub(crate) fn find(&self, entry: EntryIndex, source: SourceIndex) -> Option<T> {
        self.by_entry.get(&entry)?.get(&source).copied()
    }

    /// Makes the index of an entry, with all items of its list.
    pub(crate) fn add(&mut self, entry: EntryIndex, items: impl IntoIterator<Item = (SourceIndex, T)>) {
        self.by_entry.insert(entry, items.into_iter().collect());
    }

    /// Notes what belongs to a source, where the list has an index.
    pub(crate) fn set(&mut self, entry: EntryIndex, source: SourceIndex, item: T) {
        if let Some(list) = self.by_entry.get_mut(&entry) {
            list.insert(source, item);
        }
    }

    /// Notes that nothing belongs to a source any more. The index goes with the greater part of a long list.
    pub(crate) fn remove(&mut self, entry: EntryIndex, source: SourceIndex) {
        if let Some(list) = self.by_entry.get_mut(&entry) {
            list.remove(&source);
            if list.len() < LONG / 2 {
                self.by_entry.remove(&entry);
            } else if list.len() * 4 < list.capacity() {
                list.shrink_to(list.len() * 2);
            }
        }
    }
}
