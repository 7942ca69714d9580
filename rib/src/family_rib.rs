//! The routes of one family: paths in, best paths, and what groups and forwarding table are told of them.

use std::collections::{BTreeMap, HashMap};

use bgp_codec::{Nlri, PathAttributes, PathId};
use bytes::Bytes;

use crate::attribute_store::{AttributeHandle, AttributeStore};
use crate::decision::{Candidate, CandidateOrigin, Decision, decide};
use crate::export_group::{ExportGroup, GroupSignature};
use crate::export_log::Change;
use crate::family::RibFamily;
use crate::forwarding::{Forwarding, ForwardingChange};
use crate::forwarding_log::{ForwardingLog, via};
use crate::import::ImportPolicy;
use crate::path::{ImportOutcome, ImportRefusal, Path};
use crate::peer::{Membership, PeerIndex, Peers};
use crate::table::{Entry, EntryIndex, Table};

/// Names an export group. Numbers are not used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupId(pub(crate) u32);

/// A group that a member has left.
#[derive(Debug)]
pub(crate) enum Left {
    /// It has other members, who may have waited for this one: it has to be settled.
    Shared(GroupId),
    /// It has none: it has to be drained.
    Last(Box<ExportGroup>),
}

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
    by_signature: HashMap<GroupSignature, GroupId>,
    next_group: u32,
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
        import: &ImportPolicy,
        routes: impl Iterator<Item = Nlri<P>>,
    ) {
        let attributes = import.check(shared.store.get(received), shared.store.next_hop(received));
        for Nlri { path_id, prefix } in routes {
            let import = match attributes.and_then(|()| import.filter(prefix.erase())) {
                Ok(()) => ImportOutcome::accepted(received),
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            let path_id = path_id.unwrap_or(PathId(0));
            self.put(shared, prefix, Path { source: peer, path_id, received, import });
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
        let changed = self.originated.insert(prefix, blackhole) != Some(blackhole);
        let index = self.put(shared, prefix, path);
        if changed {
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

    /// Puts `peer` into the group of its likes. Answers with the group when it is new: it has to be filled.
    pub(crate) fn join(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        signature: GroupSignature,
    ) -> Option<GroupId> {
        let options = shared.peers.options(peer)?;
        let known = self.by_signature.get(&signature).copied();
        let id = known.unwrap_or(GroupId(self.next_group));
        if known.is_none() {
            self.next_group += 1;
            self.by_signature.insert(signature.clone(), id);
            self.groups.insert(id, ExportGroup::new(id, signature, options.export.clone()));
        }
        let group = self.groups.get_mut(&id)?;
        group.members.push(peer);
        let membership = Membership { group: id, reader: group.log.join() };
        let routes = shared.peers.routes_mut::<P>(peer)?;
        routes.membership = Some(membership);
        routes.owes_end_of_rib = true;
        known.is_none().then_some(id)
    }

    /// Takes `peer` out of its group. Answers with what is left to be done about the group.
    pub(crate) fn leave(&mut self, shared: &mut Shared, peer: PeerIndex) -> Option<Left> {
        let membership = shared.peers.routes_mut::<P>(peer)?.membership.take()?;
        let group = self.groups.get_mut(&membership.group)?;
        let emptied = group.leave(membership.reader, peer);
        let last = group.members.is_empty();
        self.unpin(emptied);
        if !last {
            return Some(Left::Shared(membership.group));
        }
        let group = self.groups.remove(&membership.group)?;
        self.by_signature.remove(&group.signature);
        Some(Left::Last(Box::new(group)))
    }

    /// Forgets withdrawals of a group that every member knows of, as many as fit into a slice of time. Answers whether
    /// there are more.
    pub(crate) fn settle(&mut self, id: GroupId) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let emptied = group.settle();
        let more = !group.log.is_settled();
        self.unpin(emptied);
        more
    }

    /// Enters up to `limit` entries into the log of a new group. Answers whether there are more.
    pub(crate) fn fill(&mut self, shared: &mut Shared, id: GroupId, limit: usize) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let Some(first) = group.filled_to else { return false };
        let last = first.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)).min(self.table.end());
        for number in first..last {
            let index = EntryIndex(number);
            if !self.table.is_in_use(index) {
                continue;
            }
            let entry = self.table.entry_mut(index);
            let best = entry.best.map(|position| entry.paths.as_slice()[usize::from(position)]);
            entry.pins += u16::from(tell_group(shared, group, entry.prefix, index, best));
        }
        group.filled_to = (last < self.table.end()).then_some(last);
        group.filled_to.is_some()
    }

    /// Gives up what the log of a former group holds, for up to `limit` entries from `first` on. Answers with the
    /// first entry that is left, if one is.
    pub(crate) fn drain(
        &mut self,
        shared: &mut Shared,
        group: &mut ExportGroup,
        first: u32,
        limit: usize,
    ) -> Option<u32> {
        let end = group.log.slots_end();
        let last = first.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)).min(end);
        for (index, handle) in group.log.drain(first, last) {
            handle.into_iter().for_each(|handle| shared.store.release(handle));
            self.unpin([index]);
        }
        (last < end).then_some(last)
    }

    /// What `peer` is to be told next in this family; `None` when it is up to date.
    pub(crate) fn tell(&mut self, shared: &mut Shared, peer: PeerIndex) -> Option<Vec<Bytes>> {
        let Membership { group, reader } = shared.peers.routes::<P>(peer)?.membership?;
        let group = self.groups.get_mut(&group)?;
        if group.log.is_behind(reader) {
            let (octets, emptied) = group.tell(&self.table, &shared.store, reader, peer);
            self.unpin(emptied);
            return Some(octets);
        }
        let routes = shared.peers.routes_mut::<P>(peer)?;
        let owes = routes.owes_end_of_rib && group.filled_to.is_none();
        owes.then(|| {
            routes.owes_end_of_rib = false;
            vec![group.end_of_rib(P::FAMILY)]
        })
    }

    /// Whether there is something to tell `peer`.
    pub(crate) fn has_news(&self, shared: &Shared, peer: PeerIndex) -> bool {
        let Some(routes) = shared.peers.routes::<P>(peer) else { return false };
        let Some(Membership { group, reader }) = routes.membership else { return false };
        self.groups.get(&group).is_some_and(|group| {
            group.log.is_behind(reader) || routes.owes_end_of_rib && group.filled_to.is_none()
        })
    }

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    pub(crate) fn tell_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let Some(log) = &mut self.forwarding else { return Vec::new() };
        let (changes, emptied) = log.tell(&self.table, limit);
        self.unpin(emptied);
        changes
    }

    /// Has `peer` told everything again (RFC 2918).
    pub(crate) fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        if let Some(Membership { group, reader }) =
            shared.peers.routes::<P>(peer).and_then(|routes| routes.membership)
            && let Some(group) = self.groups.get_mut(&group)
        {
            group.rewind(reader);
        }
    }

    /// Enters or replaces a path, taking references of its own for it.
    fn put(&mut self, shared: &mut Shared, prefix: P, path: Path) -> EntryIndex {
        let index = self.table.find_or_insert(prefix);
        let entry = self.table.entry_mut(index);
        let was_empty = entry.paths.as_slice().is_empty();
        let old = entry.paths.upsert(path);
        if old == Some(path) {
            return index;
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
        index
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

    fn unpin(&mut self, entries: impl IntoIterator<Item = EntryIndex>) {
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

/// What the decision process chose for an entry, as positions in its paths.
struct Choice {
    best: Option<usize>,
    multipath: Vec<usize>,
}

impl Choice {
    fn of<P: RibFamily>(shared: &Shared, entry: &Entry<P>) -> Self {
        match entry.paths.as_slice() {
            [] => Self { best: None, multipath: Vec::new() },
            [path] => {
                let best = candidate(shared, path).ok().map(|_| 0);
                Self { best, multipath: best.into_iter().collect() }
            }
            paths => {
                let Some((positions, decision)) = contest(shared, paths) else {
                    return Self { best: None, multipath: Vec::new() };
                };
                let multipath = decision.multipath().map(|position| positions[position]).collect();
                Self { best: Some(positions[decision.best]), multipath }
            }
        }
    }
}

/// Why a path takes no part in the decision process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    Refused(ImportRefusal),
    NextHopUnreachable,
    PeerGone,
}

/// The usable ones among `paths` by position, and the decision between them.
pub(crate) fn contest(shared: &Shared, paths: &[Path]) -> Option<(Vec<usize>, Decision)> {
    let usable =
        (0..).zip(paths).filter_map(|(position, path)| Some((position, candidate(shared, path).ok()?)));
    let (positions, candidates): (Vec<usize>, Vec<Candidate<'_>>) = usable.unzip();
    let decision = decide(&candidates)?;
    Some((positions, decision))
}

/// What the decision process has to know of a path, if the path takes part.
pub(crate) fn candidate<'s>(shared: &'s Shared, path: &Path) -> Result<Candidate<'s>, Unusable> {
    let handle = path.import.result().map_err(Unusable::Refused)?;
    let set = shared.store.get(handle);
    let interior_cost = shared.store.next_hops.cost(set.next_hop).ok_or(Unusable::NextHopUnreachable)?;
    let origin = if path.source == PeerIndex::LOCAL {
        CandidateOrigin::Local
    } else {
        let options = shared.peers.up(path.source).ok_or(Unusable::PeerGone)?;
        CandidateOrigin::Peer { kind: options.kind, identifier: options.identifier, address: options.address }
    };
    Ok(Candidate { origin, attributes: &set.attributes, interior_cost })
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

/// Sets what a group is told of an entry. Answers whether its log now needs the entry that it did not need before.
fn tell_group<P: RibFamily>(
    shared: &mut Shared,
    group: &mut ExportGroup,
    prefix: P,
    index: EntryIndex,
    best: Option<Path>,
) -> bool {
    let Shared { store, peers, .. } = shared;
    let wanted = best.and_then(|path| {
        let learned_from = peers.learned_from(path.source);
        let exported = group.export(store, prefix.erase(), path.import.handle()?, learned_from)?;
        Some((exported, path.source))
    });
    let id = group.id;
    let reader_of = |source| {
        let membership = peers.routes::<P>(source)?.membership?;
        (membership.group == id).then_some(membership.reader)
    };
    let change = group.log.set(index, wanted, reader_of);
    match change {
        Change::None => wanted.into_iter().for_each(|(handle, _)| store.release(handle)),
        Change::Replaced(old) => store.release(old),
        Change::Filled | Change::Revived => {}
    }
    group.log.rewrite_if_stale();
    change == Change::Filled
}
