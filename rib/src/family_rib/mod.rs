//! The routes of one family: paths in, best paths, and what groups and forwarding table are told of them.

mod refresh;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bgp_codec::{Nlri, Origin, PathAttributesBuilder, PathId};
use margay_filter::RouteEdits;

pub(crate) use self::work::Visit;
use crate::attributes::{AttributeHandle, AttributeStore, PathValues};
use crate::decision::{Choice, Effect, PathChange};
use crate::export::{ExportGroup, GroupSignature, Left};
use crate::family::RibFamily;
use crate::forwarding::{Forwarding, ForwardingChange, ForwardingLog, via};
use crate::index::{EntryIndex, GroupId, PeerIndex, SourceIndex};
use crate::options::{KernelRouteView, NetworkOptions, RibOptions, is_elevated};
use crate::paths::{Entry, ImportOutcome, Path, Table};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FamilyRib<P> {
    pub(crate) table: Table<P>,
    pub(crate) groups: BTreeMap<GroupId, ExportGroup>,
    pub(crate) by_signature: HashMap<GroupSignature, GroupId>,
    pub(crate) next_group: u64,
    pub(crate) forwarding: Option<ForwardingLog>,
    /// The prefixes that this speaker originates.
    networks: HashMap<P, NetworkOptions>,
    /// The routes that the kernel has beside our own, as far as they are of interest.
    kernel_routes: HashMap<P, KernelRouteView>,
    /// The group of which a copy is being made.
    pub(crate) copied: Option<GroupId>,
    /// Members are being put into groups that have their rules.
    pub(crate) is_regrouping: bool,
    /// The groups whose members may have other rules than their group.
    pub(crate) unsorted: BTreeSet<GroupId>,
    /// Groups that members moved away from, and that have to be seen to.
    pub(crate) left: Vec<Left>,
    /// How many entries have a path; the others are only kept until their withdrawal is told.
    pub(crate) reachable_prefixes: usize,
}

impl<P: RibFamily> FamilyRib<P> {
    pub(crate) fn new(hash_seed: u64, with_forwarding: bool) -> Self {
        Self {
            table: Table::new(hash_seed),
            groups: BTreeMap::new(),
            by_signature: HashMap::new(),
            next_group: 0,
            forwarding: with_forwarding.then(ForwardingLog::new),
            networks: HashMap::new(),
            kernel_routes: HashMap::new(),
            copied: None,
            is_regrouping: false,
            unsorted: BTreeSet::new(),
            left: Vec::new(),
            reachable_prefixes: 0,
        }
    }

    /// Reads ahead what changing the paths to these prefixes needs to know.
    pub(crate) fn read_ahead(&self, shared: &Shared, prefixes: impl Iterator<Item = P>) {
        let entries = self.table.touch(prefixes);
        let best = entries.into_iter().filter_map(Entry::best_path);
        shared.store.touch(best.filter_map(|path| path.import.handle()));
    }

