//! Other rules for peers whose sessions stay: what follows from them is told, and nothing else.
//!
//! Import is asked anew about each path that was received: refused ones are kept, so the peer need not send anything again.
//! An export group whose members all get the same other rules takes them over with its log; where only some do, they
//! take a copy of the log with them. Either way the log still says what the members hold, and filling it again under
//! the new rules records what differs. When another group has the same rules already, members move to it as soon as they
//! are up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgp_codec::Family;
use margay_filter::FilterChain;
use roaring::RoaringBitmap;

use crate::export_group::GroupSignature;
use crate::export_policy::LearnedFrom;
use crate::family::RibFamily;
use crate::family_rib::{FamilyRib, Shared};
use crate::import::ImportPolicy;
use crate::membership::{GroupId, Left};
use crate::path::{ImportOutcome, Path};
use crate::peer::{Membership, NextHopMode, PathsSent, PeerIndex, PeerOptions};
use crate::reflection::{Reflection, ReflectorOptions};
use crate::rib::{Rib, RibOptions, Work};
use crate::table::EntryIndex;

/// Those options of a peer that may change while its session stays.
#[derive(Clone, Debug)]
pub struct PeerRules {
    /// Decides what is used of what the peer announces.
    pub import: FilterChain,
    /// Decides what the peer is told.
    pub export: FilterChain,
    /// How NEXT_HOP is set in what the peer is told.
    pub next_hop: NextHopMode,
    /// The peer's part in route reflection.
    pub reflection: Reflection,
    /// Which paths the peer is told in families where it is told several.
    pub paths_sent: PathsSent,
}

impl PeerRules {
    fn applied_to(self, options: &PeerOptions) -> PeerOptions {
        let Self { import, export, next_hop, reflection, paths_sent } = self;
        let add_path = options.add_path.iter().map(|&(family, _)| (family, paths_sent)).collect();
        PeerOptions { import, export, next_hop, reflection, add_path, ..options.clone() }
    }
}

impl Rib {
    /// Takes over other rules for the speaker and for peers. What follows from them is done by [`work`](Self::work).
    ///
    /// Peers that get the same rules should get them together: a group that changes as a whole need not be copied.
    pub fn reconfigure(
        &mut self,
        reflector: ReflectorOptions,
        peers: impl IntoIterator<Item = (PeerIndex, PeerRules)>,
    ) {
        let mut imported = if reflector.has_same_clusters(&self.options.reflector) {
            BTreeSet::new()
        } else {
            self.shared.peers.all_up()
        };
        self.options.reflector = reflector;
        let mut reflected = BTreeMap::new();
        for (peer, rules) in peers {
            let Some(old) = self.shared.peers.up(peer).cloned() else { continue };
            let new = rules.applied_to(&old);
            if !old.import.same_content(&new.import) {
                imported.insert(peer);
            }
            if old.reflection != new.reflection {
                reflected.insert(peer, LearnedFrom::of(&new));
            }
            self.shared.peers.set_options(peer, Arc::new(new));
        }
        self.shared.sources.set_learned_from(&reflected);
        let Self { options, shared, ipv4, ipv6, work, .. } = self;
        ipv4.reconfigure(shared, options, &imported, &reflected, work_of(Family::IPV4_UNICAST, work));
        ipv6.reconfigure(shared, options, &imported, &reflected, work_of(Family::IPV6_UNICAST, work));
    }
}

/// Work for one family that follows from other rules.
enum Consequence {
    Reimport(PeerIndex, RoaringBitmap),
    Retell(RoaringBitmap),
    Fill(GroupId),
}

fn work_of(family: Family, work: &mut impl Extend<Work>) -> impl FnMut(Consequence) {
    move |consequence| {
        work.extend([match consequence {
            Consequence::Reimport(peer, entries) => Work::Reimport(family, peer, entries),
            Consequence::Retell(entries) => Work::Retell(family, entries),
            Consequence::Fill(group) => Work::Fill(family, group),
        }]);
    }
}

impl<P: RibFamily> FamilyRib<P> {
    /// `imported` are the peers whose import has other rules, `reflected` those whose paths are reflected in another way.
    fn reconfigure(
        &mut self,
        shared: &mut Shared,
        speaker: &RibOptions,
        imported: &BTreeSet<PeerIndex>,
        reflected: &BTreeMap<PeerIndex, LearnedFrom>,
        mut then: impl FnMut(Consequence),
    ) {
        let entries = |&peer| shared.peers.routes::<P>(peer).map(|routes| (peer, routes.entries.clone()));
        for (peer, entries) in imported.iter().filter_map(entries) {
            then(Consequence::Reimport(peer, entries));
        }
        let retold =
            reflected.keys().filter_map(entries).fold(RoaringBitmap::new(), |all, (_, one)| all | one);
        if !reflected.is_empty() {
            self.groups.values_mut().for_each(|group| group.rules.forget());
            then(Consequence::Retell(retold));
        }
        for group in self.regroup(shared, speaker) {
            then(Consequence::Fill(group));
        }
    }

