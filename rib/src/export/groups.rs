//! Who is in which export group of a family, and what becomes of a group that is new, or that a member left.

use bgp_codec::RouteRefresh;

use super::group::{ExportGroup, GroupSignature};
use super::slice::{EncodedUpdates, refresh_mark};
use super::slice_cache;
use crate::family::RibFamily;
use crate::family_rib::FamilyRib;
use crate::index::{EntryIndex, GroupId, PeerIndex};
use crate::log::ReaderId;
use crate::peers::{Membership, PeerRoutes, RefreshOut};
use crate::shared::{Shared, Telling};

/// A group that a member has left.
#[derive(Debug)]
pub(crate) enum Left {
    /// It has other members, who may have waited for this one: it has to be settled.
    Shared(GroupId),
    /// It has none: it has to be drained.
    Last(Box<ExportGroup>),
}

impl<P: RibFamily> FamilyRib<P> {
    /// Puts `peer` into the group of its likes. Answers with the group when it is new: it has to be filled.
    pub(crate) fn join(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        signature: GroupSignature,
    ) -> Option<GroupId> {
        let options = shared.peers.options(peer)?;
        let known = self.by_signature.get(&signature).copied();
        let id = known.unwrap_or_else(|| self.take_group_id());
        if known.is_none() {
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

    pub(crate) fn take_group_id(&mut self) -> GroupId {
        let id = GroupId(self.next_group);
        self.next_group += 1;
        id
    }

    /// Takes `peer` out of its group. Answers with what is left to be done about the group.
    pub(crate) fn leave(&mut self, shared: &mut Shared, peer: PeerIndex) -> Option<Left> {
        let membership = shared.peers.routes_mut::<P>(peer)?.membership.take()?;
        let group = self.groups.get_mut(&membership.group)?;
        group.leave(membership.reader, peer);
        self.on_left(membership.group)
    }

    /// What is left to be done about a group that members have left. It goes with the last one, but for one that is being
    /// copied, which stays until the copy is whole.
    pub(crate) fn on_left(&mut self, id: GroupId) -> Option<Left> {
        let group = self.groups.get(&id)?;
        if !group.members.is_empty() || group.is_copied {
            return Some(Left::Shared(id));
        }
        let group = self.groups.remove(&id)?;
        self.appoint(&group.signature);
        Some(Left::Last(Box::new(group)))
    }

    /// Sees to it that one of the groups with this signature is the one that others join.
    pub(crate) fn appoint(&mut self, signature: &GroupSignature) {
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

    /// Moves those of `members` of a group that know all that it says to the group that has come to be told the same.
    ///
    /// Both logs follow from the same rules and say the same of every entry, so a member that is up to date in one is up
    /// to date in the other.
    fn unite(&mut self, shared: &mut Shared, id: GroupId, members: &[PeerIndex]) {
        let is_filled = |id| self.groups.get(&id).is_some_and(|group| group.filled_to.is_none());
        let Some(heir) = self.groups.get(&id).and_then(|group| group.heir) else { return };
        if !is_filled(id) || !is_filled(heir) {
            return;
        }
        for &peer in members {
            self.move_if_up_to_date(shared, peer, heir);
        }
        let left = self.on_left(id);
        self.left.extend(left);
    }

    fn move_if_up_to_date(&mut self, shared: &mut Shared, peer: PeerIndex, heir: GroupId) -> Option<()> {
        let routes = shared.peers.routes_mut::<P>(peer)?;
        let Membership { group, reader } = routes.membership?;
        let group = self.groups.get_mut(&group).filter(|group| !group.log.is_behind(reader))?;
        group.leave(reader, peer);
        let heir = self.groups.get_mut(&heir)?;
        heir.members.push(peer);
        // It may have come to have other rules than both.
        if self.is_regrouping {
            self.unsorted.insert(heir.id);
        }
        routes.membership = Some(Membership { group: heir.id, reader: heir.log.join_at_end() });
        Some(())
    }

    /// Forgets withdrawals of a group that every member knows of, as many as fit into a slice of time. Answers whether
    /// there are more.
    pub(crate) fn settle(&mut self, id: GroupId) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let emptied = group.settle();
        let more = !group.log.is_settled();
        self.unpin(&emptied);
        more
    }

    /// Has the table entered into the logs of all groups again. Answers with those that nobody is about to fill.
    pub(crate) fn fill_again(&mut self) -> Vec<GroupId> {
        let filled = |group: &mut ExportGroup| group.filled_to.replace(0).is_none().then_some(group.id);
        self.groups.values_mut().filter_map(filled).collect()
    }

    /// Enters up to `limit` entries into the log of a group. Answers whether there are more.
    pub(crate) fn fill(&mut self, shared: &mut Shared, id: GroupId, limit: usize) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let Some(first) = group.filled_to else { return false };
        let last = first.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)).min(self.table.end());
        for number in first..last {
            let index = EntryIndex(number);
            if !self.table.is_in_use(index) {
                continue;
            }
            group.tell_all(shared, self.table.entry_mut(index), index);
        }
        group.filled_to = (last < self.table.end()).then_some(last);
        if group.filled_to.is_some() {
            return true;
        }
        let with_heirs = self.groups.values().filter(|group| group.heir.is_some());
        let members: Vec<_> = with_heirs.map(|group| (group.id, group.members.clone())).collect();
        for (id, members) in members {
            self.unite(shared, id, &members);
        }
        false
    }

    /// Gives up what the log of a former group holds, for up to `limit` slots. Answers whether there are more.
    pub(crate) fn drain(&mut self, shared: &mut Shared, group: &mut ExportGroup, limit: usize) -> bool {
        let entries = group.drain(&mut shared.store, limit);
        self.unpin(entries.as_deref().unwrap_or_default());
        entries.is_some()
    }

    /// Appends to `out` what `peer` is to be told next in this family; `None` when it is up to date.
    pub(crate) fn tell(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        out: &mut Vec<EncodedUpdates>,
    ) -> Option<()> {
        let telling = shared.telling;
        let cache_room = slice_cache::room(self.groups.len());
        let routes = shared.peers.routes_mut::<P>(peer)?;
        let Membership { group, reader } = routes.membership?;
        let group = self.groups.get_mut(&group)?;
        match due(telling, routes, group, reader)? {
            Due::Changes => {
                let emptied = group.tell(&self.table, &shared.store, reader, peer, cache_room, out);
                let moves = group.heir.is_some() && !group.log.is_behind(reader);
                let id = group.id;
                self.unpin(&emptied);
                if moves {
                    self.unite(shared, id, &[peer]);
                }
            }
            Due::RefreshBegin => {
                routes.refresh_out = RefreshOut::UnderWay;
                group.rewind(reader);
                out.push(refresh_mark(P::FAMILY, RouteRefresh::BEGIN));
            }
            Due::EndOfRib => {
                routes.owes_end_of_rib = false;
                out.push(group.end_of_rib(P::FAMILY));
            }
            Due::RefreshEnd => {
                routes.refresh_out = RefreshOut::None;
                out.push(refresh_mark(P::FAMILY, RouteRefresh::END));
            }
        }
        Some(())
    }

    /// Whether there is something to tell `peer`.
    pub(crate) fn has_news(&self, shared: &Shared, peer: PeerIndex) -> bool {
        let Some(routes) = shared.peers.routes::<P>(peer) else { return false };
        let Some(Membership { group, reader }) = routes.membership else { return false };
        self.groups.get(&group).is_some_and(|group| due(shared.telling, routes, group, reader).is_some())
    }

    /// Has `peer` told everything again (RFC 2918), between two marks where it takes them (RFC 7313).
    pub(crate) fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        let takes_marks = shared.peers.up(peer).is_some_and(|options| options.enhanced_refresh);
        let Some(routes) = shared.peers.routes_mut::<P>(peer) else { return };
        let Some(Membership { group, reader }) = routes.membership else { return };
        if takes_marks {
            routes.refresh_out = RefreshOut::Wanted;
        } else if let Some(group) = self.groups.get_mut(&group) {
            group.rewind(reader);
        }
    }
}

/// What a member is to be told next.
enum Due {
    RefreshBegin,
    Changes,
    EndOfRib,
    RefreshEnd,
}

/// RFC 7313 §4.1: a refresh does not begin before the table was told once, and its end is the end of the whole table.
fn due(telling: Telling, routes: &PeerRoutes, group: &ExportGroup, reader: ReaderId) -> Option<Due> {
    let is_whole = telling == Telling::Everything && group.filled_to.is_none();
    if routes.refresh_out == RefreshOut::Wanted && !routes.owes_end_of_rib {
        Some(Due::RefreshBegin)
    } else if group.log.is_behind(reader) {
        Some(Due::Changes)
    } else if is_whole && routes.owes_end_of_rib {
        Some(Due::EndOfRib)
    } else if is_whole && routes.refresh_out == RefreshOut::UnderWay {
        Some(Due::RefreshEnd)
    } else {
        None
    }
}
