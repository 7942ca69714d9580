//! Work on the paths of a family that is split into parts, because it would take too long at once.

use std::collections::VecDeque;

use margay_rpki::PayloadTable;
use roaring::RoaringBitmap;

use super::revalidation::Revalidation;
use crate::index::{PeerIndex, SourceIndex};

/// Pending work, in the order in which it is due.
#[derive(Debug, Default)]
pub(crate) struct PathWork(VecDeque<Work>);

/// One kind of work on paths.
#[derive(Debug)]
pub(crate) enum Work {
    /// Remove the paths of a peer whose session is down.
    Sweep(PeerIndex),
    /// Remove the paths that a peer did not repeat in a route refresh.
    SweepStale(PeerIndex),
    /// Decide again, after a change of next hop costs.
    Redecide(RoaringBitmap),
    /// Find out which of these entries contribute to aggregates.
    Contribute(RoaringBitmap),
    /// Decide about the undecided entries.
    Decide,
    /// Accept paths of a peer that were refused for its limit, as long as there is room.
    Readmit(PeerIndex),
    /// Find the entries that changed payloads concern, and import and export them again.
    Revalidate(Box<Revalidation>),
    /// Import a peer's paths to these entries again, after a change of its rules; to the first one, those from
    /// these sources, if there are any.
    Reimport(PeerIndex, RoaringBitmap, Vec<SourceIndex>),
}

impl PathWork {
    pub(crate) fn push(&mut self, work: Work) {
        self.0.push_back(work);
    }

    /// Adds entries to those that will be decided again.
    pub(crate) fn redecide(&mut self, entries: RoaringBitmap) {
        if entries.is_empty() {
            return;
        }
        let known = self.0.iter_mut().find_map(|work| match work {
            Work::Redecide(waiting) => Some(waiting),
            Work::Sweep(_)
            | Work::SweepStale(_)
            | Work::Contribute(_)
            | Work::Decide
            | Work::Readmit(_)
            | Work::Revalidate(_)
            | Work::Reimport(..) => None,
        });
        match known {
            Some(waiting) => *waiting |= entries,
            None => self.0.push_back(Work::Redecide(entries)),
        }
    }

    /// Schedules a revalidation. One that is pending starts again with both changes.
    pub(crate) fn revalidate(&mut self, changed: &PayloadTable) {
        let known = self.0.iter_mut().find_map(|work| match work {
            Work::Revalidate(pending) => Some(pending),
            Work::Sweep(_)
            | Work::SweepStale(_)
            | Work::Redecide(_)
            | Work::Contribute(_)
            | Work::Decide
            | Work::Readmit(_)
            | Work::Reimport(..) => None,
        });
        match known {
            Some(pending) => pending.start_again(changed),
            None => self.push(Work::Revalidate(Box::new(Revalidation::new(changed)))),
        }
    }

    /// Schedules the undecided entries behind the work that is pending already.
    pub(crate) fn decide(&mut self) {
        if !self.0.iter().any(|work| matches!(work, Work::Decide)) {
            self.push(Work::Decide);
        }
    }

    /// Schedules the acceptance of paths of a peer, unless it is pending already.
    pub(crate) fn readmit(&mut self, peer: PeerIndex) {
        if !self.0.iter().any(|work| matches!(work, Work::Readmit(other) if *other == peer)) {
            self.push(Work::Readmit(peer));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Work> {
        self.0.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
