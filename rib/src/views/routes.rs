//! What operators may ask of a Rib: routes in pages, a peer's numbers, and why a prefix is routed as it is.

use std::sync::Arc;

use bgp_codec::{Family, NextHop, PathAttributes, PathId, Prefix};

use crate::attributes::AttributeHandle;
use crate::decision::{Step, Unusable, candidate, contest};
use crate::family::RibFamily;
use crate::family_rib::FamilyRib;
use crate::forwarding::Forwarding;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::log::{Slot, SlotIndex};
use crate::paths::{Entry, ImportRefusal, Path};
use crate::peers::Membership;
use crate::policy::ExportRefusal;
use crate::rib::Rib;
use crate::shared::{Shared, Telling};

/// One path, as operators see it.
#[derive(Clone, Debug)]
pub struct RouteView {
    /// The destination.
    pub prefix: Prefix,
    /// The name of the peer that announced it; `None` for routes that this speaker originates.
    pub peer: Option<Arc<str>>,
    /// The peer's number for the path (RFC 7911); 0 where the session has none.
    pub path_id: PathId,
    /// Its attributes: as received, or as advertised.
    pub attributes: PathAttributes,
    /// Its next hop; `None` for ourselves.
    pub next_hop: Option<NextHop>,
    /// What became of it.
    pub status: RouteStatus,
}

/// What became of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteStatus {
    /// It is the best path; the step removed its last rival.
    Best(Step),
    /// It is as good as the best one but for this tie-break, and may share the traffic.
    Multipath(Step),
    /// It is usable, and another one was preferred at this step.
    Lost(Step),
    /// Import refused it; the text of the filter's verdict where a filter did.
    Refused(ImportRefusal, Option<String>),
    /// Its next hop cannot be reached.
    NextHopUnreachable,
    /// Its peer is gone, and it waits to be removed.
    PeerGone,
}

/// A page of routes, in no particular order.
#[derive(Clone, Debug)]
pub struct RoutePage {
    /// The routes.
    pub routes: Vec<RouteView>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<PagePosition>,
}

/// Where a page of routes starts. Positions grow; they can be told to a client and taken back from it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PagePosition(pub u64);

/// Which routes are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteSelection {
    /// Every path.
    All,
    /// The best path of each prefix (Loc-RIB).
    Best,
    /// The paths that a peer announced, before import (Adj-RIB-In).
    ReceivedFrom(PeerIndex),
    /// The routes that a peer was told (Adj-RIB-Out).
    AdvertisedTo(PeerIndex),
}

/// A peer's routes in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PeerCounts {
    /// Paths that the peer announced.
    pub received: usize,
    /// Those that import accepted.
    pub accepted: usize,
    /// Routes that are exported to the peer, those still on their way included.
    pub advertised: usize,
    /// The export group of the peer; equal numbers are told the same.
    pub group: Option<u64>,
    /// How many peers the group has.
    pub group_members: usize,
    /// Whether the peer has been told the end of the table (RFC 4724 §2).
    pub end_of_rib_sent: bool,
    /// Routes of the group that do not fit into a message, and are withdrawn instead; counted each time.
    pub unencodable: u64,
}

/// A Rib in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RibCounts {
    /// Prefixes with a path, IPv4.
    pub ipv4_prefixes: usize,
    /// Prefixes with a path, IPv6.
    pub ipv6_prefixes: usize,
    /// Paths, refused ones and own routes included.
    pub paths: usize,
    /// Interned attribute sets.
    pub attribute_sets: usize,
    /// Export groups.
    pub export_groups: usize,
}

/// Why a prefix is routed as it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The prefix.
    pub prefix: Prefix,
    /// Its paths, the best one first.
    pub routes: Vec<RouteView>,
    /// Where the forwarding table shall send its packets; `None` when it shall not hold the prefix.
    pub forwarding: Option<Forwarding>,
    /// What each peer is told.
    pub exports: Vec<ExportView>,
}

