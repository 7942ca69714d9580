//! Other rules for peers whose sessions stay: what follows from them is told, and nothing else.
//!
//! Import is asked anew about each path that was received: refused ones are kept, so the peer need not send anything again.
//! An export group whose members all get the same other rules takes them over with its log; where only some do, they
//! take a copy of the log with them, which is made in parts while the group goes on under the former rules. Either way
//! the log still says what the members hold, and filling it again under the new rules records what differs. When another
//! group has the same rules already, members move to it as soon as they are up to date.

use std::collections::{BTreeMap, BTreeSet};

use margay_filter::FilterChain;
use roaring::RoaringBitmap;

use super::group::GroupSignature;
use crate::family::RibFamily;
use crate::family_rib::{FamilyRib, Visit};
use crate::index::{EntryIndex, GroupId, PeerIndex};
use crate::options::RibOptions;
use crate::paths::{ImportOutcome, LearnedFrom, Path};
use crate::peers::Membership;
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// Work for one family that follows from other rules.
pub(crate) enum Consequence {
    Revisit(RoaringBitmap, Visit),
    Regroup,
}

impl<P: RibFamily> FamilyRib<P> {
    /// `imported` are the peers whose import has other rules, `reflected` those whose paths are reflected in another way.
    pub(crate) fn reconfigure(
        &mut self,
        shared: &mut Shared,
        imported: &BTreeSet<PeerIndex>,
        reflected: &BTreeMap<PeerIndex, LearnedFrom>,
        mut then: impl FnMut(Consequence),
    ) {
        let entries = |&peer| shared.peers.routes::<P>(peer).map(|routes| (peer, routes.entries.clone()));
        for (peer, entries) in imported.iter().filter_map(entries) {
            then(Consequence::Revisit(entries, Visit::Reimport(peer)));
        }
        let retold =
            reflected.keys().filter_map(entries).fold(RoaringBitmap::new(), |all, (_, one)| all | one);
        if !reflected.is_empty() {
            self.groups.values_mut().for_each(|group| group.rules.forget());
            then(Consequence::Revisit(retold, Visit::Retell));
        }
        self.unsorted.extend(self.groups.keys());
        if !self.is_regrouping {
            self.is_regrouping = true;
            then(Consequence::Regroup);
        }
    }

    /// Asks anew what import makes of a peer's paths to an entry.
    pub(crate) fn reimport(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        index: EntryIndex,
        import: &ImportPolicy<'_>,
    ) {
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
    pub(crate) fn retell(&mut self, shared: &mut Shared, index: EntryIndex) {
        let entry = self.table.entry_mut(index);
        self.groups.values_mut().for_each(|group| group.tell_all(shared, entry, index));
    }

    /// Puts some members whose rules are no longer their group's into a group that has theirs; or copies up to `limit`
    /// slots of the group, where only some of its members have other rules; or looks at about `limit` members that have
    /// their group's. Answers what came of it.
    pub(crate) fn regroup(&mut self, shared: &mut Shared, speaker: &RibOptions, limit: usize) -> Regrouped {
        if let Some(id) = self.copied {
            return self.copy_part(shared, speaker, id, limit);
        }
        let mut looked_at = 0;
        while let Some(&id) = self.unsorted.first() {
            if let Some(strayed) = self.first_strayed(shared, speaker, id) {
                return Regrouped::Some(self.regroup_some(id, strayed));
            }
            self.unsorted.remove(&id);
            looked_at += self.groups.get(&id).map_or(0, |group| group.members.len());
            if looked_at >= limit {
                return Regrouped::Some(None);
            }
        }
        self.is_regrouping = false;
        Regrouped::All
    }

    /// Gives a group its members' rules, or begins a copy of it where only some have strayed. Answers with the group if
    /// nobody is about to fill it.
    fn regroup_some(&mut self, id: GroupId, strayed: Strayed) -> Option<GroupId> {
        match self.groups.get_mut(&id) {
            Some(group) if group.members.len() != strayed.peers.len() => {
                group.begin_copy();
                self.copied = Some(id);
                None
            }
            _ => self.set_rules(id, strayed),
        }
    }

    fn copy_part(
        &mut self,
        shared: &mut Shared,
        speaker: &RibOptions,
        id: GroupId,
        limit: usize,
    ) -> Regrouped {
        let group = self.groups.get_mut(&id).expect("a group that is copied stays");
        for entry in group.copy_part(&mut shared.store, limit) {
            self.table.entry_mut(entry).pins += 1;
        }
        if !group.is_copy_whole() {
            return Regrouped::Some(None);
        }
        self.copied = None;
        // Since the copy began, rules may have changed again, and members may have left.
        let strayed = self.first_strayed(shared, speaker, id);
        let copy = self.separate(shared, id, strayed.as_ref().map_or(&[], |strayed| &strayed.peers));
        Regrouped::Some(strayed.and_then(|strayed| self.set_rules(copy, strayed)))
    }

    /// Gives a group the rules that its members have. Answers with the group if nobody is about to fill it.
    fn set_rules(&mut self, id: GroupId, strayed: Strayed) -> Option<GroupId> {
        let group = self.groups.get_mut(&id)?;
        let former = group.signature.clone();
        group.set_rules(strayed.signature.clone(), strayed.export);
        let to_fill = group.filled_to.replace(0).is_none().then_some(id);
        self.appoint(&former);
        self.appoint(&strayed.signature);
        to_fill
    }

    /// Members of a group that have other rules, the same ones.
    fn first_strayed(&self, shared: &Shared, speaker: &RibOptions, id: GroupId) -> Option<Strayed> {
        let group = self.groups.get(&id)?;
        let mut strayed: Option<Strayed> = None;
        for &peer in &group.members {
            let Some(options) = shared.peers.options(peer) else { continue };
            let signature = GroupSignature::new(options, P::FAMILY, speaker);
            match &mut strayed {
                Some(strayed) if strayed.signature == signature => strayed.peers.push(peer),
                None if signature != group.signature => {
                    strayed = Some(Strayed { signature, export: options.export.clone(), peers: vec![peer] });
                }
                Some(_) | None => {}
            }
        }
        strayed
    }

    /// A group of these members alone: the copy of theirs, which is whole.
    fn separate(&mut self, shared: &mut Shared, id: GroupId, peers: &[PeerIndex]) -> GroupId {
        let copy_id = self.take_group_id();
        let reader = |&peer| Some((peer, shared.peers.routes::<P>(peer)?.membership?.reader));
        let members: Vec<_> = peers.iter().filter_map(reader).collect();
        let group = self.groups.get_mut(&id).expect("a group that is copied stays");
        let copy = group.take_copy(copy_id, &members);
        for &(peer, reader) in &members {
            group.leave(reader, peer);
            if let Some(routes) = shared.peers.routes_mut::<P>(peer) {
                routes.membership = Some(Membership { group: copy_id, reader });
            }
        }
        self.groups.insert(copy_id, copy);
        let left = [self.on_left(id), self.on_left(copy_id)];
        self.left.extend(left.into_iter().flatten());
        copy_id
    }
}

/// What [`FamilyRib::regroup`] did.
pub(crate) enum Regrouped {
    /// There may be more to do; this group is to be filled.
    Some(Option<GroupId>),
    /// Every member is in a group that has its rules.
    All,
}

/// Members of one group that have come to have other rules.
struct Strayed {
    signature: GroupSignature,
    /// Two filters of one content decide alike, so any member's will do.
    export: FilterChain,
    peers: Vec<PeerIndex>,
}
