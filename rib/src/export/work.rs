//! Work on export groups that is split into parts, because it would take too long at once.

use std::collections::VecDeque;

use roaring::RoaringBitmap;

use super::group::ExportGroup;
use crate::index::GroupId;

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
    Export(RoaringBitmap),
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

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The former groups whose logs are being freed.
    pub(crate) fn drained(&self) -> impl Iterator<Item = &ExportGroup> {
        self.0.iter().filter_map(|work| match work {
            Work::Drain(group) => Some(&**group),
            Work::Fill(_) | Work::Settle(_) | Work::Export(_) | Work::Regroup => None,
        })
    }
}
