//! An export group: peers with equal export rules, which read one log that is encoded once.

use std::collections::BTreeSet;

use bgp_codec::{Family, Prefix};
use bytes::BytesMut;
use margay_filter::FilterChain;

use super::entry_paths::EntryPaths;
use super::path_log::{PathLog, SetOutcome};
use super::signature::GroupSignature;
use super::slice::{EncodedUpdates, Slice};
use super::slice_cache::SliceCache;
use crate::attributes::{AttributeHandle, AttributeStore};
use crate::decision::{BestFew, Candidate, best_of, candidate, rival};
use crate::family::{FamilyIndex, RibFamily};
use crate::index::{EntryIndex, GroupId, PeerIndex, SlotIndex, SourceIndex};
use crate::log::{ExportLog, ReaderId};
use crate::notices::{Notice, NoticeKind};
use crate::options::{PathsSent, RoutePurpose};
use crate::paths::{Entry, Path, Table};
use crate::policy::{ExportRules, ExportedRoute, NotSent};
use crate::shared::{Advertising, Shared};

/// A group: the rules that its members share, and the log of the routes that follow from them.
#[derive(Debug)]
pub(crate) struct ExportGroup {
    pub(crate) id: GroupId,
    family: FamilyIndex,
    pub(crate) signature: GroupSignature,
    pub(crate) rules: ExportRules,
    pub(crate) log: PathLog<AttributeHandle>,
    pub(crate) members: Vec<PeerIndex>,
    /// A group with equal rules. Members move there once they have read this log to its end.
    pub(crate) heir: Option<GroupId>,
    /// Entry up to which the table has been entered into the log; `None` once it is complete.
    pub(crate) filled_to: Option<u32>,
    /// Paths of that entry that are not entered yet, if it has many.
    pub(crate) filled_paths: EntryPaths,
    /// Whether a copy is in progress: the group has to stay until it is complete.
    pub(crate) is_copied: bool,
    /// The paths that pass the rules but do not fit into a message of the group.
    pub(crate) too_long: BTreeSet<(EntryIndex, SourceIndex)>,
    slices: SliceCache,
}

/// A path, the attributes that it is exported with, and the peer that it came from.
type ExportedPath = (Path, (AttributeHandle, PeerIndex));

/// The changed paths of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChangedPaths {
    /// The path from this source; its present value.
    One(SourceIndex, Option<Path>),
    /// Any of them.
    Any,
}

/// Where more paths than this are examined in search of the best few, all of them are.
const FEW: usize = 1024;

/// Records that a slice covers: few enough to be encoded in a fraction of a millisecond.
const SLICE_RECORDS: usize = 2048;

impl ExportGroup {
    /// A group without members. Filters with equal contents decide alike, so the filter of any member serves.
    pub(crate) fn new(
        id: GroupId,
        family: FamilyIndex,
        signature: GroupSignature,
        filter: FilterChain,
    ) -> Self {
        Self {
            id,
            family,
            rules: ExportRules::new(signature.policy.clone(), filter, signature.encoder()),
            log: match signature.add_path {
                None => PathLog::of_best_paths(),
                Some(_) => PathLog::of_paths(),
            },
            signature,
            members: Vec::new(),
            heir: None,
            filled_to: Some(0),
            filled_paths: EntryPaths::default(),
            is_copied: false,
            too_long: BTreeSet::new(),
            slices: SliceCache::default(),
        }
    }

    /// Starts a copy of the group. [`copy_part`](Self::copy_part) fills it while the group stays in use.
    pub(crate) fn begin_copy(&mut self) {
        self.log.begin_copy();
        self.is_copied = true;
    }

    /// Copies up to `limit` more slots, taking references for the copy. Returns the entries that the copy
    /// pins.
    pub(crate) fn copy_part(&mut self, store: &mut AttributeStore, limit: usize) -> Vec<EntryIndex> {
        let copied = self.log.copy_part(limit);
        copied.values.into_iter().for_each(|handle| store.retain(handle));
        copied.entries
    }

