//! Moves members whose rules change during their sessions to groups with those rules, and sends them only the
//! differences.
//!
//! If all members of a group get the same new rules, the group keeps its log and adopts them. If only some
//! do, these members take a copy of the log with them, which is made in parts while the group continues under
//! the former rules. In both cases the log still describes what the members hold, and filling it under the
//! new rules records the differences. If another group already has the new rules, members move to it as soon
//! as they are up to date.

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

/// Progress of moving members to groups with their rules.
#[derive(Debug, Default)]
pub(super) struct Regrouping {
    is_under_way: bool,
    /// The groups whose members may have other rules than their group.
    unsorted: BTreeSet<GroupId>,
    /// The group of which a copy is in progress.
    copied: Option<GroupId>,
}

impl Regrouping {
    /// Starts over: the rules of any member may have changed.
    pub(super) fn begin(&mut self, groups: &mut GroupSet) {
        self.unsorted.extend(groups.groups.keys());
        if !self.is_under_way {
            self.is_under_way = true;
            groups.work.push(Work::Regroup);
        }
    }

    /// Whether some members may be in groups with other rules than theirs.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Notes that members joined a group whose rules may differ from theirs.
    pub(super) fn on_joined(&mut self, group: GroupId) {
        if self.is_under_way {
            self.unsorted.insert(group);
        }
    }

    /// Does one step: moves members whose rules differ from their group's to a group with their rules, copies
    /// up to `limit` slots of a group in which only some members have other rules, or checks about `limit`
    /// members that need not move. Returns whether there may be more to do.
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

    /// Gives a group its members' rules, or starts a copy of it if only some members differ.
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
        // Since the copy was started, rules may have changed again, and members may have left.
        let strayed = strayed(shared, speaker, groups.family, group);
        let copy = separate(groups, shared, id, strayed.as_ref().map_or(&[], |strayed| &strayed.peers));
        if let Some(strayed) = strayed {
            set_rules(groups, copy, strayed);
        }
    }
}

/// Gives a group the rules of its members and schedules it to be filled again.
fn set_rules(groups: &mut GroupSet, id: GroupId, strayed: Strayed) {
    let Some(group) = groups.groups.get_mut(&id) else { return };
    let former = group.signature.clone();
    group.set_rules(strayed.signature.clone(), strayed.export);
    if group.fill_again() {
        groups.work.push(Work::Fill(id));
    }
    groups.appoint(&former);
    groups.appoint(&strayed.signature);
    groups.on_signatures_changed();
}

/// Makes a group of these members alone from the complete copy of theirs.
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
    groups.on_signatures_changed();
    groups.on_left(id);
    groups.on_left(copy_id);
    copy_id
}

/// Members of one group that share the same other rules.
struct Strayed {
    signature: GroupSignature,
    /// Filters with equal contents decide alike, so the filter of any member serves.
    export: FilterChain,
    peers: Vec<PeerIndex>,
}

/// The members of a group that differ from it and share the same rules.
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
                strayed =
                    Some(Strayed { signature, export: options.rules.export.clone(), peers: vec![peer] });
            }
            Some(_) | None => {}
        }
    }
    strayed
}
