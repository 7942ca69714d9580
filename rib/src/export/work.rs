//! Work on export groups that is split into parts, because it would take too long at once.

use std::collections::VecDeque;

use roaring::RoaringBitmap;

use super::entry_paths::EntryPaths;
use super::group::ExportGroup;
use crate::index::{EntryIndex, GroupId};

/// Pending work, in the order in which it is due.
#[derive(Debug, Default)]
pub(crate) struct GroupWork(VecDeque<Work>);

/// One kind of work on groups.
#[derive(Debug)]
pub(super) enum Work {
    /// Enter the table into the log of a group that is new or has new rules.
    Fill(GroupId),
    /// Free the log of a former group.
    Drain(Box<ExportGroup>),
    /// Forget the withdrawals that waited only for a member that left.
    Settle(GroupId),
    /// Export entries again.
    Export(RoaringBitmap, EntryPaths),
    /// Move members whose rules differ from their group's into groups that have theirs.
    Regroup,
}

impl GroupWork {
    pub(super) fn pop(&mut self) -> Option<Work> {
        self.0.pop_front()
    }

    pub(super) fn push(&mut self, work: Work) {
        self.0.push_back(work);
    }

    /// Whether an entry is going to be exported again, all of it.
    pub(super) fn exports(&self, index: EntryIndex) -> bool {
        let exports = |work: &Work| matches!(work, Work::Export(entries, paths) if paths.is_empty() && entries.contains(index.0));
        self.0.iter().any(exports)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The former groups whose logs are being freed.
    pub(crate) fn drained(&self) -> impl Iterator<Item = &ExportGroup> {
        self.0.iter().filter_map(|work| match work {
            Work::Drain(group) => Some(&**group),
            Work::Fill(_) | Work::Settle(_) | Work::Export(..) | Work::Regroup => None,
        })
    }
}
