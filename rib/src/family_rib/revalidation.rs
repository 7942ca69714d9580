//! The search for the routes that changed payloads concern.

use std::collections::BTreeMap;

use margay_rpki::PayloadTable;
use roaring::RoaringBitmap;

use super::route_table::RouteTable;
use crate::family::RibFamily;
use crate::index::PeerIndex;
use crate::shared::Shared;

/// A search that is under way: the table is gone through in parts.
#[derive(Debug)]
pub(crate) struct Revalidation {
    /// Payloads that came or went.
    changed: PayloadTable,
    /// The first entry that was not looked at yet.
    next: u32,
    /// The entries so far, and those with paths of peers whose import filters ask for the state.
    pub(super) found: RoaringBitmap,
    pub(super) of_peers: BTreeMap<PeerIndex, RoaringBitmap>,
}

/// Paths of an entry that are looked at in one step.
const PATHS_PER_STEP: usize = 16;

impl Revalidation {
    pub(super) fn new(changed: &PayloadTable) -> Self {
        Self { changed: changed.clone(), next: 0, found: RoaringBitmap::new(), of_peers: BTreeMap::new() }
    }

    /// Starts from the first entry again with further changes.
    pub(super) fn start_again(&mut self, changed: &PayloadTable) {
        self.changed.extend(changed);
        self.next = 0;
    }

    /// Looks at some more entries. Returns whether there are more.
    pub(super) fn search<P: RibFamily>(
        &mut self,
        shared: &Shared,
        routes: &RouteTable<P>,
        limit: usize,
    ) -> bool {
        let mut left = limit;
        for (index, entry) in routes.table.iter_from(self.next) {
            if left == 0 {
                return true;
            }
            left = left.saturating_sub(1);
            self.next = index.0 + 1;
            if !self.changed.covers(entry.prefix.erase()) {
                continue;
            }
            self.found.insert(index.0);
            left = left.saturating_sub(entry.paths.len() / PATHS_PER_STEP);
            for path in entry.paths.as_slice() {
                let peer = shared.sources.get(path.source).peer;
                if asks(shared, peer) {
                    self.of_peers.entry(peer).or_default().insert(index.0);
                }
            }
        }
        false
    }
}

/// Whether any filter asks for the result of origin validation.
pub(super) fn is_wanted<P: RibFamily>(shared: &Shared, routes: &RouteTable<P>) -> bool {
    routes.forwarding_filter.looks_at_rpki()
        || !routes.own_routes.aggregates.is_empty()
        || routes.groups.look_at_rpki()
        || shared.peers.all_in_use().iter().any(|&peer| asks(shared, peer))
}

/// Whether the import filters of a peer ask for it.
fn asks(shared: &Shared, peer: PeerIndex) -> bool {
    shared.peers.in_use(peer).is_some_and(|options| options.rules.import.looks_at_rpki())
}
