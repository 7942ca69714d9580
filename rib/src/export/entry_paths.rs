//! An entry with many paths that is exported again in parts.

use super::group::{ChangedPaths, ExportGroup};
use crate::family::RibFamily;
use crate::index::{EntryIndex, SourceIndex};
use crate::paths::Table;
use crate::shared::Shared;

/// Entries with more paths are exported in parts.
pub(crate) const MANY: usize = 2048;

/// The paths of the entry that is being exported: those from these sources are left.
///
/// Paths that change meanwhile are exported when they do, and perhaps once more.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryPaths(Vec<SourceIndex>);

impl EntryPaths {
    /// Whether no entry is being exported.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Exports an entry, or up to `limit` paths of one that has many, to groups. Returns how many paths that was, and whether
    /// the entry is done.
    pub(super) fn export<'g, P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        table: &mut Table<P>,
        index: EntryIndex,
        limit: usize,
        groups: impl Iterator<Item = &'g mut ExportGroup>,
    ) -> (usize, bool) {
        if !table.is_in_use(index) {
            self.0.clear();
            return (1, true);
        }
        let entry = table.entry_mut(index);
        let is_begun = !self.0.is_empty();
        let has_many = entry.paths.len() > MANY;
        let mut in_parts = Vec::new();
        for group in groups {
            if group.sends_all() && (has_many || is_begun) {
                in_parts.push(group);
            } else if !is_begun {
                group.export_all(shared, entry, index);
            }
        }
        if in_parts.is_empty() {
            self.0.clear();
            return (1, true);
        }
        if !is_begun {
            self.0 = entry.paths.as_slice().iter().map(|path| path.source).collect();
        }
        let part = self.0.split_off(self.0.len().saturating_sub(limit));
        for &source in &part {
            let path = table.path(index, source);
            let entry = table.entry_mut(index);
            for group in &mut in_parts {
                group.export_paths(shared, entry, index, ChangedPaths::One(source, path));
            }
        }
        (part.len().max(1), self.0.is_empty())
    }
}
