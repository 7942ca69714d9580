//! UPDATEs for many peers, which are written in a row.

use std::sync::Arc;

use margay_rib::EncodedUpdates;

use super::{DIRECT_OCTETS, OpenExportQueue, octets_of};

/// UPDATEs of the speaker for many peers. A few UPDATEs for a peer are held until those of all peers are
/// [written](Self::write): a process that reads for many of these peers then wakes up once.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    updates: Vec<EncodedUpdates>,
    held: Vec<Held>,
}

/// UPDATEs that are held for one peer, with the end of their range and their destination.
#[derive(Debug)]
struct Held {
    end: usize,
    queue: OpenExportQueue,
}

impl Burst {
    /// Number of peers for which UPDATEs are held.
    pub(crate) fn peers(&self) -> usize {
        self.held.len()
    }

    /// The vector for UPDATEs that are [sent](Self::send) next; it also contains earlier ones.
    pub(crate) fn updates(&mut self) -> &mut Vec<EncodedUpdates> {
        &mut self.updates
    }

    /// Length of the UPDATEs that are sent next.
    pub(crate) fn octets(&self) -> usize {
        octets_of(&self.updates[self.held_updates()..])
    }

    /// Sends the UPDATEs added since the last call, if any: at once if they are many, otherwise when all are
    /// written. Nothing may be held for the same peer, because it would be overtaken.
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

    /// Writes the held UPDATEs.
    pub(crate) fn write(&mut self) {
        let mut start = 0;
        for Held { end, queue } in &self.held {
            queue.send(&self.updates[start..*end]);
            start = *end;
        }
        // Freed together, not between peers.
        self.held.clear();
        self.updates.clear();
    }

    /// Number of UPDATEs that are held for peers already.
    fn held_updates(&self) -> usize {
        self.held.last().map_or(0, |held| held.end)
    }
}
