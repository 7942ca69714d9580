//! One family: paths in, best paths out.

mod aggregates;
mod any;
mod limits;
mod own_routes;
mod refresh;
mod reimport;
mod revalidation;
mod route_table;
mod work;

use bgp_codec::{NlriBlock, Prefix};
use margay_filter::FilterChain;
use margay_rpki::PayloadTable;
use roaring::RoaringBitmap;

pub(crate) use self::any::{AnyFamilyRib, FamilyState, RulesChange};
use self::revalidation::Revalidation;
use self::route_table::RouteTable;
use self::work::{PathWork, Work};
use crate::attributes::AttributeHandle;
use crate::export::EncodedUpdates;
use crate::family::RibFamily;
use crate::forwarding::ForwardingChange;
use crate::index::{EntryIndex, PeerIndex};
use crate::options::{
    AggregateOptions, Departure, ForwardingOptions, KernelRouteView, LinkUsability, NetworkOptions,
    RibOptions, StaticRoute,
};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// The routes of one family, and the pending work on them.
#[derive(Debug)]
pub(crate) struct FamilyRib<P> {
    routes: RouteTable<P>,
    work: PathWork,
    /// Whether work on paths is next: it takes turns with work on groups.
    paths_are_next: bool,
}

impl<P: RibFamily> FamilyRib<P> {
    /// Makes an empty family. `forwarding` are the options of the forwarding table, if there is one.
    pub(crate) fn new(hash_seed: u64, forwarding: Option<ForwardingOptions>) -> Self {
        let routes = RouteTable::new(hash_seed, forwarding);
        Self { routes, work: PathWork::default(), paths_are_next: true }
    }

    /// Does a part of one piece of work on paths. Returns whether there is more.
    fn work_on_paths(
        &mut self,
        shared: &mut Shared,
        speaker: &RibOptions,
        work: &mut Work,
        steps: usize,
    ) -> bool {
        let limit = (steps / (self.routes.groups.len() + 1)).max(1);
        match work {
            Work::Sweep(peer) => {
                let more = self.routes.sweep(shared, *peer, limit);
                if !more {
                    shared.peers.remove_if_swept(*peer);
                }
                more
            }
            Work::SweepStale(peer) => self.routes.sweep_stale(shared, *peer, limit),
            Work::Redecide(entries) => {
                for index in take_some(entries, limit) {
                    if self.routes.table.is_in_use(index) {
                        self.routes.redecide(shared, index);
                    }
                }
                !entries.is_empty()
            }
            Work::Contribute(entries) => {
                for index in take_some(entries, limit) {
                    if self.routes.table.is_in_use(index) {
                        self.routes.contribute(shared, index);
                    }
                }
                !entries.is_empty()
            }
            Work::Decide => self.routes.decide(shared, limit),
            Work::Readmit(peer) => {
                let Some(options) = shared.peers.in_use(*peer).cloned() else { return false };
                let import = ImportPolicy { speaker, peer: &options };
                self.routes.readmit(shared, *peer, &import, (limit / 4).max(1))
            }
            Work::Revalidate(search) => {
                let more = search.search(shared, &self.routes, limit);
                if !more {
                    finish_revalidation(&mut self.routes, &mut self.work, search);
                }
                more
            }
            Work::Reimport(peer, entries, sources) => {
                // If the peer has left, its paths are swept instead.
                let Some(options) = shared.peers.in_use(*peer).cloned() else { return false };
                let import = ImportPolicy { speaker, peer: &options };
                // Each path is checked, filtered, and mostly has other attributes then.
                let mut left = (limit / 4).max(1);
                while left > 0
                    && let Some(index) = entries.min().map(EntryIndex)
                {
                    if sources.is_empty() {
                        *sources = self.routes.all_sources_of(shared, index, *peer);
                    }
                    let part = sources.split_off(sources.len().saturating_sub(left));
                    left -= part.len().max(1);
                    self.routes.reimport(shared, *peer, index, &import, &part);
                    if sources.is_empty() {
                        entries.remove(index.0);
                    }
                }
                !entries.is_empty()
            }
        }
    }
}

