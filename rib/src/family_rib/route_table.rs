//! The paths of a family and the decisions between them, as entered into the logs of groups and forwarding
//! table.

use std::collections::BTreeSet;

use bgp_codec::{Nlri, Origin, PathAttributesBuilder, PathId, Prefix};
use margay_filter::{FilterChain, NextHopEdit, RouteEdits};
use roaring::RoaringBitmap;

use super::own_routes::{OwnPath, OwnPathChange, OwnRoutes, OwnSource};
use crate::attributes::{AttributeHandle, AttributeStore};
use crate::decision::{Choice, Effect, PathChange};
use crate::export::{ChangedPaths, ExportGroups, MANY};
use crate::family::RibFamily;
use crate::forwarding::{Forwarding, ForwardingChange, ForwardingLog, LinkBandwidths, WeightedHop, via};
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::notices::{Notice, NoticeKind};
use crate::options::{Discard, ForwardingOptions, Hop, RoutePurpose};
use crate::paths::{Entry, ImportOutcome, LONG, Path, Table};
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// See the [module](self). Logs are read and worked on directly; every change of paths goes through here.
#[derive(Debug)]
pub(crate) struct RouteTable<P> {
    pub(super) table: Table<P>,
    pub(super) groups: ExportGroups,
    pub(super) forwarding: Option<ForwardingLog>,
    pub(super) own_routes: OwnRoutes,
    /// Filters on what is installed.
    pub(super) forwarding_filter: FilterChain,
    /// The entries with so many paths that [`decide`](Self::decide) makes the next decision between them.
    pub(super) undecided: RoaringBitmap,
    /// Paths that [`decide`](Self::decide) may look at besides those of its next call.
    pub(super) saved_looks: usize,
    /// Number of entries with a path; other entries only wait for their withdrawal to be read.
    pub(super) reachable_prefixes: usize,
    /// The peers with paths that were refused for their limit, and now with room for some.
    pub(super) roomy_peers: BTreeSet<PeerIndex>,
}

impl<P: RibFamily> RouteTable<P> {
    /// Makes an empty table. `forwarding` are the options of the forwarding table, if there is one.
    pub(super) fn new(hash_seed: u64, forwarding: Option<ForwardingOptions>) -> Self {
        Self {
            table: Table::new(hash_seed),
            groups: ExportGroups::new(P::INDEX),
            forwarding: forwarding.map(|_| ForwardingLog::new()),
            own_routes: OwnRoutes::new(forwarding),
            forwarding_filter: FilterChain::accept_all(),
            undecided: RoaringBitmap::new(),
            saved_looks: 0,
            reachable_prefixes: 0,
            roomy_peers: BTreeSet::new(),
        }
    }

    /// Reads ahead the memory that changing the paths to these prefixes will need.
    pub(super) fn read_ahead(&self, shared: &Shared, prefixes: impl Iterator<Item = P>) {
        let entries = self.table.touch(prefixes);
        let best = entries.into_iter().filter_map(Entry::best_path);
        shared.store.touch(best.filter_map(|path| path.import.handle()));
    }

