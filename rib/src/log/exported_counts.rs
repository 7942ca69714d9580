//! How many slots of a log are exported, by the peer that the path came from.

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

    /// A slot was exported with a path of `former`, and is now with one of `present`.
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

    /// How many are exported.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How many are exported to a reader that is `peer`: not those that came from it.
    pub(super) fn exported_to(&self, peer: PeerIndex) -> usize {
        self.total - self.by_source.get(&peer).copied().unwrap_or(0)
    }
}
