//! A peer's route refresh with marks around it (RFC 7313): what it does not repeat is swept.

use super::route_table::RouteTable;
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::shared::Shared;

impl<P: RibFamily> RouteTable<P> {
    /// Removes stale paths of a peer from up to `limit` entries. Returns whether there are more.
    pub(super) fn sweep_stale(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) else { return false };
        let Some(mut sweeping) = routes.refresh_in.take_stale() else { return false };
        for index in sweeping.entries.iter().take(limit).map(EntryIndex) {
            if !self.table.is_in_use(index) {
                continue;
            }
            let is_stale = |&source: &SourceIndex| {
                shared.sources.get(source).peer == peer && !sweeping.is_fresh(index, source)
            };
            let paths = self.table.entry(index).paths.as_slice();
            let stale: Vec<SourceIndex> = paths.iter().map(|path| path.source).filter(is_stale).collect();
            for source in stale {
                self.remove(shared, index, source);
            }
        }
        sweeping.entries.remove_smallest(limit as u64);
        let more = !sweeping.entries.is_empty();
        if more && let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.refresh_in.sweep_later(sweeping);
        }
        more
    }
}
