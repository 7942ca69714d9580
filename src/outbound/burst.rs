//! UPDATEs for many peers that are written to one right after the other.

use std::sync::Arc;

use margay_rib::EncodedUpdates;

use super::{DIRECT_OCTETS, OpenExportQueue, octets_of};

/// What the speaker has for many peers. A few UPDATEs for a peer are held until everybody's are [written](Self::write): who
/// reads for all of these peers need then be woken but once.
#[derive(Debug, Default)]
pub struct Burst {
    updates: Vec<EncodedUpdates>,
    letters: Vec<Letter>,
}

/// The updates from the end of the letter before to the end of this one, and where they go.
#[derive(Debug)]
struct Letter {
    end: usize,
    queue: OpenExportQueue,
}

impl Burst {
    /// How many peers something is held for.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.letters.len()
    }

    /// The place for UPDATEs that are [sent](Self::send) next; others stand before them.
    pub fn updates(&mut self) -> &mut Vec<EncodedUpdates> {
        &mut self.updates
    }

    /// The length of the UPDATEs that are sent next.
    #[must_use]
    pub fn octets(&self) -> usize {
        octets_of(&self.updates[self.held()..])
    }

    /// Sends the UPDATEs that were added since this was called last, if any: at once if they are many, and else when all
    /// are written. Nothing may be held for the same peer, for it would be overtaken.
    pub fn send(&mut self, queue: OpenExportQueue) {
        let held = self.held();
        if held == self.updates.len() {
            return;
        }
        debug_assert!(
            !self.letters.iter().any(|letter| Arc::ptr_eq(&letter.queue.outbound, &queue.outbound)),
            "what is held would be overtaken"
        );
        if self.octets() > DIRECT_OCTETS {
            queue.send(&self.updates[held..]);
            self.updates.truncate(held);
        } else {
            self.letters.push(Letter { end: self.updates.len(), queue });
        }
    }

    /// Writes what is held.
    pub fn write(&mut self) {
        let mut start = 0;
        for Letter { end, queue } in &self.letters {
            queue.send(&self.updates[start..*end]);
            start = *end;
        }
        // Freed all at once, and not between one peer and the next.
        self.letters.clear();
        self.updates.clear();
    }

    /// How many of the UPDATEs are held for a peer already.
    fn held(&self) -> usize {
        self.letters.last().map_or(0, |letter| letter.end)
    }
}
