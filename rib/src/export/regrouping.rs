//! Members whose rules change while their sessions stay: each moves to a group that has its rules, and is sent what
//! follows from them and nothing else.
//!
//! A group whose members all get the same other rules takes them over with its log; where only some do, they take a copy
//! of the log with them, which is made in parts while the group goes on under the former rules. Either way the log still
//! says what the members hold, and filling it again under the new rules records what differs. When another group has the
//! same rules already, members move to it as soon as they are up to date.

use std::collections::BTreeSet;

use margay_filter::FilterChain;

use super::group::ExportGroup;
use super::groups::GroupSet;
use super::signature::GroupSignature;
use super::work::Work;
use crate::family::{FamilyIndex, RibFamily};
use crate::index::{GroupId, PeerIndex};
use crate::options::RibOptions;
use crate::paths::Table;
use crate::peers::Membership;
use crate::shared::Shared;

/// How far members have been sorted into groups that have their rules.
#[derive(Debug, Default)]
pub(super) struct Regrouping {
    is_under_way: bool,
    /// The groups whose members may have other rules than their group.
    unsorted: BTreeSet<GroupId>,
    /// The group of which a copy is being made.
    copied: Option<GroupId>,
}

impl Regrouping {
    /// The rules of any member may have changed.
    pub(super) fn begin(&mut self, groups: &mut GroupSet) {
        self.unsorted.extend(groups.groups.keys());
        if !self.is_under_way {
            self.is_under_way = true;
            groups.work.push(Work::Regroup);
        }
    }

    /// Whether members may be in groups that do not have their rules.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Members joined a group while their rules may be other ones than the group's.
    pub(super) fn on_joined(&mut self, group: GroupId) {
        if self.is_under_way {
            self.unsorted.insert(group);
        }
    }

    /// Moves some members whose rules are no longer their group's into a group that has theirs; or copies up to `limit`
    /// slots of the group, where only some of its members have other rules; or looks at about `limit` members that have
    /// their group's. Returns whether there may be more to do.
    pub(super) fn step<P: RibFamily>(
        &mut self,
        groups: &mut GroupSet,
        shared: &mut Shared,
        speaker: &RibOptions,
        table: &mut Table<P>,
        limit: usize,
    ) -> bool {
        if let Some(id) = self.copied {
            self.copy_part(groups, shared, speaker, table, id, limit);
            return true;
        }
        let mut looked_at = 0;
        while let Some(&id) = self.unsorted.first() {
            let strayed =
                groups.groups.get(&id).and_then(|group| strayed(shared, speaker, groups.family, group));
            if let Some(strayed) = strayed {
                self.regroup_some(groups, id, strayed);
                return true;
            }
            self.unsorted.remove(&id);
            looked_at += groups.groups.get(&id).map_or(0, |group| group.members.len());
            if looked_at >= limit {
                return true;
            }
        }
        self.is_under_way = false;
        false
    }

    /// Gives a group its members' rules, or begins a copy of it where only some have strayed.
    fn regroup_some(&mut self, groups: &mut GroupSet, id: GroupId, strayed: Strayed) {
        match groups.groups.get_mut(&id) {
            Some(group) if group.members.len() != strayed.peers.len() => {
                group.begin_copy();
                self.copied = Some(id);
            }
            _ => set_rules(groups, id, strayed),
        }
    }

    fn copy_part<P: RibFamily>(
        &mut self,
        groups: &mut GroupSet,
        shared: &mut Shared,
        speaker: &RibOptions,
        table: &mut Table<P>,
        id: GroupId,
        limit: usize,
    ) {
        let group = groups.groups.get_mut(&id).expect("a group that is copied stays");
        for entry in group.copy_part(&mut shared.store, limit) {
            table.entry_mut(entry).pins += 1;
        }
        if !group.is_copy_whole() {
            return;
        }
        self.copied = None;
        // Since the copy began, rules may have changed again, and members may have left.
        let strayed = strayed(shared, speaker, groups.family, group);
        let copy = separate(groups, shared, id, strayed.as_ref().map_or(&[], |strayed| &strayed.peers));
        if let Some(strayed) = strayed {
            set_rules(groups, copy, strayed);
        }
    }
}

/// Gives a group the rules that its members have, which it is filled by anew.
fn set_rules(groups: &mut GroupSet, id: GroupId, strayed: Strayed) {
    let Some(group) = groups.groups.get_mut(&id) else { return };
    let former = group.signature.clone();
    group.set_rules(strayed.signature.clone(), strayed.export);
    if group.filled_to.replace(0).is_none() {
        groups.work.push(Work::Fill(id));
    }
    groups.appoint(&former);
    groups.appoint(&strayed.signature);
}

/// A group of these members alone: the copy of theirs, which is whole.
fn separate(groups: &mut GroupSet, shared: &mut Shared, id: GroupId, peers: &[PeerIndex]) -> GroupId {
    let family = groups.family;
    let copy_id = groups.take_group_id();
    let reader = |&peer| Some((peer, shared.peers.routes(family, peer)?.membership?.reader));
    let members: Vec<_> = peers.iter().filter_map(reader).collect();
    let group = groups.groups.get_mut(&id).expect("a group that is copied stays");
    let copy = group.take_copy(copy_id, &members);
    for &(peer, reader) in &members {
        group.leave(reader, peer);
        if let Some(routes) = shared.peers.routes_mut(family, peer) {
            routes.membership = Some(Membership { group: copy_id, reader });
        }
    }
    groups.groups.insert(copy_id, copy);
    groups.on_left(id);
    groups.on_left(copy_id);
    copy_id
}

/// Members of one group that have the same other rules.
struct Strayed {
    signature: GroupSignature,
    /// Two filters of one content decide alike, so any member's will do.
    export: FilterChain,
    peers: Vec<PeerIndex>,
}

/// Members of a group that have other rules, the same ones.
fn strayed(
    shared: &Shared,
    speaker: &RibOptions,
    family: FamilyIndex,
    group: &ExportGroup,
) -> Option<Strayed> {
    let mut strayed: Option<Strayed> = None;
    for &peer in &group.members {
        let Some(options) = shared.peers.options(peer) else { continue };
        let signature = GroupSignature::new(options, family.family(), speaker);
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