    /// Enters routes that `peer` announced with the same attributes.
    pub(super) fn announce(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        received: AttributeHandle,
        import: &ImportPolicy<'_>,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        let attributes = import.check(shared.store.get(received), shared.store.next_hop(received));
        let is_refresh =
            shared.peers.routes(P::INDEX, peer).is_some_and(|routes| routes.refresh_in.is_under_way());
        // A filter's edits are the same for most routes of an UPDATE, and without ADD-PATH so is the source.
        let mut edited: Option<(&RouteEdits, AttributeHandle)> = None;
        let mut known_source: Option<(PathId, SourceIndex)> = None;
        // All entries are looked up before any is changed, so that their cache misses overlap.
        let found: Vec<_> = routes.map(|nlri| (self.table.find_or_insert(nlri.prefix), nlri)).collect();
        // A change of one entry may end the aggregate at another, which must still be there when it is its turn.
        let has_aggregates = !self.own_routes.aggregates.is_empty();
        let entries = found.iter().map(|&(index, _)| index);
        let pinned = if has_aggregates { self.table.pin(entries) } else { Vec::new() };
        let prefixes = found.iter().map(|(_, nlri)| nlri.prefix.erase());
        let Shared { store, notices, validation, .. } = shared;
        let filtered =
            import.filter((store, validation), P::FAMILY, (received, false), prefixes, |prefix, verdict| {
                notices
                    .add_with(|| Notice::logged_on_import(peer, prefix, &import.peer.rules.import, verdict));
            });
        let limits = import.peer.rules.limits;
        let mut dropped = Vec::new();
        for (position, (index, Nlri { path_id, prefix })) in found.into_iter().enumerate() {
            let path_id = path_id.unwrap_or(PathId(0));
            if self.is_beyond_limit(shared, peer, limits, (index, path_id)) {
                dropped.push(index);
                continue;
            }
            let source = match known_source {
                Some((id, source)) if id == path_id => source,
                _ => shared.sources.intern(peer, path_id, import.peer),
            };
            known_source = Some((path_id, source));
            if is_refresh && let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
                routes.refresh_in.on_announced(index, source);
            }
            let checked = attributes.and_then(|()| import.check_destination(prefix.erase()));
            let import = match checked.and_then(|()| filtered.of(position)) {
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
            let path = self.within_limit(shared, peer, limits, index, Path { source, received, import });
            self.put(shared, index, path);
        }
        self.drop_beyond_limit(shared, peer, dropped);
        self.table.unpin(&pinned);
        edited.into_iter().for_each(|(_, handle)| shared.store.release(handle));
    }

    /// Removes routes that `peer` withdrew.
    pub(super) fn withdraw(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        let mut known_source: Option<(PathId, Option<SourceIndex>)> = None;
        for Nlri { path_id, prefix } in routes {
            let path_id = path_id.unwrap_or(PathId(0));
            let source = match known_source {
                Some((id, source)) if id == path_id => source,
                _ => shared.sources.find(peer, path_id),
            };
            known_source = Some((path_id, source));
            if let (Some(index), Some(source)) = (self.table.find(prefix), source) {
                self.remove(shared, index, source);
            }
        }
    }

    /// Enters and removes this node's own paths.
    pub(super) fn change_own_paths(&mut self, shared: &mut Shared, changes: Vec<OwnPathChange>) {
        for change in changes {
            match change {
                OwnPathChange::Enter(prefix, path) => self.enter_own(shared, prefix, path),
                OwnPathChange::Remove(prefix, source) => {
                    if let (Some(index), Some(source)) = (self.find(prefix), source.find(&shared.sources)) {
                        self.remove(shared, index, source);
                    }
                }
                OwnPathChange::Redecide(prefix) => {
                    if let Some(index) = self.find(prefix) {
                        self.redecide(shared, index);
                    }
                }
            }
        }
    }

    fn find(&self, prefix: Prefix) -> Option<EntryIndex> {
        self.table.find(P::narrow(prefix)?)
    }

    fn enter_own(&mut self, shared: &mut Shared, prefix: Prefix, path: OwnPath) {
        let Some(prefix) = P::narrow(prefix) else { return };
        let mut attributes = PathAttributesBuilder::new(Origin::Igp);
        // Its path has none of those of the routes that it stands for (RFC 4271 §9.2.2.2).
        attributes.atomic_aggregate = path.source == OwnSource::Aggregate;
        let attributes = attributes.build();
        let handle = shared.store.intern_with(attributes, path.next_hop, path.values);
        shared.store.on_next_hop_set_here(handle);
        let source = path.source.intern(&mut shared.sources);
        let index = self.table.find_or_insert(prefix);
        self.put(shared, index, Path { source, received: handle, import: ImportOutcome::accepted(handle) });
        shared.store.release(handle);
    }

