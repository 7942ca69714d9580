//! A transfer that is not complete yet.

use std::collections::BTreeSet;

use crate::change::PayloadChange;
use crate::payload::RoutePayload;

/// The most payloads that are taken from a cache. All of the Internet's are half a million.
pub const MAX_PAYLOADS: usize = 5_000_000;

/// The payloads of an answer so far. They are in use when it is complete.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The session in the Cache Response.
    pub(super) session: u16,
    /// Whether the answer has all payloads; otherwise changes of those that are there.
    is_whole: bool,
    added: BTreeSet<RoutePayload>,
    removed: BTreeSet<RoutePayload>,
}

/// Why a payload is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TransferFault {
    /// It is announced, and is there already.
    Known,
    /// It is withdrawn, and is not there.
    Unknown,
    /// There are more than are taken.
    TooMany,
}

impl Incoming {
    /// The answer to a Reset Query.
    pub(super) fn whole(session: u16) -> Self {
        Self { session, is_whole: true, added: BTreeSet::new(), removed: BTreeSet::new() }
    }

    /// The answer to a Serial Query.
    pub(super) fn difference(session: u16) -> Self {
        Self { is_whole: false, ..Self::whole(session) }
    }

    /// Takes one payload, where these are in use.
    pub(super) fn take(
        &mut self,
        present: &BTreeSet<RoutePayload>,
        payload: RoutePayload,
        is_announced: bool,
    ) -> Result<(), TransferFault> {
        let was_there = !self.is_whole && present.contains(&payload);
        let is_there = self.added.contains(&payload) || was_there && !self.removed.contains(&payload);
        match (is_announced, is_there) {
            (true, true) => return Err(TransferFault::Known),
            (false, false) => return Err(TransferFault::Unknown),
            (true, false) if was_there => {
                self.removed.remove(&payload);
            }
            (true, false) => {
                self.added.insert(payload);
            }
            (false, true) if was_there => {
                self.removed.insert(payload);
            }
            (false, true) => {
                self.added.remove(&payload);
            }
        }
        let kept = if self.is_whole { 0 } else { present.len() };
        if kept + self.added.len() > MAX_PAYLOADS { Err(TransferFault::TooMany) } else { Ok(()) }
    }

    /// Puts the transfer into effect. Returns what it changes.
    pub(super) fn finish(self, present: &mut BTreeSet<RoutePayload>) -> PayloadChange {
        let (added, removed): (Vec<_>, Vec<_>) = if self.is_whole {
            let added = self.added.difference(present).copied().collect();
            let removed = present.difference(&self.added).copied().collect();
            (added, removed)
        } else {
            (self.added.into_iter().collect(), self.removed.into_iter().collect())
        };
        removed.iter().for_each(|payload| {
            present.remove(payload);
        });
        present.extend(added.iter().copied());
        PayloadChange { added, removed }
    }
}