    /// Enters routes that `peer` announced with the same attributes.
    pub(crate) fn announce(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        received: AttributeHandle,
        import: &ImportPolicy<'_>,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        let attributes = import.check(shared.store.get(received), shared.store.next_hop(received));
        let facts = shared.store.facts(received);
        let is_refresh =
            shared.peers.routes::<P>(peer).is_some_and(|routes| routes.refresh_in.is_under_way());
        // What filters set is the same for most routes of an UPDATE, and without ADD-PATH so is the source.
        let mut edited: Option<(RouteEdits, AttributeHandle)> = None;
        let mut known_source: Option<(PathId, SourceIndex)> = None;
        // All entries are found before the first is worked on: their cache misses overlap then.
        let found: Vec<_> = routes.map(|nlri| (self.table.find_or_insert(nlri.prefix), nlri)).collect();
        for (index, Nlri { path_id, prefix }) in found {
            let path_id = path_id.unwrap_or(PathId(0));
            let source = match known_source {
                Some((id, source)) if id == path_id => source,
                _ => shared.sources.intern(peer, path_id, import.peer),
            };
            known_source = Some((path_id, source));
            if is_refresh && let Some(routes) = shared.peers.routes_mut::<P>(peer) {
                routes.refresh_in.on_announced(index, source);
            }
            let import = match attributes.and_then(|()| import.filter(prefix.erase(), &facts)) {
                Ok(edits) if edits.is_empty() => ImportOutcome::accepted(received),
                Ok(edits) => {
                    if edited.is_none_or(|(known, _)| known != edits) {
                        edited.into_iter().for_each(|(_, handle)| shared.store.release(handle));
                        edited = Some((edits, shared.store.edited(received, edits)));
                    }
                    ImportOutcome::accepted(edited.map_or(received, |(_, handle)| handle))
                }
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            self.put(shared, index, Path { source, received, import });
        }
        edited.into_iter().for_each(|(_, handle)| shared.store.release(handle));
    }

    /// Removes routes that `peer` withdrew.
    pub(crate) fn withdraw(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        for Nlri { path_id, prefix } in routes {
            let source = shared.sources.find(peer, path_id.unwrap_or(PathId(0)));
            if let (Some(index), Some(source)) = (self.table.find(prefix), source) {
                self.remove(shared, index, source);
            }
        }
    }

    /// Originates a network; or, where it is originated already, with other options.
    pub(crate) fn originate(&mut self, shared: &mut Shared, prefix: P, options: NetworkOptions) {
        let former = self.networks.insert(prefix, options);
        self.announce_network(shared, prefix);
        if former.map_or(options.suppress_more_specific, |former| {
            former.suppress_more_specific != options.suppress_more_specific
        }) {
            self.cover_again(shared, prefix);
        }
        // The path is the same with and without a route that holds it; only its forwarding is not.
        if former.is_some_and(|former| former.hold != options.hold)
            && let Some(index) = self.table.find(prefix)
        {
            self.redecide(shared, index, None);
        }
    }

    /// Stops originating `prefix`.
    pub(crate) fn stop_originating(&mut self, shared: &mut Shared, prefix: P) {
        let former = self.networks.remove(&prefix);
        self.withdraw_local(shared, prefix, SourceIndex::LOCAL);
        if former.is_some_and(|former| former.suppress_more_specific) {
            self.cover_again(shared, prefix);
        }
    }

    /// Takes over what the kernel has at a prefix beside our own routes.
    pub(crate) fn set_kernel_route(
        &mut self,
        shared: &mut Shared,
        prefix: P,
        route: Option<KernelRouteView>,
    ) {
        match route {
            Some(route) => self.kernel_routes.insert(prefix, route),
            None => self.kernel_routes.remove(&prefix),
        };
        self.announce_kernel_route(shared, prefix);
        if self.networks.contains_key(&prefix) {
            self.announce_network(shared, prefix);
        }
    }

    /// Enters the path of a network, or takes it out while the route that it requires is not there. Where there is a
    /// forwarding table, its metric is that of ordinary routes: so is the route that holds it there.
    fn announce_network(&mut self, shared: &mut Shared, prefix: P) {
        let Some(options) = self.networks.get(&prefix) else { return };
        if options.require_route && !self.kernel_routes.contains_key(&prefix) {
            self.withdraw_local(shared, prefix, SourceIndex::LOCAL);
        } else {
            let metric = (shared.normal_metric > 0).then_some(shared.normal_metric);
            let values = PathValues { metric, ..PathValues::ORIGINATED };
            self.announce_local(shared, prefix, SourceIndex::LOCAL, values);
        }
    }

    /// Enters the path of a route of the kernel that is to be announced.
    fn announce_kernel_route(&mut self, shared: &mut Shared, prefix: P) {
        match self.kernel_routes.get(&prefix).filter(|route| route.announced) {
            Some(&KernelRouteView { metric, .. }) => {
                let is_covered = !is_elevated(metric, shared.normal_metric) && self.is_suppressed(prefix);
                let values = PathValues { metric: Some(metric), is_covered, ..PathValues::IMPORTED };
                self.announce_local(shared, prefix, SourceIndex::KERNEL, values);
            }
            None => self.withdraw_local(shared, prefix, SourceIndex::KERNEL),
        }
    }

    /// Whether a network around `prefix` is announced in its place.
    fn is_suppressed(&self, prefix: P) -> bool {
        let mut networks = self.networks.iter();
        networks.any(|(network, options)| {
            options.suppress_more_specific && network.contains(prefix) && *network != prefix
        })
    }

    /// Looks again at the routes of the kernel inside a network that suppresses them or does so no longer.
    fn cover_again(&mut self, shared: &mut Shared, network: P) {
        let inside = self.kernel_routes.keys().copied().filter(|prefix| network.contains(*prefix));
        // In an order that follows from the routes: what is done in it gives numbers out.
        for prefix in inside.collect::<BTreeSet<P>>() {
            self.announce_kernel_route(shared, prefix);
        }
    }

    fn announce_local(&mut self, shared: &mut Shared, prefix: P, source: SourceIndex, values: PathValues) {
        let attributes = PathAttributesBuilder::new(Origin::Igp).build();
        let handle = shared.store.intern_with(attributes, None, values);
        let index = self.table.find_or_insert(prefix);
        self.put(shared, index, Path { source, received: handle, import: ImportOutcome::accepted(handle) });
        shared.store.release(handle);
    }

    fn withdraw_local(&mut self, shared: &mut Shared, prefix: P, source: SourceIndex) {
        if let Some(index) = self.table.find(prefix) {
            self.remove(shared, index, source);
        }
    }

    /// The networks, in the order of their prefixes.
    pub(crate) fn sorted_networks(&self) -> BTreeMap<P, NetworkOptions> {
        self.networks.iter().map(|(&prefix, &options)| (prefix, options)).collect()
    }

    /// The routes of the kernel, in the order of their prefixes.
    pub(crate) fn sorted_kernel_routes(&self) -> BTreeMap<P, KernelRouteView> {
        self.kernel_routes.iter().map(|(&prefix, &route)| (prefix, route)).collect()
    }

    /// How many paths are this node's own.
    pub(crate) fn own_paths(&self) -> usize {
        self.networks.len() + self.kernel_routes.values().filter(|route| route.announced).count()
    }

    /// Takes the paths of a peer that left out of up to `limit` entries. Answers whether there are more.
    pub(crate) fn sweep(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut::<P>(peer) else { return false };
        // Nothing is announced by the peer any more, so nothing is noted in the meantime.
        let mut entries = std::mem::take(&mut routes.entries);
        let part: Vec<EntryIndex> = entries.iter().take(limit).map(EntryIndex).collect();
        entries.remove_smallest(limit as u64);
        self.read_ahead_of_removal(shared, &part);
        for index in part {
            while let Some(source) = self.any_source_of(shared, index, peer) {
                self.remove(shared, index, source);
            }
        }
        let more = !entries.is_empty();
        if let Some(routes) = shared.peers.routes_mut::<P>(peer) {
            routes.entries = entries;
        }
        more
    }

    /// Reads ahead what giving up paths to these entries, and what groups are told of them, needs to know.
    fn read_ahead_of_removal(&self, shared: &Shared, entries: &[EntryIndex]) {
        let paths = || {
            entries.iter().filter_map(|&index| self.table.get(index)).flat_map(|entry| entry.paths.as_slice())
        };
        shared.store.touch_whole(paths().map(|path| path.received));
        let edited = |path: &Path| path.import.handle().filter(|&handle| handle != path.received);
        shared.store.touch_whole(paths().filter_map(edited));
        for group in self.groups.values() {
            shared.store.touch_whole(entries.iter().filter_map(|&index| group.told_best(index)));
        }
    }

    /// Any source of `peer` that the entry has a path of.
    fn any_source_of(&self, shared: &Shared, index: EntryIndex, peer: PeerIndex) -> Option<SourceIndex> {
        let mut sources = self.table.get(index)?.paths.as_slice().iter().map(|path| path.source);
        sources.find(|&source| shared.sources.get(source).peer == peer)
    }

    /// Decides about an entry of which one path changed, or anything when `change` is `None`, and tells whoever is
    /// concerned.
    pub(crate) fn redecide(&mut self, shared: &mut Shared, index: EntryIndex, change: Option<PathChange>) {
        let entry = self.table.entry(index);
        let paths = entry.paths.as_slice();
        let former_best = change.map_or_else(|| entry.best_path(), |change| change.former_best);
        if let Some(choice) = self.choose(shared, entry, change) {
            let forwarding = match self.forwarding {
                Some(_) => self.forwarding_for(shared, entry, &choice),
                None => None,
            };
            let best = choice.best.map(|position| paths[position]);
            let entry = self.table.entry_mut(index);
            entry.set_best_position(choice.best);
            if let Some(log) = &mut self.forwarding {
                entry.pins += u16::from(log.set(index, forwarding));
            }
            let is_same =
                |former: Path, best: Path| (former.source, former.import) == (best.source, best.import);
            if !former_best.zip(best).is_some_and(|(former, best)| is_same(former, best)) {
                for group in self.groups.values_mut().filter(|group| !group.tells_several()) {
                    group.tell_best(shared, entry, index);
                }
            }
        }
        let changed = change.and_then(|change| change.new.or(change.old)).map(|path| path.source);
        for group in self.groups.values_mut().filter(|group| group.tells_several()) {
            group.tell_paths(shared, self.table.entry_mut(index), index, changed);
        }
    }

    /// The choice for an entry; `None` when the former one holds good.
    fn choose(&self, shared: &Shared, entry: &Entry<P>, change: Option<PathChange>) -> Option<Choice> {
        let Some(change) = change else { return Some(Choice::of(&shared.store, &shared.sources, entry)) };
        let new = || {
            let source = change.new.map(|path| path.source);
            entry.paths.as_slice().iter().position(|path| Some(path.source) == source)
        };
        match change.effect(&shared.store, &shared.sources) {
            Effect::Nothing => None,
            Effect::SameBest if self.forwarding.is_none() => None,
            Effect::NewBest if self.forwarding.is_none() => new().map(Choice::only),
            Effect::NewBestAlone => new().map(Choice::only),
            Effect::SameBest | Effect::NewBest | Effect::Open => {
                Some(Choice::of(&shared.store, &shared.sources, entry))
            }
        }
    }

    /// Looks again at entries, but for those that have gone since they were named.
    pub(crate) fn revisit(
        &mut self,
        shared: &mut Shared,
        speaker: &RibOptions,
        entries: impl Iterator<Item = EntryIndex>,
        visit: Visit,
    ) {
        let imported = match visit {
            Visit::Reimport(peer) => shared.peers.up(peer).cloned(),
            Visit::Redecide | Visit::Retell => None,
        };
        for index in entries {
            if !self.table.is_in_use(index) {
                continue;
            }
            match (visit, &imported) {
                (Visit::Redecide, _) => self.redecide(shared, index, None),
                (Visit::Retell, _) => self.retell(shared, index),
                (Visit::Reimport(peer), Some(options)) => {
                    self.reimport(shared, peer, index, &ImportPolicy { speaker, peer: options });
                }
                // The peer has left, and its paths are swept.
                (Visit::Reimport(_), None) => {}
            }
        }
    }

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    pub(crate) fn tell_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let Some(log) = &mut self.forwarding else { return Vec::new() };
        let (changes, emptied) = log.tell(&self.table, limit);
        self.unpin(&emptied);
        changes
    }