    /// Removes up to `limit` paths of a peer that left. Returns whether there are more.
    pub(super) fn sweep(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) else { return false };
        // The peer announces nothing any more, so the set cannot change in the meantime.
        let mut entries = std::mem::take(&mut routes.entries);
        let part: Vec<EntryIndex> = entries.iter().take(limit).map(EntryIndex).collect();
        self.read_ahead_of_removal(shared, &part);
        let mut left = limit;
        let mut swept = 0;
        for index in part {
            let sources = self.sources_of(shared, index, peer, left);
            sources.iter().for_each(|&source| self.remove(shared, index, source));
            if sources.len() == left {
                break;
            }
            left -= sources.len().max(1);
            swept += 1;
            if left == 0 {
                break;
            }
        }
        entries.remove_smallest(swept);
        let more = !entries.is_empty();
        if let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.entries = entries;
        }
        more
    }

    /// Up to `limit` sources of a peer with paths to an entry. The cost is the number of the entry's paths or
    /// of the peer's sources, whichever is lower.
    fn sources_of(
        &self,
        shared: &Shared,
        index: EntryIndex,
        peer: PeerIndex,
        limit: usize,
    ) -> Vec<SourceIndex> {
        let Some(entry) = self.table.get(index) else { return Vec::new() };
        let paths = entry.paths.as_slice();
        let is_shorter = paths.len() > LONG && shared.sources.of_peer(peer).nth(paths.len()).is_none();
        if is_shorter {
            let sources = shared.sources.of_peer(peer);
            sources.filter(|&source| self.table.position(index, source).is_some()).take(limit).collect()
        } else {
            sources_among(shared, paths, peer).take(limit).collect()
        }
    }

    /// All sources of a peer with paths to an entry.
    pub(super) fn all_sources_of(
        &self,
        shared: &Shared,
        index: EntryIndex,
        peer: PeerIndex,
    ) -> Vec<SourceIndex> {
        let paths = self.table.get(index).map_or(&[][..], |entry| entry.paths.as_slice());
        sources_among(shared, paths, peer).collect()
    }

    /// Reads ahead the memory that removing paths of these entries, and their exports, will need.
    fn read_ahead_of_removal(&self, shared: &Shared, entries: &[EntryIndex]) {
        let paths = || {
            let entries = entries.iter().filter_map(|&index| self.table.get(index));
            entries.flat_map(|entry| entry.paths.as_slice().iter().take(LONG))
        };
        shared.store.touch_whole(paths().map(|path| path.received));
        let edited = |path: &Path| path.import.handle().filter(|&handle| handle != path.received);
        shared.store.touch_whole(paths().filter_map(edited));
        shared.store.touch_whole(self.groups.exported_best(entries));
    }

    /// Decides about an entry of which any path may have changed, and enters the result into the logs.
    pub(super) fn redecide(&mut self, shared: &mut Shared, index: EntryIndex) {
        let entry = self.table.entry(index);
        if entry.paths.len() > MANY {
            self.undecided.insert(index.0);
            self.groups.export_later(index);
            return;
        }
        self.undecided.remove(index.0);
        let former_best = entry.best_path();
        let choice = Choice::of(&shared.store, &shared.sources, entry, self.forwarding.is_some());
        self.enter_choice(shared, index, former_best, choice);
        self.groups.export_paths(shared, self.table.entry_mut(index), index, ChangedPaths::Any);
    }

    /// Decides about some of the undecided entries, looking at about `limit` paths. Returns whether there are
    /// more.
    ///
    /// An entry with more paths than that waits until as many calls have passed as its paths take: however fast
    /// its paths change, each call costs about `limit`.
    pub(super) fn decide(&mut self, shared: &mut Shared, limit: usize) -> bool {
        self.saved_looks += limit;
        while let Some(number) = self.undecided.min() {
            let index = EntryIndex(number);
            let entry = self.table.entry(index);
            let Some(saved) = self.saved_looks.checked_sub(entry.paths.len().max(1)) else { return true };
            self.saved_looks = saved;
            self.undecided.remove(number);
            let former_best = entry.best_path();
            let choice = Choice::of(&shared.store, &shared.sources, entry, self.forwarding.is_some());
            self.enter_choice(shared, index, former_best, choice);
            self.groups.export_decided(shared, self.table.entry_mut(index), index);
        }
        self.saved_looks = 0;
        false
    }

    /// Decides about an entry after a change of one path, or leaves it undecided if that means to look at
    /// many paths.
    fn on_changed(&mut self, shared: &mut Shared, index: EntryIndex, change: PathChange) {
        let PathChange { old, new, former_best } = change;
        let Some(source) = new.or(old).map(|path| path.source) else { return };
        let changed = ChangedPaths::One(source, new);
        let was_undecided = !self.undecided.is_empty() && self.undecided.remove(index.0);
        let effect = if was_undecided { Effect::Open } else { change.effect(&shared.store, &shared.sources) };
        let entry = self.table.entry(index);
        let position = || self.table.position(index, source);
        let choice = match effect {
            Effect::Nothing => None,
            Effect::SameBest if self.forwarding.is_none() => None,
            Effect::NewBest if self.forwarding.is_none() => position().map(Choice::only),
            Effect::NewBestAlone => position().map(Choice::only),
            Effect::SameBest | Effect::NewBest | Effect::Open if entry.paths.len() > DECIDED_AT_ONCE => {
                self.undecided.insert(index.0);
                let entry = self.table.entry_mut(index);
                // This path was the best one when the groups were last updated.
                if former_best.is_some_and(|best| best.source == source) {
                    entry.set_best_position(None);
                    shared.watch.on_best_changed(|| entry.prefix.erase());
                }
                self.groups.export_undecided(shared, entry, index, changed);
                self.export_default_route(shared, index, source);
                return;
            }
            Effect::SameBest | Effect::NewBest | Effect::Open => {
                Some(Choice::of(&shared.store, &shared.sources, entry, self.forwarding.is_some()))
            }
        };
        if let Some(choice) = choice {
            self.enter_choice(shared, index, former_best, choice);
        }
        let entry = self.table.entry_mut(index);
        if entry.paths.len() > DECIDED_AT_ONCE && self.groups.have_best_few() {
            self.undecided.insert(index.0);
            self.groups.export_undecided(shared, entry, index, changed);
        } else {
            self.groups.export_paths(shared, entry, index, changed);
        }
        self.export_default_route(shared, index, source);
    }

    /// Exports a changed path that is this speaker's default route for some peers.
    fn export_default_route(&mut self, shared: &mut Shared, index: EntryIndex, source: SourceIndex) {
        if OwnSource::DefaultRoute.find(&shared.sources) == Some(source) {
            self.groups.export_default_route(shared, self.table.entry_mut(index), index);
        }
    }

    /// Enters the choice for an entry into the logs of groups and forwarding table.
    fn enter_choice(
        &mut self,
        shared: &mut Shared,
        index: EntryIndex,
        former_best: Option<Path>,
        choice: Choice,
    ) {
        let entry = self.table.entry(index);
        let forwarding = match self.forwarding {
            Some(_) => self.forwarding_for(shared, entry, &choice),
            None => None,
        };
        let best = choice.best.map(|position| entry.paths.as_slice()[position]);
        let entry = self.table.entry_mut(index);
        entry.set_best_position(choice.best);
        if let Some(log) = &mut self.forwarding {
            entry.pins += u16::from(log.set(index, forwarding));
        }
        let is_same = |former: Path, best: Path| (former.source, former.import) == (best.source, best.import);
        if !former_best.zip(best).is_some_and(|(former, best)| is_same(former, best)) {
            self.groups.export_best(shared, entry, index);
            if former_best.is_some() || best.is_some() {
                shared.watch.on_best_changed(|| entry.prefix.erase());
            }
        }
        self.contribute(shared, index);
    }

    /// Notes to which aggregates the best path of an entry contributes. Paths of aggregates contribute to none: what they stand
    /// for does.
    pub(super) fn contribute(&mut self, shared: &mut Shared, index: EntryIndex) {
        if self.own_routes.aggregates.is_empty() {
            return;
        }
        let entry = self.table.entry(index);
        let prefix = entry.prefix.erase();
        let own = [OwnSource::Aggregate, OwnSource::DefaultRoute].map(|own| own.find(&shared.sources));
        let best = entry.best_path().filter(|path| !own.contains(&Some(path.source)));
        let passes = |filter: &FilterChain| {
            let handle = best.and_then(|path| Some((path.source, path.import.handle()?)));
            handle.is_some_and(|(source, handle)| {
                let from = shared.peers.route_source(source, shared.sources.get(source));
                let route = shared.store.route_path(handle, P::FAMILY, from);
                let destination = shared.validation.destination(filter, prefix, route.attributes);
                filter.evaluate(&route, &destination).is_accepted()
            })
        };
        let changed = self.own_routes.aggregates.update(prefix, index, passes);
        let paths = changed.into_iter().map(|around| self.own_routes.aggregate_path(around)).collect();
        self.change_own_paths(shared, paths);
    }

    /// Enters or replaces a path, with references of its own.
    pub(super) fn put(&mut self, shared: &mut Shared, index: EntryIndex, path: Path) {
        let entry = self.table.entry(index);
        let was_empty = entry.paths.as_slice().is_empty();
        let former_best = entry.best_path();
        let old = self.table.put_path(index, path);
        if old == Some(path) {
            return;
        }
        self.reachable_prefixes += usize::from(was_empty);
        shared.store.retain(path.received);
        if let Some(handle) = path.import.handle() {
            shared.store.retain(handle);
            if shared.store.next_hops.tracks_entries() {
                let next_hop = shared.store.get(handle).next_hop;
                shared.store.next_hops.add_entry(P::INDEX, next_hop, index);
            }
        }
        if old.is_none() {
            shared.sources.retain(path.source);
        }
        let peer = shared.sources.get(path.source).peer;
        if let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.on_replaced(index, old.as_ref(), Some(&path));
            self.on_room(shared, peer);
        }
        if let Err(refusal) = path.import.result()
            && refusal.is_noteworthy()
            && old.is_none_or(|old| old.import != path.import)
        {
            let prefix = self.table.entry(index).prefix.erase();
            shared.notices.add(Notice { peer, prefix, kind: NoticeKind::Refused(refusal) });
        }
        self.on_changed(shared, index, PathChange { old, new: Some(path), former_best });
        if let Some(old) = old {
            release_path(&mut shared.store, self.table.entry(index), index, &old);
        }
    }

    pub(super) fn remove(&mut self, shared: &mut Shared, index: EntryIndex, source: SourceIndex) {
        let former_best = self.table.entry(index).best_path();
        let Some(old) = self.table.take_path(index, source) else { return };
        let paths = self.table.entry(index).paths.as_slice();
        self.reachable_prefixes -= usize::from(paths.is_empty());
        let peer = shared.sources.get(source).peer;
        let has_more = if paths.len() > LONG {
            // It is cheaper to name the entry unconditionally than to find out whether one of these paths is
            // the peer's.
            shared.sources.of_peer(peer).nth(1).is_some()
        } else {
            paths.iter().any(|path| shared.sources.get(path.source).peer == peer)
        };
        if let Some(routes) = shared.peers.routes_mut(P::INDEX, peer) {
            routes.on_replaced(index, Some(&old), None);
            if !has_more {
                routes.entries.remove(index.0);
            }
            self.on_room(shared, peer);
        }
        self.on_changed(shared, index, PathChange { old: Some(old), new: None, former_best });
        release_path(&mut shared.store, self.table.entry(index), index, &old);
        shared.sources.release(source);
        self.table.remove_if_unused(index);
    }

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    pub(super) fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let Some(log) = &mut self.forwarding else { return Vec::new() };
        let (changes, emptied) = log.poll(&self.table, limit);
        self.table.unpin(&emptied);
        changes
    }

    fn forwarding_for(&self, shared: &Shared, entry: &Entry<P>, choice: &Choice) -> Option<Forwarding> {
        let paths = entry.paths.as_slice();
        let best = &paths[choice.best?];
        if best.source == SourceIndex::LOCAL {
            return self.own_routes.hold(entry.prefix.erase()).map(Forwarding::discard);
        }
        if best.source == SourceIndex::KERNEL {
            return None;
        }
        let wanted = installed(&self.forwarding_filter, shared, entry.prefix.erase(), best)?;
        if let Some(discard) = wanted.discard {
            return Some(Forwarding { metric: wanted.metric, ..Forwarding::discard(discard) });
        }
        let others = choice.others.iter().map(|&position| &paths[position]);
        let others = others.filter_map(|path| {
            Some((path, installed(&self.forwarding_filter, shared, entry.prefix.erase(), path)?.hop?))
        });
        let hops: Vec<(&Path, WeightedHop)> =
            wanted.hop.map(|hop| (best, hop)).into_iter().chain(others).collect();
        let forwarding = via(hops.iter().map(|&(_, hop)| hop), shared.multipath)?;
        let forwarding = Forwarding { metric: wanted.metric, ..forwarding };
        Some(if hops.len() > 1 { shared_by_bandwidth(shared, &hops, forwarding) } else { forwarding })
    }
}

