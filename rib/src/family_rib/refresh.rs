//! Sweep after a route refresh with marks (RFC 7313): removes the paths that the peer did not repeat.

use super::route_table::RouteTable;
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::shared::Shared;

impl<P: RibFamily> RouteTable<P> {
    /// Removes up to `limit` stale paths of a peer. Returns whether there are more.
    pub(super) fn sweep_stale(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) else { return false };
        let Some(mut sweeping) = routes.refresh_in.take_stale() else { return false };
        let mut left = limit;
        let mut swept = 0;
        for index in sweeping.entries.iter().take(limit).map(EntryIndex) {
            let is_stale = |&source: &SourceIndex| {
                shared.sources.get(source).peer == peer && !sweeping.is_fresh(index, source)
            };
            let paths = self.table.get(index).map_or(&[][..], |entry| entry.paths.as_slice());
            let sources = paths.iter().map(|path| path.source);
            let stale: Vec<SourceIndex> = sources.filter(is_stale).take(left).collect();
            stale.iter().for_each(|&source| self.remove(shared, index, source));
            if stale.len() == left {
                break;
            }
            left -= stale.len().max(1);
            swept += 1;
            if left == 0 {
                break;
            }
        }
        sweeping.entries.remove_smallest(swept);
        let more = !sweeping.entries.is_empty();
        if more && let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.refresh_in.sweep_later(sweeping);
        }
        more
    }
}
