//! Prefixes at which the kernel does not hold what is wanted, and the reasons.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::index::EntryId;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Failures {
    by_entry: HashMap<EntryId, Failure>,
    /// Unreported failures; each once.
    unreported: VecDeque<EntryId>,
    is_unreported: HashSet<EntryId>,
    /// Whether something was refused for which no retry has been scheduled.
    refusal: bool,
}

#[derive(Debug)]
struct Failure {
    reason: String,
    /// Whether the kernel refused: nothing is requested again until something changes or time has passed.
    refused: bool,
    /// Whether the reason is to be reported.
    reported: bool,
}

/// Cause of a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The kernel refused, and will be asked again later.
    Refused,
    /// As [`Refused`](Self::Refused), but the kernel may accept a part: not reported before that is known.
    Probing,
    /// Blocked by something whose removal causes a message.
    Blocked,
}

impl Failures {
    pub(crate) fn set(&mut self, id: EntryId, reason: String, verdict: Verdict) {
        let refused = verdict != Verdict::Blocked;
        self.refusal |= refused;
        let former = self.by_entry.get(&id);
        let known = former.is_some_and(|failure| failure.reported && failure.reason == reason);
        let reported = known || verdict != Verdict::Probing;
        self.by_entry.insert(id, Failure { reason, refused, reported });
        if reported && !known {
            self.tell(id);
        }
    }

    /// Ends probing of these entries: the kernel accepts no part of what it refused. Returns them.
    pub(crate) fn end_probing_where(&mut self, which: impl Fn(EntryId) -> bool) -> Vec<EntryId> {
        let unreported = self.by_entry.iter_mut().filter(|(id, failure)| !failure.reported && which(**id));
        let mut ended = Vec::new();
        for (&id, failure) in unreported {
            failure.reported = true;
            ended.push(id);
        }
        ended.iter().for_each(|&id| self.tell(id));
        ended
    }

    /// Whether the kernel refused, and may accept a part.
    pub(crate) fn is_probing(&self, id: EntryId) -> bool {
        self.by_entry.get(&id).is_some_and(|failure| failure.refused && !failure.reported)
    }

    fn tell(&mut self, id: EntryId) {
        if self.is_unreported.insert(id) {
            self.unreported.push_back(id);
        }
    }

    /// Notes the refusal of something other than a route.
    pub(crate) fn note_refusal(&mut self) {
        self.refusal = true;
    }

    pub(crate) fn clear(&mut self, id: EntryId) {
        self.by_entry.remove(&id);
    }

    pub(crate) fn reason(&self, id: EntryId) -> Option<&str> {
        self.by_entry.get(&id).map(|failure| failure.reason.as_str())
    }

    /// Whether the kernel refused and is not to be asked yet.
    pub(crate) fn is_refused(&self, id: EntryId) -> bool {
        self.by_entry.get(&id).is_some_and(|failure| failure.refused)
    }

    pub(crate) fn allow_retry(&mut self, id: EntryId) {
        if let Some(failure) = self.by_entry.get_mut(&id) {
            failure.refused = false;
        }
    }

    pub(crate) fn allow_retry_where(&mut self, which: impl Fn(EntryId) -> bool) {
        for (_, failure) in self.by_entry.iter_mut().filter(|(id, _)| which(**id)) {
            failure.refused = false;
        }
    }

    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.by_entry.keys().copied().collect()
    }

    /// The entries and the reasons, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, &str)> {
        self.by_entry.iter().map(|(&id, failure)| (id, failure.reason.as_str()))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_entry.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_entry.is_empty()
    }

    pub(crate) fn has_unreported(&self) -> bool {
        !self.unreported.is_empty()
    }

    /// The next failure to report, each reason once.
    pub(crate) fn poll_unreported(&mut self) -> Option<(EntryId, &str)> {
        while let Some(id) = self.unreported.pop_front() {
            self.is_unreported.remove(&id);
            if self.by_entry.contains_key(&id) {
                return Some((id, self.by_entry[&id].reason.as_str()));
            }
        }
        None
    }

    /// Whether the kernel has refused anything since the last call, so that a retry has to be scheduled.
    pub(crate) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refusal)
    }
}