/// The forwarding over these paths with shares in proportion to their link bandwidths.
fn shared_by_bandwidth(shared: &Shared, hops: &[(&Path, WeightedHop)], forwarding: Forwarding) -> Forwarding {
    let mut bandwidths = LinkBandwidths::default();
    for (path, hop) in hops {
        if let Some(handle) = path.import.handle() {
            bandwidths.note(hop.hop, &shared.store.get(handle).attributes);
        }
    }
    bandwidths.applied_to(forwarding)
}

/// How a path is installed; `None` if `filter` or its purpose keeps it out of the kernel.
fn installed(filter: &FilterChain, shared: &Shared, prefix: Prefix, path: &Path) -> Option<Installed> {
    let handle = path.import.handle()?;
    let values = &shared.store.get(handle).values;
    if matches!(values.purpose(), RoutePurpose::Advertise | RoutePurpose::DefaultOriginate) {
        return None;
    }
    let (mut next_hop, mut link) = (shared.store.next_hop(handle), values.link());
    let (mut metric, mut discard) = (values.metric, values.discard());
    if !filter.is_empty() {
        let source = shared.peers.route_source(path.source, shared.sources.get(path.source));
        let route = shared.store.route_path(handle, prefix.family(), source);
        let destination = shared.validation.destination(filter, prefix, route.attributes);
        let verdict = filter.evaluate(&route, &destination);
        if !verdict.is_accepted() {
            return None;
        }
        let edits = verdict.edits;
        metric = edits.metric.or(metric);
        link = edits.link.as_deref().and_then(|link| link.parse().ok()).or(link);
        if let Some(NextHopEdit::Address(address)) = edits.next_hop {
            next_hop = Some(address);
        }
        discard = discard.or_else(|| edits.blackhole.then_some(Discard::Blackhole));
    }
    let hop = match (next_hop, link) {
        (Some(gateway), Some(link)) => Some(Hop::OnLink(gateway, link)),
        (Some(gateway), None) => Some(Hop::Gateway(gateway)),
        (None, Some(link)) => Some(Hop::Link(link)),
        (None, None) => None,
    };
    let hop = hop.map(|hop| WeightedHop { hop, weight: values.share() });
    Some(Installed { metric, discard, hop })
}