/// Has everything done again that may have another outcome with the new states of the routes that were found.
fn finish_revalidation<P: RibFamily>(
    routes: &mut RouteTable<P>,
    work: &mut PathWork,
    search: &mut Revalidation,
) {
    for (peer, entries) in std::mem::take(&mut search.of_peers) {
        work.push(Work::Reimport(peer, entries, Vec::new()));
    }
    let found = std::mem::take(&mut search.found);
    if found.is_empty() {
        return;
    }
    if routes.groups.look_at_rpki() {
        routes.groups.export_again(found.clone());
    }
    if !routes.own_routes.aggregates.is_empty() {
        work.push(Work::Contribute(found.clone()));
    }
    if routes.forwarding_filter.looks_at_rpki() {
        work.redecide(found);
    }
}

/// Removes the first `limit` entries and returns them.
fn take_some(entries: &mut RoaringBitmap, limit: usize) -> Vec<EntryIndex> {
    let first = entries.iter().take(limit).map(EntryIndex).collect();
    entries.remove_smallest(limit as u64);
    first
}

impl<P: RibFamily> AnyFamilyRib for FamilyRib<P> {
    fn read_ahead(&self, shared: &Shared, blocks: &mut dyn Iterator<Item = NlriBlock<'_>>) {
        self.routes.read_ahead(shared, blocks.flat_map(NlriBlock::iter).map(|nlri| nlri.prefix));
    }

    fn announce(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        received: AttributeHandle,
        import: &ImportPolicy<'_>,
        routes: NlriBlock<'_>,
    ) {
        self.routes.announce(shared, peer, received, import, routes.iter());
    }

    fn withdraw(&mut self, shared: &mut Shared, peer: PeerIndex, routes: NlriBlock<'_>) {
        self.routes.withdraw(shared, peer, routes.iter());
    }

    fn originate(&mut self, shared: &mut Shared, prefix: Prefix, options: NetworkOptions) {
        let changes = self.routes.own_routes.originate(prefix, options);
        self.routes.change_own_paths(shared, changes);
    }

    fn stop_originating(&mut self, shared: &mut Shared, prefix: Prefix) {
        let changes = self.routes.own_routes.stop_originating(prefix);
        self.routes.change_own_paths(shared, changes);
    }

    fn set_kernel_route(&mut self, shared: &mut Shared, prefix: Prefix, route: Option<KernelRouteView>) {
        let changes = self.routes.own_routes.set_kernel_route(prefix, route);
        self.routes.change_own_paths(shared, changes);
    }

    fn set_static(&mut self, shared: &mut Shared, prefix: Prefix, route: Option<StaticRoute>) {
        let changes = self.routes.own_routes.set_static(prefix, route);
        self.routes.change_own_paths(shared, changes);
    }

    fn set_aggregate(&mut self, shared: &mut Shared, prefix: Prefix, options: Option<AggregateOptions>) {
        self.routes.own_routes.aggregates.set(prefix, options);
        let path = self.routes.own_routes.aggregate_path(prefix);
        self.routes.change_own_paths(shared, vec![path]);
        let inside =
            self.routes.table.iter_from(0).filter(|(_, entry)| prefix.contains(entry.prefix.erase()));
        let entries: RoaringBitmap = inside.map(|(index, _)| index.0).collect();
        if self.routes.own_routes.aggregates.get(prefix).is_some() && !entries.is_empty() {
            self.work.push(Work::Contribute(entries));
        }
    }

    fn set_default_route(&mut self, shared: &mut Shared, prefix: Option<Prefix>) {
        let change = self.routes.own_routes.set_default_route(prefix);
        self.routes.change_own_paths(shared, change.into_iter().collect());
    }

    fn on_links_changed(&mut self, shared: &mut Shared, changes: &[LinkUsability]) {
        let changes = self.routes.own_routes.on_links_changed(changes);
        self.routes.change_own_paths(shared, changes);
    }

    fn set_forwarding_filter(&mut self, filter: &FilterChain) {
        if !self.routes.forwarding_filter.same_content(filter) {
            self.decide_again();
        }
        self.routes.forwarding_filter = filter.clone();
    }

    fn on_payloads_changed(&mut self, shared: &Shared, changed: &PayloadTable) {
        if revalidation::is_wanted(shared, &self.routes) {
            self.work.revalidate(changed);
        }
    }

    fn decide_again(&mut self) {
        let entries = self.routes.table.iter_from(0).map(|(index, _)| index.0);
        self.work.redecide(entries.collect());
    }

