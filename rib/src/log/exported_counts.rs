//! Number of exported slots of a log, by the peer that announced the path.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::index::PeerIndex;

/// See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct ExportedCounts {
    by_source: HashMap<PeerIndex, usize, FixedState>,
    total: usize,
}

impl ExportedCounts {
    pub(super) fn new() -> Self {
        Self { by_source: HashMap::with_hasher(FixedState::default()), total: 0 }
    }

    /// Updates the counts for a slot that changed from a path of `former` to one of `present`.
    pub(super) fn on_changed(&mut self, former: Option<PeerIndex>, present: Option<PeerIndex>) {
        if former == present {
            return;
        }
        if let Some(source) = present {
            *self.by_source.entry(source).or_insert(0) += 1;
            self.total += 1;
        }
        if let Some(source) = former
            && let Some(count) = self.by_source.get_mut(&source)
        {
            *count -= 1;
            self.total -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// Number of all exported slots.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Number of slots exported to a reader that is `peer`: all but its own paths.
    pub(super) fn exported_to(&self, peer: PeerIndex) -> usize {
        self.total - self.by_source.get(&peer).copied().unwrap_or(0)
    }
}
