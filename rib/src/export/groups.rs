//! The groups of a family: their members, and the end of a group whose members have left.

use std::collections::{BTreeMap, HashMap};

use super::group::ExportGroup;
use super::signature::GroupSignature;
use super::work::{GroupWork, Work};
use crate::family::FamilyIndex;
use crate::index::{GroupId, PeerIndex};
use crate::options::RibOptions;
use crate::peers::{Membership, RefreshOut};
use crate::shared::Shared;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct GroupSet {
    pub(super) family: FamilyIndex,
    pub(super) groups: BTreeMap<GroupId, ExportGroup>,
    /// Whether any group is sent several paths of an entry, and whether any is sent the best few of them: asked
    /// for each change of a path.
    pub(super) send_several: bool,
    pub(super) send_best_few: bool,
    /// The group that a peer with this signature joins.
    by_signature: HashMap<GroupSignature, GroupId>,
    next_group: u64,
    /// Pending work on the groups.
    pub(super) work: GroupWork,
}

impl GroupSet {
    pub(super) fn new(family: FamilyIndex) -> Self {
        Self {
            family,
            groups: BTreeMap::new(),
            send_several: false,
            send_best_few: false,
            by_signature: HashMap::new(),
            next_group: 0,
            work: GroupWork::default(),
        }
    }

    /// Adds `peer` to the group with equal rules. A new group is filled later.
    pub(super) fn join(&mut self, shared: &mut Shared, speaker: &RibOptions, peer: PeerIndex) -> Option<()> {
        let options = shared.peers.options(peer)?;
        let signature = GroupSignature::new(options, self.family.family(), speaker);
        let known = self.by_signature.get(&signature).copied();
        let id = known.unwrap_or_else(|| self.take_group_id());
        if known.is_none() {
            self.by_signature.insert(signature.clone(), id);
            self.groups
                .insert(id, ExportGroup::new(id, self.family, signature, options.rules.export.clone()));
            self.on_signatures_changed();
            self.work.push(Work::Fill(id));
        }
        let group = self.groups.get_mut(&id)?;
        group.members.push(peer);
        let membership = Membership { group: id, reader: group.log.readers().join() };
        let routes = shared.peers.routes_mut(self.family, peer)?;
        if routes.was_member {
            group.forget_slices();
        }
        routes.membership = Some(membership);
        routes.owes_end_of_rib = true;
        routes.refresh_out = RefreshOut::None;
        Some(())
    }

    /// Groups were added or removed, or have other signatures.
    pub(super) fn on_signatures_changed(&mut self) {
        self.send_several = self.groups.values().any(|group| group.signature.sends_several());
        self.send_best_few = self.groups.values().any(|group| group.signature.sends_best_few());
    }

    pub(super) fn take_group_id(&mut self) -> GroupId {
        let id = GroupId(self.next_group);
        self.next_group += 1;
        id
    }

    /// Removes `peer` from its group.
    pub(super) fn leave(&mut self, shared: &mut Shared, peer: PeerIndex) {
        let Some(routes) = shared.peers.routes_mut(self.family, peer) else { return };
        let Some(Membership { group: id, reader }) = routes.membership.take() else { return };
        routes.was_member = true;
        if let Some(group) = self.groups.get_mut(&id) {
            group.leave(reader, peer);
            self.on_left(id);
        }
    }

    /// Handles the departure of members: withdrawals may have waited for them alone. A group without members
    /// is removed, unless it is being copied; then it stays until the copy is complete.
    pub(super) fn on_left(&mut self, id: GroupId) {
        let Some(group) = self.groups.get(&id) else { return };
        if !group.members.is_empty() || group.is_copied {
            self.work.push(Work::Settle(id));
        } else if let Some(group) = self.groups.remove(&id) {
            self.on_signatures_changed();
            self.appoint(&group.signature);
            self.work.push(Work::Drain(Box::new(group)));
        }
    }

    /// Chooses one of the groups with this signature as the one that peers join, and makes it the heir of the
    /// others.
    pub(super) fn appoint(&mut self, signature: &GroupSignature) {
        let has_it = |id: &GroupId| self.groups.get(id).is_some_and(|group| group.signature == *signature);
        let known = self.by_signature.get(signature).copied().filter(has_it);
        let Some(first) = known.or_else(|| self.groups.keys().copied().find(has_it)) else {
            self.by_signature.remove(signature);
            return;
        };
        self.by_signature.insert(signature.clone(), first);
        for group in self.groups.values_mut().filter(|group| group.signature == *signature) {
            group.heir = (group.id != first).then_some(first);
        }
    }

    /// Moves those of `members` that have read all of a group's log to its heir.
    ///
    /// Both logs follow from the same rules and agree on every entry, so a member that is up to date in one
    /// is up to date in the other. Returns the heir.
    pub(super) fn unite(
        &mut self,
        shared: &mut Shared,
        id: GroupId,
        members: &[PeerIndex],
    ) -> Option<GroupId> {
        let is_filled = |id| self.groups.get(&id).is_some_and(|group| group.filled_to.is_none());
        let heir = self.groups.get(&id).and_then(|group| group.heir)?;
        if !is_filled(id) || !is_filled(heir) {
            return None;
        }
        for &peer in members {
            self.move_if_up_to_date(shared, peer, heir);
        }
        self.on_left(id);
        Some(heir)
    }

    fn move_if_up_to_date(&mut self, shared: &mut Shared, peer: PeerIndex, heir: GroupId) -> Option<()> {
        let routes = shared.peers.routes_mut(self.family, peer)?;
        let Membership { group, reader } = routes.membership?;
        let group = self.groups.get_mut(&group).filter(|group| !group.log.reading(reader).is_behind())?;
        group.leave(reader, peer);
        let heir = self.groups.get_mut(&heir)?;
        heir.members.push(peer);
        routes.membership = Some(Membership { group: heir.id, reader: heir.log.readers().join_at_end() });
        Some(())
    }

    /// Schedules all groups to be filled from the table again.
    pub(super) fn fill_again(&mut self) {
        for group in self.groups.values_mut() {
            if group.fill_again() {
                self.work.push(Work::Fill(group.id));
            }
        }
    }
}