/// Whether and why a peer is told of a prefix: of its best path, or where it takes several, of any.
#[derive(Clone, Debug)]
pub struct ExportView {
    /// The peer's name.
    pub peer: Arc<str>,
    /// Why not; `None` when the peer is told.
    pub refusal: Option<NotExported>,
    /// Whether the last change is already on its way to the peer.
    pub told: bool,
    /// How many paths it is told; `None` where it takes only one (RFC 7911).
    pub paths: Option<usize>,
}

/// Why a peer is not told of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotExported {
    /// There is no usable path.
    NoRoute,
    /// The peer itself announced the best path.
    SplitHorizon,
    /// Peers are told own routes only, until others have announced theirs.
    HeldBack,
    /// The export rules or filters refuse it.
    Refused(ExportRefusal),
}

/// How many paths are looked at for a page: a few milliseconds of the speaker's time.
const MAX_PAGE_PATHS: usize = 8192;

impl Rib {
    /// A page of at most about `limit` routes from `position` on.
    #[must_use]
    pub fn routes(
        &self,
        family: Family,
        selection: RouteSelection,
        position: PagePosition,
        limit: usize,
    ) -> RoutePage {
        match family {
            Family::IPV4_UNICAST => self.ipv4.page(&self.shared, selection, position, limit),
            Family::IPV6_UNICAST => self.ipv6.page(&self.shared, selection, position, limit),
            _ => RoutePage { routes: Vec::new(), next: None },
        }
    }

    /// The routes of one prefix.
    #[must_use]
    pub fn routes_to(&self, prefix: Prefix, selection: RouteSelection) -> Vec<RouteView> {
        match prefix {
            Prefix::Ipv4(prefix) => self.ipv4.routes_to(&self.shared, prefix, selection),
            Prefix::Ipv6(prefix) => self.ipv6.routes_to(&self.shared, prefix, selection),
        }
    }

    /// Why `prefix` is routed as it is; `None` when there is no path to it.
    #[must_use]
    pub fn explain(&self, prefix: Prefix) -> Option<Explanation> {
        match prefix {
            Prefix::Ipv4(prefix) => self.ipv4.explain(&self.shared, prefix),
            Prefix::Ipv6(prefix) => self.ipv6.explain(&self.shared, prefix),
        }
    }

    /// A peer's routes in numbers, for one family.
    #[must_use]
    pub fn peer_counts(&self, peer: PeerIndex, family: Family) -> PeerCounts {
        match family {
            Family::IPV4_UNICAST => self.ipv4.peer_counts(&self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.peer_counts(&self.shared, peer),
            _ => PeerCounts::default(),
        }
    }

    /// The Rib in numbers.
    #[must_use]
    pub fn counts(&self) -> RibCounts {
        RibCounts {
            ipv4_prefixes: self.ipv4.reachable_prefixes,
            ipv6_prefixes: self.ipv6.reachable_prefixes,
            paths: self.ipv4.paths(&self.shared) + self.ipv6.paths(&self.shared),
            attribute_sets: self.shared.store.len(),
            export_groups: self.ipv4.groups.len() + self.ipv6.groups.len(),
        }
    }
}

impl<P: RibFamily> FamilyRib<P> {
    fn page(
        &self,
        shared: &Shared,
        selection: RouteSelection,
        position: PagePosition,
        limit: usize,
    ) -> RoutePage {
        let mut routes = Vec::new();
        let first = u32::try_from(position.0).unwrap_or(u32::MAX);
        let mut looked_at = 0;
        for (index, entry) in self.table.iter_from(first) {
            // A selection that matches little must not make the page a scan of the table.
            if routes.len() >= limit || looked_at >= MAX_PAGE_PATHS {
                return RoutePage { routes, next: Some(PagePosition(index.0.into())) };
            }
            looked_at += entry.paths.as_slice().len() + 1;
            routes.extend(self.views(shared, index, selection));
        }
        RoutePage { routes, next: None }
    }