    /// Asks anew what import makes of a peer's paths to an entry.
    pub(crate) fn reimport(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        number: u32,
        import: &ImportPolicy<'_>,
    ) {
        let index = EntryIndex(number);
        if !self.table.is_in_use(index) {
            return;
        }
        let entry = self.table.entry(index);
        let prefix = entry.prefix.erase();
        let of_peer = |path: &&Path| shared.sources.get(path.source).peer == peer;
        let paths: Vec<Path> = entry.paths.as_slice().iter().filter(of_peer).copied().collect();
        for path in paths {
            let received = path.received;
            let store = &mut shared.store;
            let checked = import.check(store.get(received), store.next_hop(received));
            let verdict = checked.and_then(|()| import.filter(prefix, &store.facts(received)));
            let edited =
                verdict.ok().filter(|edits| !edits.is_empty()).map(|edits| store.edited(received, edits));
            let import = match verdict {
                Ok(_) => ImportOutcome::accepted(edited.unwrap_or(received)),
                Err(refusal) => ImportOutcome::refused(refusal),
            };
            self.put(shared, index, Path { import, ..path });
            edited.into_iter().for_each(|handle| shared.store.release(handle));
        }
    }

    /// Asks anew what groups are told of an entry.
    pub(crate) fn retell(&mut self, shared: &mut Shared, number: u32) {
        let index = EntryIndex(number);
        if self.table.is_in_use(index) {
            let entry = self.table.entry_mut(index);
            self.groups.values_mut().for_each(|group| group.tell_all(shared, entry, index));
        }
    }

    /// Puts members whose rules are no longer their group's into groups that have theirs. Answers with the groups that
    /// nobody is about to fill.
    fn regroup(&mut self, shared: &mut Shared, speaker: &RibOptions) -> Vec<GroupId> {
        let mut to_fill = Vec::new();
        let groups: Vec<GroupId> = self.groups.keys().copied().collect();
        for id in groups {
            for (signature, peers) in self.strayed(shared, speaker, id) {
                let Some(export) = peers.first().and_then(|&peer| shared.peers.options(peer)) else {
                    continue;
                };
                let export = export.export.clone();
                let Some(id) = self.separate(shared, id, &peers) else { continue };
                let Some(group) = self.groups.get_mut(&id) else { continue };
                let former = group.signature.clone();
                group.set_rules(signature.clone(), export);
                to_fill.extend(group.filled_to.replace(0).is_none().then_some(id));
                self.appoint(&former);
                self.appoint(&signature);
            }
        }
        to_fill
    }

    /// The members of a group that have other rules, by these.
    fn strayed(
        &self,
        shared: &Shared,
        speaker: &RibOptions,
        id: GroupId,
    ) -> Vec<(GroupSignature, Vec<PeerIndex>)> {
        let mut strayed: Vec<(GroupSignature, Vec<PeerIndex>)> = Vec::new();
        let Some(group) = self.groups.get(&id) else { return strayed };
        for &peer in &group.members {
            let Some(options) = shared.peers.options(peer) else { continue };
            let signature = GroupSignature::new(options, P::FAMILY, speaker);
            if signature == group.signature {
                continue;
            }
            match strayed.iter_mut().find(|(known, _)| *known == signature) {
                Some((_, peers)) => peers.push(peer),
                None => strayed.push((signature, vec![peer])),
            }
        }
        strayed
    }

    /// A group of these members alone: theirs, or a copy of it.
    fn separate(&mut self, shared: &mut Shared, id: GroupId, peers: &[PeerIndex]) -> Option<GroupId> {
        let group = self.groups.get(&id)?;
        if group.members.len() == peers.len() {
            return Some(id);
        }
        let reader = |&peer| Some((peer, shared.peers.routes::<P>(peer)?.membership?.reader));
        let members: Vec<_> = peers.iter().filter_map(reader).collect();
        let copy = group.copy_for(GroupId(self.next_group), &members);
        self.next_group += 1;
        for (_, slot) in copy.log.in_use() {
            slot.value().into_iter().for_each(|handle| shared.store.retain(handle));
        }
        for entry in copy.pinned() {
            self.table.entry_mut(entry).pins += 1;
        }
        for &(peer, reader) in &members {
            let emptied = self.groups.get_mut(&id).map(|group| group.leave(reader, peer));
            self.unpin(&emptied.unwrap_or_default());
            if let Some(routes) = shared.peers.routes_mut::<P>(peer) {
                routes.membership = Some(Membership { group: copy.id, reader });
            }
        }
        self.left.extend([Left::Shared(id), Left::Shared(copy.id)]);
        let id = copy.id;
        self.groups.insert(id, copy);
        Some(id)
    }
}
