//! Route refresh with marks around the answer (RFC 7313): how far ours to a peer is, and a peer's to us.

use roaring::{RoaringBitmap, RoaringTreemap};

use crate::index::{EntryIndex, SourceIndex};

/// Progress of a refresh that the peer asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RefreshOut {
    #[default]
    None,
    /// It has not begun.
    Wanted,
    /// The first mark has been sent, and the second has not.
    UnderWay,
}

/// A refresh by a peer: what it does not announce again is stale.
#[derive(Debug, Default)]
pub(crate) struct RefreshIn {
    /// The one that has begun.
    receiving: Option<Stale>,
    /// The last one that has ended, until it is swept. What one before it left over is stale in it, too.
    sweeping: Option<Stale>,
}

/// The paths of a refresh that were not repeated, as far as they are not swept.
#[derive(Debug)]
pub(crate) struct Stale {
    /// The entries with a path from the peer when it began, and that are not swept.
    pub(crate) entries: RoaringBitmap,
    /// The paths that were announced since, by source and entry.
    fresh: RoaringTreemap,
}

impl RefreshIn {
    pub(crate) fn is_under_way(&self) -> bool {
        self.receiving.is_some() || self.sweeping.is_some()
    }

    /// The peer begins, with paths to these entries.
    pub(crate) fn begin(&mut self, entries: RoaringBitmap) {
        self.receiving = Some(Stale { entries, fresh: RoaringTreemap::new() });
    }

    /// The peer has announced everything. Returns whether there is something to sweep.
    pub(crate) fn end(&mut self) -> bool {
        let ended = self.receiving.take();
        let ends = ended.is_some();
        if ends {
            self.sweeping = ended;
        }
        ends
    }

    /// What is to be swept, for as long as a part of it is; [`sweep_later`](Self::sweep_later) takes back the rest.
    pub(crate) fn take_stale(&mut self) -> Option<Stale> {
        self.sweeping.take()
    }

    pub(crate) fn sweep_later(&mut self, stale: Stale) {
        self.sweeping = Some(stale);
    }

    /// A path was announced.
    pub(crate) fn on_announced(&mut self, entry: EntryIndex, source: SourceIndex) {
        for stale in self.receiving.iter_mut().chain(&mut self.sweeping) {
            stale.fresh.insert(path_number(entry, source));
        }
    }
}

impl Stale {
    /// Whether a path of the peer was repeated.
    pub(crate) fn is_fresh(&self, entry: EntryIndex, source: SourceIndex) -> bool {
        self.fresh.contains(path_number(entry, source))
    }
}

/// Sources are few and entries many: paths of one source lie close together.
fn path_number(entry: EntryIndex, source: SourceIndex) -> u64 {
    u64::from(source.0) << 32 | u64::from(entry.0)
}
