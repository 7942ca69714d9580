//! Route refresh with marks around the answer (RFC 7313): progress of those to a peer, and of those by a
//! peer.

use roaring::{RoaringBitmap, RoaringTreemap};

use crate::index::{EntryIndex, SourceIndex};

/// Progress of a refresh that the peer asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RefreshOut {
    #[default]
    None,
    /// Requested, and not begun.
    Wanted,
    /// The first mark has been sent, but not the second.
    UnderWay,
}

/// A refresh by a peer: paths that it does not repeat are stale.
#[derive(Debug, Default)]
pub(crate) struct RefreshIn {
    /// The refresh that is in progress.
    receiving: Option<Stale>,
    /// The last refresh that ended, until it is swept. Paths left over by an earlier one are stale in it,
    /// too.
    sweeping: Option<Stale>,
}

/// The paths that were not repeated in a refresh, as far as they are not swept.
#[derive(Debug)]
pub(crate) struct Stale {
    /// The entries with a path from the peer at the beginning, as far as they are not swept.
    pub(crate) entries: RoaringBitmap,
    /// The paths announced since then, by source and entry.
    fresh: RoaringTreemap,
}

impl RefreshIn {
    pub(crate) fn is_under_way(&self) -> bool {
        self.receiving.is_some() || self.sweeping.is_some()
    }

    /// Starts a refresh by a peer with paths to these entries.
    pub(crate) fn begin(&mut self, entries: RoaringBitmap) {
        self.receiving = Some(Stale { entries, fresh: RoaringTreemap::new() });
    }

    /// Ends the refresh. Returns whether there are paths to sweep.
    pub(crate) fn end(&mut self) -> bool {
        let ended = self.receiving.take();
        let ends = ended.is_some();
        if ends {
            self.sweeping = ended;
        }
        ends
    }

    /// Takes the paths to be swept, while a part of them is swept; [`sweep_later`](Self::sweep_later) puts
    /// back the rest.
    pub(crate) fn take_stale(&mut self) -> Option<Stale> {
        self.sweeping.take()
    }

    pub(crate) fn sweep_later(&mut self, stale: Stale) {
        self.sweeping = Some(stale);
    }

    /// Notes that a path was announced.
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

/// Number of a path. Sources are few and entries many: the paths of one source are numbered close together.
fn path_number(entry: EntryIndex, source: SourceIndex) -> u64 {
    u64::from(source.0) << 32 | u64::from(entry.0)
}
