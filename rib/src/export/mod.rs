//! Export groups: the log that each peer reads, and the octets that it is sent.

mod entry_export;
mod entry_paths;
mod group;
mod groups;
mod path_log;
mod path_slots;
mod regrouping;
mod signature;
mod slice;
mod slice_cache;
mod work;

use bgp_codec::RouteRefresh;
use roaring::RoaringBitmap;

use self::entry_export::export_entry;
pub(crate) use self::entry_paths::{EntryPaths, MANY};
pub(crate) use self::group::{ChangedPaths, ExportGroup};
use self::groups::GroupSet;
use self::regrouping::Regrouping;
pub(crate) use self::signature::GroupSignature;
pub use self::slice::EncodedUpdates;
use self::slice::refresh_mark;
use self::work::{GroupWork, Work};
use crate::attributes::AttributeHandle;
use crate::family::{FamilyIndex, RibFamily};
use crate::index::{EntryIndex, GroupId, PeerIndex};
use crate::log::ReaderId;
use crate::options::RibOptions;
use crate::paths::{Entry, Table};
use crate::peers::{Membership, PeerRoutes, RefreshOut};
use crate::shared::{Advertising, Shared};

/// The export groups of one family. The caller passes the table whose entries their logs pin.
#[derive(Debug)]
pub(crate) struct ExportGroups {
    groups: GroupSet,
    regrouping: Regrouping,
}

impl ExportGroups {
    pub(crate) fn new(family: FamilyIndex) -> Self {
        Self { groups: GroupSet::new(family), regrouping: Regrouping::default() }
    }

    /// Adds `peer` to the group with equal rules. [`work`](Self::work) fills a new group.
    pub(crate) fn join(&mut self, shared: &mut Shared, speaker: &RibOptions, peer: PeerIndex) {
        self.groups.join(shared, speaker, peer);
    }

    /// Removes `peer` from its group.
    pub(crate) fn leave(&mut self, shared: &mut Shared, peer: PeerIndex) {
        self.groups.leave(shared, peer);
    }

    /// Whether the filter of any group asks for the result of origin validation.
    pub(crate) fn look_at_rpki(&self) -> bool {
        self.groups.groups.values().any(|group| group.rules.looks_at_rpki())
    }

    /// Schedules all groups to be filled from the table again.
    pub(crate) fn fill_again(&mut self) {
        self.groups.fill_again();
    }

    /// Notes that the rules of any member may have changed: [`work`](Self::work) then moves members to groups
    /// with equal rules.
    pub(crate) fn on_rules_changed(&mut self) {
        self.regrouping.begin(&mut self.groups);
    }

    /// Whether some members may be in groups with other rules than theirs.
    pub(crate) fn is_regrouping(&self) -> bool {
        self.regrouping.is_under_way()
    }

    /// Notes that the rules for paths to these entries have changed: remembered verdicts are dropped, and
    /// [`work`](Self::work) exports the entries again.
    pub(crate) fn export_again(&mut self, entries: RoaringBitmap) {
        self.groups.groups.values_mut().for_each(|group| group.rules.forget());
        self.groups.work.push(Work::Export(entries, EntryPaths::default()));
    }

    /// Has an entry with many paths exported again by [`work`](Self::work), as any of its paths may have changed.
    pub(crate) fn export_later(&mut self, index: EntryIndex) {
        if !self.groups.work.exports(index) {
            self.groups.work.push(Work::Export(RoaringBitmap::from_iter([index.0]), EntryPaths::default()));
        }
    }

