//! What is left of an entry with many paths that is exported in parts.

use crate::index::SourceIndex;

/// Entries with more paths are exported in parts.
pub(crate) const MANY: usize = 2048;

/// The sources whose paths to the entry are still to be exported.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryPaths(Vec<SourceIndex>);

impl EntryPaths {
    /// Whether no entry is being exported.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins with an entry that has paths from these sources.
    pub(super) fn begin(&mut self, sources: impl Iterator<Item = SourceIndex>) {
        self.0 = sources.collect();
    }

    /// Forgets the entry.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The next sources, at most `limit`.
    pub(super) fn take_part(&mut self, limit: usize) -> Vec<SourceIndex> {
        self.0.split_off(self.0.len().saturating_sub(limit))
    }
}