    /// Whether the copy is complete.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.log.is_copy_whole()
    }

    /// Takes the complete copy, as a group for some of the members, which keep their positions. It has to be
    /// filled, because this group may not have been filled itself.
    pub(crate) fn take_copy(&mut self, id: GroupId, members: &[(PeerIndex, ReaderId)]) -> Self {
        let readers: Vec<ReaderId> = members.iter().map(|&(_, reader)| reader).collect();
        self.is_copied = false;
        Self {
            id,
            family: self.family,
            signature: self.signature.clone(),
            rules: self.rules.afresh(),
            log: self.log.take_copy(&readers),
            members: members.iter().map(|&(peer, _)| peer).collect(),
            heir: None,
            filled_to: None,
            filled_paths: EntryPaths::default(),
            is_copied: false,
            too_long: self.too_long.clone(),
            slices: SliceCache::default(),
        }
    }

    /// Replaces the rules. The log still holds what followed from the former ones, so it has to be filled
    /// again.
    ///
    /// The two signatures agree in everything that cannot change during a session.
    pub(crate) fn set_rules(&mut self, signature: GroupSignature, filter: FilterChain) {
        self.rules = ExportRules::new(signature.policy.clone(), filter, signature.encoder());
        self.signature = signature;
    }

    /// Has the whole table entered into the log again. Returns whether all of it was entered before.
    pub(super) fn fill_again(&mut self) -> bool {
        self.filled_paths = EntryPaths::default();
        self.filled_to.replace(0).is_none()
    }

    /// Exports an entry again.
    pub(crate) fn export_all<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
    ) {
        if self.signature.sends_several() {
            self.export_paths(shared, entry, index, ChangedPaths::Any);
        } else {
            self.export_best(shared, entry, index);
        }
    }

    /// Exports the best path of an entry, in a group that is sent one path for each prefix.
    pub(crate) fn export_best<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
    ) {
        let best = self.chosen(shared, entry.prefix.erase(), entry.paths.as_slice(), entry.best_path());
        self.retain_too_long(index, |source| best.is_some_and(|best| best.source == source));
        let wanted = best.and_then(|path| self.export(shared, entry, index, &path));
        entry.pins +=
            self.set(shared, wanted, |log, wanted, reader_of| log.set_best(index, wanted, reader_of));
    }

    /// The path of an entry that a group is sent which is sent one: the best, or this speaker's default route for some peers.
    pub(crate) fn chosen(
        &self,
        shared: &Shared,
        prefix: Prefix,
        paths: &[Path],
        best: Option<Path>,
    ) -> Option<Path> {
        if !self.signature.policy.sends_default_route() || prefix.length() > 0 {
            return best;
        }
        let is_default_route = |path: &&Path| {
            let values = path.import.handle().map(|handle| &shared.store.get(handle).values);
            values.is_some_and(|values| values.purpose() == RoutePurpose::DefaultOriginate)
        };
        paths.iter().find(is_default_route).copied().or(best)
    }

    /// Exports the changed paths of an entry, in a group that is sent several.
    pub(crate) fn export_paths<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
        changed: ChangedPaths,
    ) {
        let Some(sent) = self.signature.add_path else { return };
        match (sent, changed) {
            (PathsSent::All, ChangedPaths::One(source, path)) => {
                let path = path.filter(|path| candidate(&shared.store, &shared.sources, path).is_ok());
                self.retain_too_long(index, |withheld| path.is_some() || withheld != source);
                let wanted = path.and_then(|path| self.export(shared, entry, index, &path));
                entry.pins += self.set_path(shared, index, source, wanted);
            }
            (sent, _) => self.set_paths(shared, entry, index, sent),
        }
    }

    /// Exports the best few paths of an entry, or all of them.
    fn set_paths<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
        sent: PathsSent,
    ) {
        let mut exported = match sent {
            PathsSent::Best(most) if entry.paths.len() > usize::from(most.get()) => {
                self.export_best_few(shared, entry, index, most.get().into())
            }
            PathsSent::Best(_) | PathsSent::All => {
                self.export_first(shared, entry, index, (entry.paths.as_slice(), usize::MAX))
            }
        };
        exported.sort_unstable_by_key(|(path, _)| path.source);
        let is_sent = |source| exported.binary_search_by_key(&source, |(path, _)| path.source).is_ok();
        let untold = self.log.slots_of(index).into_iter().filter_map(|(_, source)| source);
        for source in untold.filter(|&source| !is_sent(source)) {
            entry.pins += self.set_path(shared, index, source, None);
        }
        for (path, wanted) in exported {
            entry.pins += self.set_path(shared, index, path.source, Some(wanted));
        }
    }

    /// Exports the best few of the paths of an entry that may be exported. Others are examined only as far as
    /// that takes.
    fn export_best_few<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &Entry<P>,
        index: EntryIndex,
        most: usize,
    ) -> Vec<ExportedPath> {
        let mut examined = most;
        loop {
            let best = best_of(&shared.store, &shared.sources, entry, examined);
            let is_all = best.len() < examined;
            let exported = self.export_first(shared, entry, index, (&best, most));
            if exported.len() == most || is_all {
                return exported;
            }
            exported.into_iter().for_each(|(_, (handle, _))| shared.store.release(handle));
            if examined > FEW {
                return self.export_best_exported(shared, entry, index, most);
            }
            examined *= 8;
        }
    }

    /// Exports the usable ones of these paths to an entry, the first `most` that may be exported.
    fn export_first<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &Entry<P>,
        index: EntryIndex,
        (paths, most): (&[Path], usize),
    ) -> Vec<ExportedPath> {
        let mut too_long = BTreeSet::new();
        let mut exported = Vec::new();
        for path in paths {
            if exported.len() == most {
                break;
            }
            if candidate(&shared.store, &shared.sources, path).is_err() {
                continue;
            }
            match self.export(shared, entry, index, path) {
                Some(wanted) => exported.push((*path, wanted)),
                None => too_long.extend(self.too_long.get(&(index, path.source)).map(|&(_, source)| source)),
            }
        }
        self.retain_too_long(index, |source| too_long.contains(&source));
        exported
    }

    /// The same where most paths are refused: each path that is better than the best few so far is exported.
    fn export_best_exported<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &Entry<P>,
        index: EntryIndex,
        most: usize,
    ) -> Vec<ExportedPath> {
        fn candidate_of(
            shared: &Shared,
            path: Path,
            present_best: Option<SourceIndex>,
        ) -> Option<Candidate<'_>> {
            rival(&shared.store, &shared.sources, &path, present_best).ok()
        }
        let present = entry.best_source();
        let mut too_long = BTreeSet::new();
        let mut few = BestFew::new(most);
        for &path in entry.paths.as_slice() {
            let admits =
                |path: &Candidate<'_>| few.admits(path, |other| candidate_of(shared, other, present));
            if !candidate_of(shared, path, present).as_ref().is_some_and(admits) {
                continue;
            }
            let Some(wanted) = self.export(shared, entry, index, &path) else {
                too_long.extend(self.too_long.get(&(index, path.source)).map(|&(_, source)| source));
                continue;
            };
            let displaced = candidate_of(shared, path, present).and_then(|candidate| {
                few.add(&candidate, path, wanted, |other| candidate_of(shared, other, present))
            });
            displaced.into_iter().for_each(|(handle, _)| shared.store.release(handle));
        }
        self.retain_too_long(index, |source| too_long.contains(&source));
        let (best, others) = few.finish(|path| candidate_of(shared, path, present));
        others.into_iter().for_each(|(handle, _)| shared.store.release(handle));
        best
    }

    fn set_path(
        &mut self,
        shared: &mut Shared,
        entry: EntryIndex,
        source: SourceIndex,
        wanted: Option<(AttributeHandle, PeerIndex)>,
    ) -> u16 {
        self.set(shared, wanted, |log, wanted, reader_of| log.set_path(entry, source, wanted, reader_of))
    }

    /// The attributes with which a path is exported, with a reference to them, and the peer that announced
    /// it.
    fn export<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &Entry<P>,
        index: EntryIndex,
        path: &Path,
    ) -> Option<(AttributeHandle, PeerIndex)> {
        let Shared { store, peers, sources, advertising, notices, validation, .. } = shared;
        let source = sources.get(path.source);
        if *advertising == Advertising::OwnRoutes && source.peer != PeerIndex::LOCAL {
            return None;
        }
        let route = self.route(entry.prefix.erase());
        let exported = self.rules.export(
            store,
            (peers, validation),
            route,
            path.import.handle()?,
            (path.source, source),
        );
        if let Some(verdict) = self.rules.take_logged()
            && let [first, others @ ..] = &*self.members
        {
            notices.add_with(|| {
                let kind = NoticeKind::LoggedOnExport { verdict: verdict(), others: others.len() };
                Notice { peer: *first, prefix: route.prefix, kind }
            });
        }
        if exported == Err(NotSent::TooLong) {
            if self.too_long.insert((index, path.source))
                && let [first, others @ ..] = &*self.members
            {
                let kind = NoticeKind::TooLong { peer: *first, others: others.len() };
                notices.add(Notice { peer: source.peer, prefix: route.prefix, kind });
            }
        } else if !self.too_long.is_empty() {
            self.too_long.remove(&(index, path.source));
        }
        Some((exported.ok()?, source.peer))
    }

    /// Forgets the too long paths of an entry, except those for which `keeps` returns true.
    pub(super) fn retain_too_long(&mut self, entry: EntryIndex, keeps: impl Fn(SourceIndex) -> bool) {
        if self.too_long.is_empty() {
            return;
        }
        let of_entry = self.too_long.range((entry, SourceIndex::FIRST)..=(entry, SourceIndex::LAST));
        let gone: Vec<_> = of_entry.filter(|&&(_, source)| !keeps(source)).copied().collect();
        for path in gone {
            self.too_long.remove(&path);
        }
    }

    /// The properties of a route that decide whether it is exported.
    pub(crate) fn route(&self, prefix: Prefix) -> ExportedRoute {
        let path_id_octets = if self.signature.add_path.is_some() { 4 } else { 0 };
        let nlri_octets = path_id_octets + 1 + usize::from(prefix.length().div_ceil(8));
        ExportedRoute { prefix, nlri_octets }
    }

    /// Sets a slot of the log, which takes over the reference. Returns the number of additional pins on the
    /// entry.
    fn set(
        &mut self,
        shared: &mut Shared,
        wanted: Option<(AttributeHandle, PeerIndex)>,
        set: impl FnOnce(
            &mut PathLog<AttributeHandle>,
            Option<(AttributeHandle, PeerIndex)>,
            &dyn Fn(PeerIndex) -> Option<ReaderId>,
        ) -> SetOutcome<AttributeHandle>,
    ) -> u16 {
        let Shared { store, peers, .. } = shared;
        let (id, family) = (self.id, self.family);
        let reader_of = |peer| {
            let membership = peers.routes(family, peer)?.membership?;
            (membership.group == id).then_some(membership.reader)
        };
        let SetOutcome { slots, replaced, pins } = set(&mut self.log, wanted, &reader_of);
        self.forget_compacted();
        match (wanted, slots) {
            (Some((handle, _)), 0) => store.release(handle),
            (Some((handle, _)), 2..) => store.retain(handle),
            (Some(_), 1) | (None, _) => {}
        }
        if let Some(old) = replaced {
            (0..slots).for_each(|_| store.release(old));
        }
        pins
    }

    /// Appends to `out` what `reader` is to be sent next. Up to `cache_room` octets of slices are kept.
    /// Returns the entries whose withdrawal has now been sent to all members.
    ///
    /// Nothing is appended if all changes came from the member itself.
    pub(crate) fn poll<P: RibFamily>(
        &mut self,
        table: &Table<P>,
        store: &AttributeStore,
        reader: ReaderId,
        peer: PeerIndex,
        cache_room: usize,
        out: &mut Vec<EncodedUpdates>,
    ) -> Vec<EntryIndex> {
        self.rules.trim(store);
        let start = self.log.reading(reader).cursor();
        // Usually another member has been sent it before.
        let slice = match self.slices.find(start) {
            Some(slice) => slice,
            None => {
                let slice = self.encode(table, store, start);
                self.slices.keep(slice, cache_room)
            }
        };
        slice.append_for(peer, out, |withdrawn, octets| {
            let routes = withdrawn.iter().map(|&slot| self.log.nlri(table, slot));
            self.signature.encoder().unreach(octets, routes);
        });
        let end = slice.end;
        self.advance(|log| log.advance(reader, end))
    }

    /// Drops the cached slices, when a member comes back under the same index: they may contain its own paths
    /// by now.
    pub(crate) fn forget_slices(&mut self) {
        self.slices.clear();
    }

    /// Removes a member. Withdrawals may have waited for it alone, so the group has to be
    /// [settled](Self::settle).
    pub(crate) fn leave(&mut self, reader: ReaderId, peer: PeerIndex) {
        self.members.retain(|&member| member != peer);
        self.log.readers().leave(reader);
    }

    /// Moves a member back to the start, to be sent all routes again.
    ///
    /// This drops the cached slices: they may contain paths that have since become the member's own.
    pub(crate) fn rewind(&mut self, reader: ReaderId) {
        self.log.readers().rewind(reader);
        self.slices.clear();
    }

    /// Forgets withdrawals that every member has read, as many as fit into a slice of work.
    pub(crate) fn settle(&mut self) -> Vec<EntryIndex> {
        self.advance(ExportLog::settle)
    }

    /// Moves a reader forward, and drops the slices that must not be sent again.
    ///
    /// A cached slice may announce a route that has been withdrawn since. That does no harm as long as the
    /// withdrawal is still in the log. Once withdrawals are settled, the slices before them are void.
    fn advance(
        &mut self,
        movement: impl FnOnce(&mut ExportLog<AttributeHandle>) -> Vec<SlotIndex>,
    ) -> Vec<EntryIndex> {
        let settled = self.log.settled();
        let entries = self.log.settle_by(movement);
        self.forget_compacted();
        if self.log.settled() != settled {
            self.slices.forget_before(self.log.settled());
        }
        entries
    }

    /// Drops the slices of parts of the log whose positions have changed meaning.
    fn forget_compacted(&mut self) {
        for range in self.log.readers().take_compacted() {
            self.slices.forget_over(&range);
        }
    }

    /// Frees up to `limit` slots. Returns the entries that the group no longer needs; `None` when no slot is
    /// left.
    pub(crate) fn drain(&mut self, store: &mut AttributeStore, limit: usize) -> Option<Vec<EntryIndex>> {
        let drained = self.log.drain(limit)?;
        drained.values.into_iter().for_each(|handle| store.release(handle));
        Some(drained.entries)
    }

    /// Encodes End-of-RIB (RFC 4724 §2).
    pub(crate) fn end_of_rib(&self, family: Family) -> EncodedUpdates {
        let mut out = BytesMut::new();
        self.signature.encoder().end_of_rib(&mut out, family);
        EncodedUpdates::new(out.freeze())
    }

    fn encode<P: RibFamily>(&self, table: &Table<P>, store: &AttributeStore, start: u32) -> Slice {
        let batch = self.log.batch(start, SLICE_RECORDS);
        Slice::encode(start, batch, &self.signature.encoder(), store, |slot| self.log.nlri(table, slot))
    }
}