    fn routes_to(&self, shared: &Shared, prefix: P, selection: RouteSelection) -> Vec<RouteView> {
        self.table.find(prefix).map_or_else(Vec::new, |index| self.views(shared, index, selection))
    }

    fn views(&self, shared: &Shared, index: EntryIndex, selection: RouteSelection) -> Vec<RouteView> {
        let selects = |path: &Path, status: &RouteStatus| match selection {
            RouteSelection::All => true,
            RouteSelection::Best => matches!(status, RouteStatus::Best(_)),
            RouteSelection::ReceivedFrom(peer) => shared.sources.get(path.source).peer == peer,
            RouteSelection::AdvertisedTo(_) => false,
        };
        if let RouteSelection::AdvertisedTo(peer) = selection {
            return self.advertised(shared, index, peer).unwrap_or_default();
        }
        let statuses =
            self.statuses(shared, index).into_iter().filter(|(path, status)| selects(path, status));
        statuses.map(|(path, status)| self.view(shared, index, &path, path.received, status)).collect()
    }

    /// What `peer` was told of an entry, as far as it was told the present state.
    fn advertised(&self, shared: &Shared, index: EntryIndex, peer: PeerIndex) -> Option<Vec<RouteView>> {
        let Membership { group, reader } = shared.peers.routes::<P>(peer)?.membership?;
        let group = self.groups.get(&group)?;
        let statuses = self.statuses(shared, index);
        let view = |(slot, source): (SlotIndex, Option<SourceIndex>)| {
            let Slot::Exported(handle, record) = group.log.slot(slot) else { return None };
            if record.source == peer || !group.log.has_been_told(reader, slot) {
                return None;
            }
            let is_told = |path: &Path, status: &RouteStatus| match source {
                Some(source) => path.source == source,
                None => matches!(status, RouteStatus::Best(_)),
            };
            let (path, status) = statuses.iter().find(|(path, status)| is_told(path, status))?;
            let view = self.view(shared, index, path, handle, status.clone());
            Some(RouteView { path_id: source.map_or(PathId(0), SourceIndex::exported_path_id), ..view })
        };
        Some(group.slots_of(index).into_iter().filter_map(view).collect())
    }

    fn view(
        &self,
        shared: &Shared,
        index: EntryIndex,
        path: &Path,
        attributes: AttributeHandle,
        status: RouteStatus,
    ) -> RouteView {
        let source = shared.sources.get(path.source);
        RouteView {
            prefix: self.table.entry(index).prefix.erase(),
            peer: shared.peers.options(source.peer).map(|options| Arc::clone(&options.name)),
            path_id: source.path_id,
            attributes: shared.store.get(attributes).attributes.clone(),
            next_hop: shared.store.next_hop(attributes),
            status,
        }
    }

    /// The paths of an entry with what became of each.
    fn statuses(&self, shared: &Shared, index: EntryIndex) -> Vec<(Path, RouteStatus)> {
        let entry = self.table.entry(index);
        let paths = entry.paths.as_slice();
        let mut statuses: Vec<_> =
            paths.iter().map(|path| (*path, self.exclusion(shared, entry, path))).collect();
        if let Some((positions, decision)) = contest(&shared.store, &shared.sources, paths) {
            for (position, lost_at) in positions.into_iter().zip(decision.lost_at) {
                statuses[position].1 = Some(match lost_at {
                    None => RouteStatus::Best(decision.decided_by),
                    Some(step) if step.is_tie_break() => RouteStatus::Multipath(step),
                    Some(step) => RouteStatus::Lost(step),
                });
            }
        }
        statuses.into_iter().filter_map(|(path, status)| Some((path, status?))).collect()
    }

