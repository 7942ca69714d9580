//! The prefixes at which the kernel does not hold what is wanted, and why.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::index::EntryId;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Failures {
    by_entry: HashMap<EntryId, Failure>,
    /// Failures that have not been told yet; each once.
    untold: VecDeque<EntryId>,
    is_untold: HashSet<EntryId>,
    /// Whether something was refused that nobody has been told to try again.
    refusal: bool,
}

#[derive(Debug)]
struct Failure {
    reason: String,
    /// The kernel said no: nothing is asked again until something changes or time has passed.
    refused: bool,
    /// Whether the reason is for the daemon to know.
    told: bool,
}

/// Who stands in the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The kernel said no, and is asked again later.
    Refused,
    /// As [`Refused`](Self::Refused), but it may yet agree to a part: nobody is told before that is known.
    Probing,
    /// The way is blocked, and the message that frees it will be noticed.
    Blocked,
}

impl Failures {
    pub(crate) fn set(&mut self, id: EntryId, reason: String, verdict: Verdict) {
        let refused = verdict != Verdict::Blocked;
        self.refusal |= refused;
        let former = self.by_entry.get(&id);
        let known = former.is_some_and(|failure| failure.told && failure.reason == reason);
        let told = known || verdict != Verdict::Probing;
        self.by_entry.insert(id, Failure { reason, refused, told });
        if told && !known {
            self.tell(id);
        }
    }

    /// The kernel agrees to no part of what it refused at these entries.
    pub(crate) fn end_probing_where(&mut self, which: impl Fn(EntryId) -> bool) {
        let untold = self.by_entry.iter_mut().filter(|(id, failure)| !failure.told && which(**id));
        let mut ended = Vec::new();
        for (&id, failure) in untold {
            failure.told = true;
            ended.push(id);
        }
        ended.into_iter().for_each(|id| self.tell(id));
    }

    fn tell(&mut self, id: EntryId) {
        if self.is_untold.insert(id) {
            self.untold.push_back(id);
        }
    }

    /// Notes that something was refused that is no route.
    pub(crate) fn note_refusal(&mut self) {
        self.refusal = true;
    }

    pub(crate) fn clear(&mut self, id: EntryId) {
        self.by_entry.remove(&id);
    }

    pub(crate) fn reason(&self, id: EntryId) -> Option<&str> {
        self.by_entry.get(&id).map(|failure| failure.reason.as_str())
    }

    /// Whether the kernel said no and is not to be asked yet.
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

    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The next failure to tell, each reason once.
    pub(crate) fn poll_untold(&mut self) -> Option<(EntryId, &str)> {
        while let Some(id) = self.untold.pop_front() {
            self.is_untold.remove(&id);
            if self.by_entry.contains_key(&id) {
                return Some((id, self.by_entry[&id].reason.as_str()));
            }
        }
        None
    }

    /// Whether the kernel has refused anything since the last call, so that it has to be asked again later.
    pub(crate) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refusal)
    }
}
