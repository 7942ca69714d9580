//! UPDATEs for many peers that are written to one right after the other.

use std::sync::Arc;

use margay_rib::EncodedUpdates;

use super::{DIRECT_OCTETS, OpenExportQueue, octets_of};

/// What the speaker has for many peers. A few UPDATEs for a peer are held until those of all peers are [written](Self::write): a
/// reader that serves many of these peers then wakes up once.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    updates: Vec<EncodedUpdates>,
    held: Vec<Held>,
}

/// UPDATEs that are held for one peer, from the end of those for the peer before, and where they go.
#[derive(Debug)]
struct Held {
    end: usize,
    queue: OpenExportQueue,
}

impl Burst {
    /// How many peers something is held for.
    pub(crate) fn peers(&self) -> usize {
        self.held.len()
    }

    /// The place for UPDATEs that are [sent](Self::send) next; others stand before them.
    pub(crate) fn updates(&mut self) -> &mut Vec<EncodedUpdates> {
        &mut self.updates
    }

    /// The length of the UPDATEs that are sent next.
    pub(crate) fn octets(&self) -> usize {
        octets_of(&self.updates[self.held_updates()..])
    }

    /// Sends the UPDATEs that were added since this was called last, if any: at once if they are many, and else when all
    /// are written. Nothing may be held for the same peer, for it would be overtaken.
    pub(crate) fn send(&mut self, queue: OpenExportQueue) {
        let start = self.held_updates();
        if start == self.updates.len() {
            return;
        }
        debug_assert!(
            !self.held.iter().any(|held| Arc::ptr_eq(&held.queue.outbound, &queue.outbound)),
            "what is held would be overtaken"
        );
        if self.octets() > DIRECT_OCTETS {
            queue.send(&self.updates[start..]);
            self.updates.truncate(start);
        } else {
            self.held.push(Held { end: self.updates.len(), queue });
        }
    }

    /// Writes what is held.
    pub(crate) fn write(&mut self) {
        let mut start = 0;
        for Held { end, queue } in &self.held {
            queue.send(&self.updates[start..*end]);
            start = *end;
        }
        // Freed all at once, and not between one peer and the next.
        self.held.clear();
        self.updates.clear();
    }

    /// How many of the UPDATEs are held for a peer already.
    fn held_updates(&self) -> usize {
        self.held.last().map_or(0, |held| held.end)
    }
}