/// What the kernel shall do for a path.
struct Installed {
    metric: Option<u32>,
    discard: Option<Discard>,
    hop: Option<WeightedHop>,
}

fn sources_among(shared: &Shared, paths: &[Path], peer: PeerIndex) -> impl Iterator<Item = SourceIndex> {
    let sources = paths.iter().map(|path| path.source);
    sources.filter(move |&source| shared.sources.get(source).peer == peer)
}

/// Entries with more paths are decided as part of the pending work: one decision covers all changes up to
/// then, instead of one for each of thousands of paths.
const DECIDED_AT_ONCE: usize = 8;

/// Gives back the references of a removed path of `entry`. The next hop may keep naming an entry with many
/// paths: finding out would mean to look at all of them every time, whereas a stale name only costs one
/// needless decision when the next hop changes.
fn release_path<P: RibFamily>(store: &mut AttributeStore, entry: &Entry<P>, index: EntryIndex, path: &Path) {
    if let Some(handle) = path.import.handle() {
        let mut rest = entry.paths.as_slice().iter().filter_map(|path| path.import.handle());
        let is_tracked = store.next_hops.tracks_entries() && entry.paths.len() <= LONG;
        if is_tracked && !rest.any(|other| store.same_next_hop(handle, other)) {
            let next_hop = store.get(handle).next_hop;
            store.next_hops.remove_entry(P::INDEX, next_hop, index);
        }
        store.release(handle);
    }
    store.release(path.received);
}
