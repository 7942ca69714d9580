//! Index by source for lists that are too long for a linear search.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::index::{EntryIndex, SourceIndex};

/// The item of each source in the long lists of some entries. Short lists are searched and not indexed:
/// nearly all lists are short, and an index costs more than a path.
#[derive(Debug)]
pub(crate) struct LongLists<T> {
    by_entry: HashMap<EntryIndex, HashMap<SourceIndex, T, FixedState>, FixedState>,
}

/// A longer list is worth an index.
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

    /// The item of a source in the list of an entry with an index.
    pub(crate) fn find(&self, entry: EntryIndex, source: SourceIndex) -> Option<T> {
        self.by_entry.get(&entry)?.get(&source).copied()
    }

    /// Indexes an entry, with all items of its list.
    pub(crate) fn add(&mut self, entry: EntryIndex, items: impl IntoIterator<Item = (SourceIndex, T)>) {
        self.by_entry.insert(entry, items.into_iter().collect());
    }

    /// Sets the item of a source, if the list has an index.
    pub(crate) fn set(&mut self, entry: EntryIndex, source: SourceIndex, item: T) {
        if let Some(list) = self.by_entry.get_mut(&entry) {
            list.insert(source, item);
        }
    }

    /// Removes the item of a source. The index is dropped when most of a long list is gone.
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
