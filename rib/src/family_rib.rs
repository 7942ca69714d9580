//! The routes of one family: paths in, best paths, and what groups and forwarding table are told of them.

use std::collections::{BTreeMap, HashMap};

use bgp_codec::{Nlri, PathAttributes, PathId};

use crate::attribute_store::{AttributeHandle, AttributeStore};
use crate::contest::Choice;
use crate::export_group::{ExportGroup, GroupSignature};
use crate::family::RibFamily;
use crate::forwarding::{Forwarding, ForwardingChange};
use crate::forwarding_log::{ForwardingLog, via};
use crate::import::ImportPolicy;
use crate::membership::{GroupId, tell_group};
use crate::path::{ImportOutcome, Path};
use crate::peer::{PeerIndex, Peers};
use crate::table::{Entry, EntryIndex, Table};

/// What the families share: attribute sets and peers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: AttributeStore,
    pub(crate) peers: Peers,
    /// How many next hops a forwarding may have.
    pub(crate) multipath: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FamilyRib<P> {
    pub(crate) table: Table<P>,
    pub(crate) groups: BTreeMap<GroupId, ExportGroup>,
    pub(crate) by_signature: HashMap<GroupSignature, GroupId>,
    pub(crate) next_group: u32,
    pub(crate) forwarding: Option<ForwardingLog>,
    /// The prefixes that this speaker originates, and whether it holds them with a blackhole.
    originated: HashMap<P, bool>,
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
            originated: HashMap::new(),
            reachable_prefixes: 0,
        }
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
        // All entries are found before the first is worked on: their cache misses overlap then.
        let found: Vec<_> = routes.map(|nlri| (self.table.find_or_insert(nlri.prefix), nlri)).collect();
        for (index, Nlri { path_id, prefix }) in found {
            let import = match attributes.and_then(|()| import.filter(prefix.erase())) {
                Ok(()) => ImportOutcome::accepted(received),
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            let path_id = path_id.unwrap_or(PathId(0));
            self.put(shared, index, Path { source: peer, path_id, received, import });
        }
    }

    /// Removes routes that `peer` withdrew.
    pub(crate) fn withdraw(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        for Nlri { path_id, prefix } in routes {
            if let Some(index) = self.table.find(prefix) {
                self.remove(shared, index, peer, path_id.unwrap_or(PathId(0)));
            }
        }
    }

    /// Originates `prefix`, held by a blackhole or not.
    pub(crate) fn originate(
        &mut self,
        shared: &mut Shared,
        prefix: P,
        attributes: PathAttributes,
        blackhole: bool,
    ) {
        let handle = shared.store.intern(attributes, None);
        let outcome = ImportOutcome::accepted(handle);
        let path = Path { source: PeerIndex::LOCAL, path_id: PathId(0), received: handle, import: outcome };
        let former = self.originated.insert(prefix, blackhole);
        let index = self.table.find_or_insert(prefix);
        self.put(shared, index, path);
        // The path is the same with and without a blackhole; only its forwarding is not.
        if former.is_some_and(|former| former != blackhole) {
            self.redecide(shared, index);
        }
        shared.store.release(handle);
    }

    /// Stops originating `prefix`.
    pub(crate) fn stop_originating(&mut self, shared: &mut Shared, prefix: P) {
        self.originated.remove(&prefix);
        if let Some(index) = self.table.find(prefix) {
            self.remove(shared, index, PeerIndex::LOCAL, PathId(0));
        }
    }

    /// How many prefixes this speaker originates.
    pub(crate) fn originated(&self) -> usize {
        self.originated.len()
    }

    /// Takes the paths of a peer that left out of up to `limit` entries. Answers whether there are more.
    pub(crate) fn sweep(&mut self, shared: &mut Shared, peer: PeerIndex, limit: usize) -> bool {
        let Some(routes) = shared.peers.routes_mut::<P>(peer) else { return false };
        let entries: Vec<u32> = routes.entries.iter().take(limit).collect();
        for &number in &entries {
            let index = EntryIndex(number);
            let paths = self.table.entry(index).paths.as_slice();
            let of_peer: Vec<PathId> =
                paths.iter().filter(|path| path.source == peer).map(|path| path.path_id).collect();
            for path_id in of_peer {
                self.remove(shared, index, peer, path_id);
            }
        }
        shared.peers.routes::<P>(peer).is_some_and(|routes| !routes.entries.is_empty())
    }

    /// Decides anew about an entry and tells whoever is concerned.
    pub(crate) fn redecide(&mut self, shared: &mut Shared, index: EntryIndex) {
        let entry = self.table.entry(index);
        let choice = Choice::of(shared, entry);
        let forwarding =
            self.forwarding.is_some().then(|| self.forwarding_for(shared, entry, &choice)).flatten();
        let prefix = entry.prefix;
        let best = choice.best.map(|position| entry.paths.as_slice()[position]);
        let entry = self.table.entry_mut(index);
        entry.best = choice.best.and_then(|position| u16::try_from(position).ok());
        for group in self.groups.values_mut() {
            entry.pins += u16::from(tell_group(shared, group, prefix, index, best));
        }
        if let Some(log) = &mut self.forwarding {
            entry.pins += u16::from(log.set(index, forwarding));
        }
    }

    /// Decides anew about an entry of a bitmap, unless it has gone since the bitmap was drawn.
    pub(crate) fn redecide_if_known(&mut self, shared: &mut Shared, number: u32) {
        if self.table.is_in_use(EntryIndex(number)) {
            self.redecide(shared, EntryIndex(number));
        }
    }

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    pub(crate) fn tell_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let Some(log) = &mut self.forwarding else { return Vec::new() };
        let (changes, emptied) = log.tell(&self.table, limit);
        self.unpin(emptied);
        changes
    }

    /// Enters or replaces a path, taking references of its own for it.
    fn put(&mut self, shared: &mut Shared, index: EntryIndex, path: Path) {
        let entry = self.table.entry_mut(index);
        let was_empty = entry.paths.as_slice().is_empty();
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
        if let Some(routes) = shared.peers.routes_mut::<P>(path.source) {
            routes.on_replaced(index, old.as_ref(), Some(&path));
        }
        if let Some(old) = old {
            release_path(&mut shared.store, entry, index, &old);
        }
        self.redecide(shared, index);
    }

    fn remove(&mut self, shared: &mut Shared, index: EntryIndex, source: PeerIndex, path_id: PathId) {
        let entry = self.table.entry_mut(index);
        let Some(old) = entry.paths.remove(source, path_id) else { return };
        self.reachable_prefixes -= usize::from(entry.paths.as_slice().is_empty());
        let more_of_source = entry.paths.as_slice().iter().any(|path| path.source == source);
        if let Some(routes) = shared.peers.routes_mut::<P>(source) {
            routes.on_replaced(index, Some(&old), None);
            if !more_of_source {
                routes.entries.remove(index.0);
            }
        }
        release_path(&mut shared.store, entry, index, &old);
        self.redecide(shared, index);
        self.table.remove_if_unused(index);
    }

    pub(crate) fn unpin(&mut self, entries: impl IntoIterator<Item = EntryIndex>) {
        for index in entries {
            self.table.entry_mut(index).pins -= 1;
            self.table.remove_if_unused(index);
        }
    }

    fn forwarding_for(&self, shared: &Shared, entry: &Entry<P>, choice: &Choice) -> Option<Forwarding> {
        let paths = entry.paths.as_slice();
        let best = paths[choice.best?];
        if best.source == PeerIndex::LOCAL {
            let blackhole = self.originated.get(&entry.prefix).copied().unwrap_or(false);
            return blackhole.then_some(Forwarding::Blackhole);
        }
        let next_hop = |&position: &usize| shared.store.next_hop(paths[position].import.handle()?);
        via(choice.multipath.iter().filter_map(next_hop), shared.multipath)
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