    /// Handles a new best path of an entry.
    pub(crate) fn export_best<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
    ) {
        for group in self.groups.groups.values_mut().filter(|group| !group.signature.sends_several()) {
            group.export_best(shared, entry, index);
        }
    }

    /// Handles a change of this speaker's default route for some peers, which they are sent even where it is not the best path.
    pub(crate) fn export_default_route<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
    ) {
        let receives = |group: &&mut ExportGroup| {
            !group.signature.sends_several() && group.signature.policy.sends_default_route()
        };
        for group in self.groups.groups.values_mut().filter(receives) {
            group.export_best(shared, entry, index);
        }
    }

    /// Whether some group is sent the best few paths of an entry.
    pub(crate) fn have_best_few(&self) -> bool {
        self.groups.send_best_few
    }

    /// Handles changed paths of an entry, all of whose consequences are decided.
    pub(crate) fn export_paths<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
        changed: ChangedPaths,
    ) {
        if !self.groups.send_several {
            return;
        }
        for group in self.groups.groups.values_mut().filter(|group| group.signature.sends_several()) {
            group.export_paths(shared, entry, index, changed);
        }
    }

    /// Handles changed paths of an entry whose best paths are still to be decided.
    pub(crate) fn export_undecided<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
        changed: ChangedPaths,
    ) {
        for group in self.groups.groups.values_mut() {
            if group.signature.sends_several() && !group.signature.sends_best_few() {
                group.export_paths(shared, entry, index, changed);
            } else if let ChangedPaths::One(source, None) = changed {
                group.retain_too_long(index, |withheld| withheld != source);
            }
        }
    }

    /// Handles the decision about the best paths of an entry.
    pub(crate) fn export_decided<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        entry: &mut Entry<P>,
        index: EntryIndex,
    ) {
        for group in self.groups.groups.values_mut().filter(|group| group.signature.sends_best_few()) {
            group.export_paths(shared, entry, index, ChangedPaths::Any);
        }
    }

    /// The attributes with which groups export the best paths of these entries.
    pub(crate) fn exported_best(&self, entries: &[EntryIndex]) -> impl Iterator<Item = AttributeHandle> {
        self.groups
            .groups
            .values()
            .flat_map(|group| entries.iter().filter_map(|&index| group.log.best(index)))
    }

    /// Appends to `out` what `peer` is to be sent next; `None` when it is up to date.
    pub(crate) fn poll<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        table: &mut Table<P>,
        peer: PeerIndex,
        out: &mut Vec<EncodedUpdates>,
    ) -> Option<()> {
        let advertising = shared.advertising;
        let cache_room = slice_cache::room(self.groups.groups.len());
        let routes = shared.peers.routes_mut(self.groups.family, peer)?;
        let Membership { group, reader } = routes.membership?;
        let group = self.groups.groups.get_mut(&group)?;
        match due(advertising, routes, group, reader)? {
            Due::Changes => {
                let emptied = group.poll(table, &shared.store, reader, peer, cache_room, out);
                let moves = group.heir.is_some() && !group.log.reading(reader).is_behind();
                let id = group.id;
                table.unpin(&emptied);
                if moves && let Some(heir) = self.groups.unite(shared, id, &[peer]) {
                    self.regrouping.on_joined(heir);
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

    /// Does a part of the pending work, of about `steps` steps: an entry exported to a group, or a slot
    /// copied or freed. The kinds of work take turns.
    pub(crate) fn work<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        speaker: &RibOptions,
        table: &mut Table<P>,
        steps: usize,
    ) {
        let Some(mut work) = self.groups.work.pop() else { return };
        let more = match &mut work {
            Work::Fill(group) => self.fill(shared, table, *group, (steps / 2).max(1)),
            Work::Drain(group) => drain(shared, table, group, steps),
            Work::Settle(group) => self.settle(table, *group),
            Work::Export(entries, paths) => self.export_some(shared, table, (entries, paths), steps),
            Work::Regroup => self.regrouping.step(&mut self.groups, shared, speaker, table, steps),
        };
        if more {
            self.groups.work.push(work);
        }
    }

    /// Enters up to `limit` entries into the log of a group. Returns whether there are more.
    fn fill<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        table: &mut Table<P>,
        id: GroupId,
        limit: usize,
    ) -> bool {
        let Some(group) = self.groups.groups.get_mut(&id) else { return false };
        let Some(mut index) = group.filled_to else { return false };
        let mut paths = std::mem::take(&mut group.filled_paths);
        let mut left = limit;
        while left > 0 && index < table.end() {
            let entry = EntryIndex(index);
            let to = std::iter::once(&mut *group);
            let exported = export_entry(shared, table, entry, (&mut paths, left), to);
            left = left.saturating_sub(exported.steps);
            index += u32::from(exported.is_done);
        }
        group.filled_paths = paths;
        group.filled_to = (index < table.end()).then_some(index);
        if group.filled_to.is_some() {
            return true;
        }
        let with_heirs = self.groups.groups.values().filter(|group| group.heir.is_some());
        let members: Vec<_> = with_heirs.map(|group| (group.id, group.members.clone())).collect();
        for (id, members) in members {
            if let Some(heir) = self.groups.unite(shared, id, &members) {
                self.regrouping.on_joined(heir);
            }
        }
        false
    }

    /// Forgets withdrawals of a group that every member has read, as many as fit into a slice of work.
    /// Returns whether there are more.
    fn settle<P: RibFamily>(&mut self, table: &mut Table<P>, id: GroupId) -> bool {
        let Some(group) = self.groups.groups.get_mut(&id) else { return false };
        table.unpin(&group.settle());
        !group.log.is_settled()
    }

    /// Exports some of these entries again, except those that no longer exist. Returns whether there are
    /// more.
    fn export_some<P: RibFamily>(
        &mut self,
        shared: &mut Shared,
        table: &mut Table<P>,
        (entries, paths): (&mut RoaringBitmap, &mut EntryPaths),
        steps: usize,
    ) -> bool {
        let mut left = (steps / (self.groups.groups.len() + 1)).max(1);
        while left > 0
            && let Some(index) = entries.min()
        {
            let groups = self.groups.groups.values_mut();
            let exported = export_entry(shared, table, EntryIndex(index), (&mut *paths, left), groups);
            left = left.saturating_sub(exported.steps);
            if exported.is_done {
                entries.remove(index);
            }
        }
        !entries.is_empty()
    }

    /// Whether `peer` has something to be sent.
    pub(crate) fn has_export(&self, shared: &Shared, peer: PeerIndex) -> bool {
        let Some(routes) = shared.peers.routes(self.groups.family, peer) else { return false };
        let Some(Membership { group, reader }) = routes.membership else { return false };
        self.groups
            .groups
            .get(&group)
            .is_some_and(|group| due(shared.advertising, routes, group, reader).is_some())
    }

    /// Handles a request of `peer` for all routes (RFC 2918). They are sent between two marks if the peer
    /// supports them (RFC 7313).
    pub(crate) fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex) {
        let takes_marks = shared.peers.up(peer).is_some_and(|options| options.session.enhanced_refresh);
        let Some(routes) = shared.peers.routes_mut(self.groups.family, peer) else { return };
        let Some(Membership { group, reader }) = routes.membership else { return };
        if takes_marks {
            routes.refresh_out = RefreshOut::Wanted;
        } else if let Some(group) = self.groups.groups.get_mut(&group) {
            group.rewind(reader);
        }
    }

    pub(crate) fn family(&self) -> FamilyIndex {
        self.groups.family
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.groups.groups.len()
    }

    /// The groups, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ExportGroup> {
        self.groups.groups.values()
    }

    /// The group of a peer, and its reader of that group's log.
    pub(crate) fn of_member(&self, shared: &Shared, peer: PeerIndex) -> Option<(&ExportGroup, ReaderId)> {
        let Membership { group, reader } = shared.peers.routes(self.groups.family, peer)?.membership?;
        Some((self.groups.groups.get(&group)?, reader))
    }

    /// The members that do not read while their group keeps more withdrawals for them than it may: their
    /// sessions are to be ended.
    pub(crate) fn overdue(&self, shared: &Shared) -> impl Iterator<Item = PeerIndex> {
        let held_up = self.groups.groups.values().filter(|group| group.log.is_held_up());
        held_up.flat_map(|group| {
            let is_slowest = |&peer: &PeerIndex| {
                let membership =
                    shared.peers.routes(self.groups.family, peer).and_then(|routes| routes.membership);
                membership.is_some_and(|membership| group.log.reading(membership.reader).is_slowest())
            };
            group.members.iter().copied().filter(is_slowest)
        })
    }

    /// Pending work.
    pub(crate) fn pending(&self) -> &GroupWork {
        &self.groups.work
    }
}