    /// Why a path takes no part in the decision process; `None` when it does.
    fn exclusion(&self, shared: &Shared, entry: &Entry<P>, path: &Path) -> Option<RouteStatus> {
        match candidate(&shared.store, &shared.sources, path) {
            Err(Unusable::Refused(refusal)) => {
                let verdict = filter_verdict(shared, path, refusal, entry.prefix.erase());
                Some(RouteStatus::Refused(refusal, verdict))
            }
            Err(Unusable::NextHopUnreachable) => Some(RouteStatus::NextHopUnreachable),
            Err(Unusable::PeerGone) => Some(RouteStatus::PeerGone),
            Ok(_) => None,
        }
    }

    fn explain(&self, shared: &Shared, prefix: P) -> Option<Explanation> {
        let index = self.table.find(prefix)?;
        let mut routes = self.views(shared, index, RouteSelection::All);
        if routes.is_empty() {
            return None;
        }
        routes.sort_by_key(|route| !matches!(route.status, RouteStatus::Best(_)));
        let exports = self.groups.values().flat_map(|group| &group.members);
        Some(Explanation {
            prefix: prefix.erase(),
            routes,
            forwarding: self.forwarding.as_ref().and_then(|log| log.get(index)).cloned(),
            exports: exports.filter_map(|&peer| self.export_view(shared, index, peer)).collect(),
        })
    }

    fn export_view(&self, shared: &Shared, index: EntryIndex, peer: PeerIndex) -> Option<ExportView> {
        let Membership { group, reader } = shared.peers.routes::<P>(peer)?.membership?;
        let group = self.groups.get(&group)?;
        let entry = self.table.entry(index);
        let best = entry.best_path();
        let refusal = match best.map(|path| (path, shared.sources.get(path.source))) {
            None => Some(NotExported::NoRoute),
            Some((_, source)) if source.peer == peer => Some(NotExported::SplitHorizon),
            Some((_, source)) if shared.telling == Telling::OwnRoutes && source.peer != PeerIndex::LOCAL => {
                Some(NotExported::HeldBack)
            }
            Some((path, source)) => {
                let refusal =
                    group.rules.refusal(&shared.store, entry.prefix.erase(), path.import.handle()?, source);
                refusal.map(NotExported::Refused)
            }
        };
        let name = Arc::clone(&shared.peers.options(peer)?.name);
        let slots = group.slots_of(index).into_iter().map(|(slot, _)| slot);
        let is_for_peer = |slot: &SlotIndex| matches!(group.log.slot(*slot), Slot::Exported(_, record) if record.source != peer);
        let exported: Vec<SlotIndex> = slots.filter(is_for_peer).collect();
        let told = exported.iter().filter(|&&slot| group.log.has_been_told(reader, slot)).count();
        let paths = group.tells_several().then_some(told);
        // Who takes several paths may be told others when it is not told the best one.
        let refusal = refusal.filter(|_| paths.is_none() || exported.is_empty());
        Some(ExportView { peer: name, refusal, told: told > 0 && told == exported.len(), paths })
    }

    fn paths(&self, shared: &Shared) -> usize {
        shared.peers.all_routes::<P>().map(|routes| routes.received).sum::<usize>() + self.own_paths()
    }

    fn peer_counts(&self, shared: &Shared, peer: PeerIndex) -> PeerCounts {
        let Some(routes) = shared.peers.routes::<P>(peer) else { return PeerCounts::default() };
        let group = routes.membership.and_then(|membership| self.groups.get(&membership.group));
        PeerCounts {
            received: routes.received,
            accepted: routes.accepted,
            advertised: group.map_or(0, |group| group.log.exported_to(peer)),
            group: group.map(|group| group.id.0),
            group_members: group.map_or(0, |group| group.members.len()),
            end_of_rib_sent: routes.membership.is_some() && !routes.owes_end_of_rib,
            unencodable: group.map_or(0, |group| group.unencodable),
        }
    }
}

fn filter_verdict(shared: &Shared, path: &Path, refusal: ImportRefusal, prefix: Prefix) -> Option<String> {
    let options = shared.peers.options(shared.sources.get(path.source).peer)?;
    (refusal == ImportRefusal::Filter)
        .then(|| options.import.evaluate(prefix, &shared.store.facts(path.received)).to_string())
}
