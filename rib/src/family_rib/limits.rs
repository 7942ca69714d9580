//! Limits of a peer's paths: which paths are refused for them, and what is accepted when there is room again.

use bgp_codec::PathId;

use super::route_table::RouteTable;
use crate::family::RibFamily;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::options::PathLimits;
use crate::paths::{ImportOutcome, ImportRefusal, Path};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

impl<P: RibFamily> RouteTable<P> {
    /// Whether an announcement adds a path of a peer that has as many as it may have. It must not be entered then.
    pub(super) fn is_beyond_limit(
        &self,
        shared: &Shared,
        peer: PeerIndex,
        limits: PathLimits,
        (index, path_id): (EntryIndex, PathId),
    ) -> bool {
        if limits.received.is_none() {
            return false;
        }
        let received = shared.peers.routes(P::INDEX, peer).map_or(0, |routes| routes.received);
        let has_path = || {
            let source = shared.sources.find(peer, path_id);
            source.is_some_and(|source| self.table.path(index, source).is_some())
        };
        limits.are_received_full(received) && !has_path()
    }

    /// Counts announcements of a peer that were not entered, and removes entries that were made for them.
    pub(super) fn drop_beyond_limit(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        dropped: Vec<EntryIndex>,
    ) {
        if !dropped.is_empty()
            && let Some(routes) = shared.peers.routes_mut(P::INDEX, peer)
        {
            routes.beyond_limits.get_or_insert_default().dropped += dropped.len() as u64;
        }
        dropped.into_iter().for_each(|index| self.table.remove_if_unused(index));
    }

    /// A path that is about to be entered: refused if it would be accepted beyond its peer's limit. A path that replaces an
    /// accepted one takes its place.
    pub(super) fn within_limit(
        &self,
        shared: &Shared,
        peer: PeerIndex,
        limits: PathLimits,
        index: EntryIndex,
        path: Path,
    ) -> Path {
        if limits.accepted.is_none() || path.import.handle().is_none() {
            return path;
        }
        let accepted = shared.peers.routes(P::INDEX, peer).map_or(0, |routes| routes.accepted);
        let replaces_accepted =
            || self.table.path(index, path.source).is_some_and(|old| old.import.handle().is_some());
        if limits.are_accepted_full(accepted) && !replaces_accepted() {
            Path { import: ImportOutcome::refused(ImportRefusal::OverLimit), ..path }
        } else {
            path
        }
    }

    /// Notes that a path of a peer has gone or is no longer accepted, which may make room for others.
    pub(super) fn on_room(&mut self, shared: &Shared, peer: PeerIndex) {
        let beyond = shared.peers.routes(P::INDEX, peer).and_then(|routes| routes.beyond_limits.as_ref());
        if beyond.is_some_and(|beyond| beyond.paths > 0) && self.has_room(shared, peer) {
            self.roomy_peers.insert(peer);
        }
    }

    fn has_room(&self, shared: &Shared, peer: PeerIndex) -> bool {
        let Some(options) = shared.peers.in_use(peer) else { return false };
        let accepted = shared.peers.routes(P::INDEX, peer).map_or(0, |routes| routes.accepted);
        !options.rules.limits.are_accepted_full(accepted)
    }

    /// Imports up to `limit` paths of a peer again that were refused for its limit, as long as there is room. Returns whether
    /// there are more.
    pub(super) fn readmit(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        import: &ImportPolicy<'_>,
        limit: usize,
    ) -> bool {
        let mut left = limit;
        while self.has_room(shared, peer) {
            let routes = shared.peers.routes(P::INDEX, peer);
            let beyond = routes.and_then(|routes| routes.beyond_limits.as_ref());
            let Some(index) = beyond.and_then(|beyond| beyond.entries.min()).map(EntryIndex) else {
                return false;
            };
            if left == 0 {
                return true;
            }
            match self.over_limit_sources(shared, peer, index).first() {
                Some(&source) => self.reimport(shared, peer, index, import, &[source]),
                None => {
                    let routes = shared.peers.routes_mut(P::INDEX, peer);
                    if let Some(beyond) = routes.and_then(|routes| routes.beyond_limits.as_mut()) {
                        beyond.entries.remove(index.0);
                    }
                }
            }
            left -= 1;
        }
        false
    }

    /// The sources of a peer whose paths to an entry are refused for its limit.
    fn over_limit_sources(&self, shared: &Shared, peer: PeerIndex, index: EntryIndex) -> Vec<SourceIndex> {
        let is_over = |&source: &SourceIndex| {
            let path = self.table.path(index, source);
            path.is_some_and(|path| path.import.result() == Err(ImportRefusal::OverLimit))
        };
        self.all_sources_of(shared, index, peer).into_iter().filter(is_over).collect()
    }
}