/// Frees up to `limit` slots of a former group's log. Returns whether there are more.
fn drain<P: RibFamily>(
    shared: &mut Shared,
    table: &mut Table<P>,
    group: &mut ExportGroup,
    limit: usize,
) -> bool {
    let entries = group.drain(&mut shared.store, limit);
    table.unpin(entries.as_deref().unwrap_or_default());
    entries.is_some()
}

/// The next thing to send to a member.
enum Due {
    RefreshBegin,
    Changes,
    EndOfRib,
    RefreshEnd,
}

/// RFC 7313 §4.1: a refresh does not begin before the table was sent once, and its end is the end of the whole table.
fn due(advertising: Advertising, routes: &PeerRoutes, group: &ExportGroup, reader: ReaderId) -> Option<Due> {
    let is_whole = advertising == Advertising::Everything && group.filled_to.is_none();
    if routes.refresh_out == RefreshOut::Wanted && !routes.owes_end_of_rib {
        Some(Due::RefreshBegin)
    } else if group.log.reading(reader).is_behind() {
        Some(Due::Changes)
    } else if is_whole && routes.owes_end_of_rib {
        Some(Due::EndOfRib)
    } else if is_whole && routes.refresh_out == RefreshOut::UnderWay {
        Some(Due::RefreshEnd)
    } else {
        None
    }
}