    /// Enters or replaces a path, taking references of its own for it.
    pub(crate) fn put(&mut self, shared: &mut Shared, index: EntryIndex, path: Path) {
        let entry = self.table.entry_mut(index);
        let was_empty = entry.paths.as_slice().is_empty();
        let former_best = entry.best_path();
        let old = entry.paths.upsert(path);
        if old == Some(path) {
            return;
        }
        self.reachable_prefixes += usize::from(was_empty);
        shared.store.retain(path.received);
        if let Some(handle) = path.import.handle() {
            shared.store.retain(handle);
            if shared.store.next_hops.tracks_entries() {
                let next_hop = shared.store.get(handle).next_hop;
                shared.store.next_hops.add_entry::<P>(next_hop, index);
            }
        }
        if old.is_none() {
            shared.sources.retain(path.source);
        }
        let peer = shared.sources.get(path.source).peer;
        if let Some(routes) = shared.peers.routes_mut::<P>(peer) {
            routes.on_replaced(index, old.as_ref(), Some(&path));
        }
        self.redecide(shared, index, Some(PathChange { old, new: Some(path), former_best }));
        if let Some(old) = old {
            release_path(&mut shared.store, self.table.entry(index), index, &old);
        }
    }

    pub(crate) fn remove(&mut self, shared: &mut Shared, index: EntryIndex, source: SourceIndex) {
        let entry = self.table.entry_mut(index);
        let former_best = entry.best_path();
        let Some((old, position)) = entry.paths.remove(source) else { return };
        // The last path has taken the place of the one that is gone.
        if entry.best_position() == Some(entry.paths.as_slice().len()) {
            entry.set_best_position(Some(position));
        }
        let paths = entry.paths.as_slice();
        self.reachable_prefixes -= usize::from(paths.is_empty());
        let peer = shared.sources.get(source).peer;
        let more_of_peer = paths.iter().any(|path| shared.sources.get(path.source).peer == peer);
        if let Some(routes) = shared.peers.routes_mut::<P>(peer) {
            routes.on_replaced(index, Some(&old), None);
            if !more_of_peer {
                routes.entries.remove(index.0);
            }
        }
        self.redecide(shared, index, Some(PathChange { old: Some(old), new: None, former_best }));
        release_path(&mut shared.store, self.table.entry(index), index, &old);
        shared.sources.release(source);
        self.table.remove_if_unused(index);
    }

