//! Exports an entry again; one with many paths in parts, to groups that are sent all of them.

use super::entry_paths::{EntryPaths, MANY};
use super::group::{ChangedPaths, ExportGroup};
use crate::family::RibFamily;
use crate::index::EntryIndex;
use crate::paths::Table;
use crate::shared::Shared;

/// How far an entry was exported.
pub(super) struct Exported {
    /// The paths, or one for an entry as a whole.
    pub(super) steps: usize,
    pub(super) is_done: bool,
}

impl Exported {
    const WHOLE: Self = Self { steps: 1, is_done: true };
}

/// Exports an entry to groups, or up to `limit` of the `paths` that are left of it.
///
/// Paths that change meanwhile are exported when they do, and perhaps once more.
pub(super) fn export_entry<'g, P: RibFamily>(
    shared: &mut Shared,
    table: &mut Table<P>,
    index: EntryIndex,
    (paths, limit): (&mut EntryPaths, usize),
    groups: impl Iterator<Item = &'g mut ExportGroup>,
) -> Exported {
    if !table.is_in_use(index) {
        paths.clear();
        return Exported::WHOLE;
    }
    let entry = table.entry_mut(index);
    let is_begun = !paths.is_empty();
    let is_split = is_begun || entry.paths.len() > MANY;
    let mut split = Vec::new();
    for group in groups {
        if is_split && group.signature.sends_all() {
            split.push(group);
        } else if !is_begun {
            group.export_all(shared, entry, index);
        }
    }
    if split.is_empty() {
        paths.clear();
        return Exported::WHOLE;
    }
    if !is_begun {
        paths.begin(entry.paths.as_slice().iter().map(|path| path.source));
    }
    let part = paths.take_part(limit);
    for &source in &part {
        let path = table.path(index, source);
        let entry = table.entry_mut(index);
        for group in &mut split {
            group.export_paths(shared, entry, index, ChangedPaths::One(source, path));
        }
    }
    Exported { steps: part.len().max(1), is_done: paths.is_empty() }
}