    fn on_costs_changed(&mut self, entries: RoaringBitmap) {
        self.work.redecide(entries);
    }

    fn peer_up(&mut self, shared: &mut Shared, speaker: &RibOptions, peer: PeerIndex) {
        self.routes.groups.join(shared, speaker, peer);
    }

    fn peer_down(&mut self, shared: &mut Shared, peer: PeerIndex, departure: Departure) {
        self.routes.groups.leave(shared, peer);
        match departure {
            Departure::Final => self.work.push(Work::Sweep(peer)),
            Departure::Restarting => {}
        }
    }

    fn keep_long_lived(&mut self, shared: &mut Shared, peer: PeerIndex) {
        if let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.is_long_lived_stale = true;
            self.work.push(Work::Reimport(peer, routes.entries.clone(), Vec::new()));
        }
    }

    fn mark_stale(&mut self, shared: &mut Shared, peer: PeerIndex) {
        if let Some(routes) = shared.peers.routes_mut(P::INDEX, peer)
            && !routes.is_marked_stale
        {
            routes.is_marked_stale = true;
            self.work.push(Work::Reimport(peer, routes.entries.clone(), Vec::new()));
        }
    }

    fn on_rules_changed(&mut self, shared: &Shared, change: &RulesChange) {
        let entries = |&peer| shared.peers.routes(P::INDEX, peer).map(|routes| (peer, &routes.entries));
        for (peer, entries) in change.imported.iter().filter_map(entries) {
            self.work.push(Work::Reimport(peer, entries.clone(), Vec::new()));
        }
        if !change.reflected.is_empty() {
            let reflected = change.reflected.iter().filter_map(entries);
            let entries = reflected.fold(RoaringBitmap::new(), |all, (_, one)| all | one);
            self.routes.groups.export_again(entries);
        }
        self.routes.groups.on_rules_changed();
    }

    fn fill_again(&mut self) {
        self.routes.groups.fill_again();
    }

    fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        self.routes.groups.refresh(shared, peer);
    }

    fn begin_refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        if shared.peers.in_use(peer).is_some()
            && let Some(routes) = shared.peers.routes_mut(P::INDEX, peer)
        {
            routes.refresh_in.begin(routes.entries.clone());
        }
    }

    fn end_refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        if shared.peers.routes_mut(P::INDEX, peer).is_some_and(|routes| routes.refresh_in.end()) {
            self.work.push(Work::SweepStale(peer));
        }
    }

    fn work(&mut self, shared: &mut Shared, speaker: &RibOptions, steps: usize) {
        if !self.routes.undecided.is_empty() {
            self.work.decide();
        }
        for peer in std::mem::take(&mut self.routes.roomy_peers) {
            self.work.readmit(peer);
        }
        let are_paths_worked_on =
            self.paths_are_next && !self.work.is_empty() || self.routes.groups.pending().is_empty();
        self.paths_are_next = !are_paths_worked_on;
        if !are_paths_worked_on {
            self.routes.groups.work(shared, speaker, &mut self.routes.table, steps);
        } else if let Some(mut work) = self.work.pop()
            && self.work_on_paths(shared, speaker, &mut work, steps)
        {
            self.work.push(work);
        }
    }

    fn has_work(&self) -> bool {
        !self.work.is_empty()
            || !self.routes.undecided.is_empty()
            || !self.routes.roomy_peers.is_empty()
            || !self.routes.groups.pending().is_empty()
    }

    fn poll_export(&mut self, shared: &mut Shared, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool {
        self.routes.groups.poll(shared, &mut self.routes.table, peer, out).is_some()
    }

    fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        self.routes.poll_forwarding(limit)
    }

    fn state(&self) -> FamilyState<'_> {
        let RouteTable {
            table,
            groups,
            forwarding,
            own_routes,
            undecided,
            saved_looks,
            reachable_prefixes,
            ..
        } = &self.routes;
        FamilyState {
            table,
            own_routes,
            groups,
            forwarding: forwarding.as_ref(),
            work: &self.work,
            undecided,
            saved_looks: *saved_looks,
            reachable_prefixes: *reachable_prefixes,
            paths_are_next: self.paths_are_next,
        }
    }
}