    pub(crate) fn unpin(&mut self, entries: &[EntryIndex]) {
        entries.iter().for_each(|&index| self.table.entry_mut(index).pins -= 1);
        self.table.remove_unused(entries);
    }

    fn forwarding_for(&self, shared: &Shared, entry: &Entry<P>, choice: &Choice) -> Option<Forwarding> {
        let paths = entry.paths.as_slice();
        let best = &paths[choice.best?];
        if best.source == SourceIndex::LOCAL {
            let hold = self.networks.get(&entry.prefix).and_then(|network| network.hold);
            return hold.map(Forwarding::discard);
        }
        if best.source == SourceIndex::KERNEL {
            return None;
        }
        let next_hop = |path: &Path| shared.store.next_hop(path.import.handle()?);
        let others = choice.others.iter().map(|&position| &paths[position]);
        let forwarding = via(std::iter::once(best).chain(others).filter_map(next_hop), shared.multipath)?;
        Some(Forwarding { metric: shared.store.get(best.import.handle()?).values.metric, ..forwarding })
    }
}

/// Gives back what a path that is gone from `entry` referred to.
fn release_path<P: RibFamily>(store: &mut AttributeStore, entry: &Entry<P>, index: EntryIndex, path: &Path) {
    if let Some(handle) = path.import.handle() {
        let mut rest = entry.paths.as_slice().iter().filter_map(|path| path.import.handle());
        if store.next_hops.tracks_entries() && !rest.any(|other| store.same_next_hop(handle, other)) {
            let next_hop = store.get(handle).next_hop;
            store.next_hops.remove_entry::<P>(next_hop, index);
        }
        store.release(handle);
    }
    store.release(path.received);
}
