//! Route refresh with marks around the answer (RFC 7313): ours to a peer, and a peer's to us.

use bgp_codec::{Family, RouteRefresh};
use bytes::BytesMut;
use roaring::{RoaringBitmap, RoaringTreemap};

use crate::export::EncodedUpdates;
use crate::family::RibFamily;
use crate::family_rib::{FamilyRib, Shared};
use crate::paths::EntryIndex;
use crate::paths::SourceIndex;
use crate::peers::PeerIndex;
use crate::rib::{Rib, Work};

/// How far a peer's wish to be told everything again has been met.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RefreshOut {
    #[default]
    None,
    /// It has not begun.
    Wanted,
    /// The first mark is told, and the second is not.
    UnderWay,
}

/// A peer tells everything again: what it does not repeat is stale.
#[derive(Debug, Default)]
pub(crate) struct RefreshIn {
    /// The one that has begun.
    receiving: Option<Stale>,
    /// The last one that has ended, until it is swept. Whatever one before it left over is stale in it, too.
    sweeping: Option<Stale>,
}

#[derive(Debug)]
struct Stale {
    /// The entries with a path from the peer when it began, and that are not swept.
    entries: RoaringBitmap,
    /// The paths that were announced since, by source and entry.
    fresh: RoaringTreemap,
}

impl RefreshIn {
    pub(crate) fn is_under_way(&self) -> bool {
        self.receiving.is_some() || self.sweeping.is_some()
    }

    /// A path was announced.
    pub(crate) fn on_announced(&mut self, entry: EntryIndex, source: SourceIndex) {
        for stale in self.receiving.iter_mut().chain(&mut self.sweeping) {
            stale.fresh.insert(path_number(entry, source));
        }
    }
}

/// The mark that the answer to a ROUTE-REFRESH begins or ends.
pub(crate) fn refresh_mark(family: Family, subtype: u8) -> EncodedUpdates {
    let mut out = BytesMut::new();
    RouteRefresh { family, subtype }.encode(&mut out);
    EncodedUpdates::refresh_mark(out.freeze())
}

impl Rib {
    /// The peer begins to tell everything again (BoRR). Whatever it told before is stale from now on; should there be a
    /// refresh already, it begins anew.
    pub fn begin_refresh(&mut self, peer: PeerIndex, family: Family) {
        match family {
            Family::IPV4_UNICAST => self.ipv4.begin_refresh(&mut self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.begin_refresh(&mut self.shared, peer),
            _ => {}
        }
    }

    /// The peer has told everything (EoRR): [`work`](Self::work) removes what is still stale. Without a beginning it says
    /// nothing.
    pub fn end_refresh(&mut self, peer: PeerIndex, family: Family) {
        let ends = match family {
            Family::IPV4_UNICAST => self.ipv4.end_refresh(&mut self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.end_refresh(&mut self.shared, peer),
            _ => false,
        };
        if ends {
            self.work.push_back(Work::SweepStale(family, peer));
        }
    }
}

impl<P: RibFamily> FamilyRib<P> {
    fn begin_refresh(&self, shared: &mut Shared, peer: PeerIndex) {
        if shared.peers.up(peer).is_some()
            && let Some(routes) = shared.peers.routes_mut::<P>(peer)
        {
            let (entries, fresh) = (routes.entries.clone(), RoaringTreemap::new());
            routes.refresh_in.receiving = Some(Stale { entries, fresh });
        }
    }

    /// Answers whether there is something to sweep.
    fn end_refresh(&self, shared: &mut Shared, peer: PeerIndex) -> bool {
        let Some(routes) = shared.peers.routes_mut::<P>(peer) else { return false };
        let ended = routes.refresh_in.receiving.take();
        let ends = ended.is_some();
        if ends {
            routes.refresh_in.sweeping = ended;
        }
        ends
    }

    /// Removes stale paths of a peer from up to `limit` entries. Answers whether there are more.
    pub(crate) fn sweep_stale(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut::<P>(peer) else { return false };
        let Some(mut sweeping) = routes.refresh_in.sweeping.take() else { return false };
        for index in sweeping.entries.iter().take(limit).map(EntryIndex) {
            if !self.table.is_in_use(index) {
                continue;
            }
            let is_stale = |&source: &SourceIndex| {
                let is_fresh = sweeping.fresh.contains(path_number(index, source));
                shared.sources.get(source).peer == peer && !is_fresh
            };
            let paths = self.table.entry(index).paths.as_slice();
            let stale: Vec<SourceIndex> = paths.iter().map(|path| path.source).filter(is_stale).collect();
            for source in stale {
                self.remove(shared, index, source);
            }
        }
        sweeping.entries.remove_smallest(limit as u64);
        let more = !sweeping.entries.is_empty();
        if more && let Some(routes) = shared.peers.routes_mut::<P>(peer) {
            routes.refresh_in.sweeping = Some(sweeping);
        }
        more
    }
}

/// Sources are few and entries many: paths of one source lie close together.
fn path_number(entry: EntryIndex, source: SourceIndex) -> u64 {
    u64::from(source.0) << 32 | u64::from(entry.0)
}
