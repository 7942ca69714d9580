//! A list in pages, all at the revision of the first one.

use margay_timestamp::Timestamp;

use super::message::{ListRequest, Page};
use crate::{Change, KeyRange, Mirror, Revision};

/// A list that is under way.
///
/// Differences are staged and come into force together: a list that breaks off in the middle leaves no mixture of two
/// revisions. Keys that have not changed cost nothing.
#[derive(Debug)]
pub(super) struct Listing {
    /// What is still to be listed.
    rest: KeyRange,
    /// Known from the first page on.
    pub(super) revision: Option<Revision>,
    staged: Vec<Change>,
    pub(super) deadline: Timestamp,
}

impl Listing {
    pub(super) fn new(range: KeyRange, deadline: Timestamp) -> Self {
        Self { rest: range, revision: None, staged: Vec::new(), deadline }
    }

    pub(super) fn request(&self, limit: u32) -> ListRequest {
        ListRequest { range: self.rest.clone(), at: self.revision, limit }
    }

    pub(super) fn take_page(&mut self, mirror: &mut Mirror, page: &Page) {
        self.revision.get_or_insert(page.revision);
        let last = page.key_values.last().filter(|_| page.more);
        let covered = last.map_or_else(|| self.rest.clone(), |last| self.rest.up_to(&last.key));
        mirror.compare(&covered, &page.key_values, &mut self.staged);
        if let Some(last) = last {
            self.rest = self.rest.after(&last.key);
        }
    }

    /// Brings what differs into force and returns it.
    pub(super) fn finish(&mut self, mirror: &mut Mirror) -> Vec<Change> {
        for change in &self.staged {
            mirror.apply(change);
        }
        std::mem::take(&mut self.staged)
    }
}
