//! Routes as operators see them, in pages or of one prefix.

use std::sync::Arc;

use bgp_codec::{Family, NextHop, PathAttributes, PathId, Prefix};
use margay_filter::{FilterChain, NextHopEdit, RouteEdits, RouteSource, SourceKind};

use super::family_view::FamilyView;
use super::rib_view::RibView;
use crate::attributes::AttributeHandle;
use crate::decision::{Step, Unusable, candidate, contest};
use crate::family::FamilyIndex;
use crate::index::{PeerIndex, SlotIndex, SourceIndex};
use crate::log::Slot;
use crate::options::{Discard, LinkName};
use crate::paths::{EntryView, ImportRefusal, Path};
use crate::peers::Presence;
use crate::shared::Shared;

/// One path, as operators see it.
#[derive(Clone, Debug)]
pub struct RouteView {
    /// The destination.
    pub prefix: Prefix,
    /// The name of the peer that announced it; `None` for routes that this speaker originates.
    pub peer: Option<Arc<str>>,
    /// The path identifier that the peer assigned (RFC 7911); 0 if the session has none.
    pub path_id: PathId,
    /// Its attributes: as received, as import filters left them (Loc-RIB), or as advertised.
    pub attributes: PathAttributes,
    /// Its next hop; `None` for this speaker.
    pub next_hop: Option<NextHop>,
    /// State of the path.
    pub status: RouteStatus,
    /// Whether it is kept while its peer is away.
    pub is_stale: bool,
    /// What it is worth on this node, never advertised.
    pub local: LocalView,
}

/// Local properties of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalView {
    /// Its origin.
    pub source: SourceKind,
    /// Compared before every step of BGP; the highest wins.
    pub preference: u32,
    /// Compared after the preference; the highest wins.
    pub weight: u32,
    /// Metric in the kernel; `None` for the default one.
    pub metric: Option<u32>,
    /// The operator's mark.
    pub tag: Option<u32>,
    /// Cost of the way to the next hop; `None` if that is not reachable.
    pub cost: Option<u32>,
    /// How packets are discarded, if they are.
    pub discard: Option<Discard>,
    /// The link of a static route's next hop, where the operator names it.
    pub link: Option<LinkName>,
}

/// State of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteStatus {
    /// The best path; the step removed the last other candidate.
    Best(Step),
    /// Equal to the best path up to this tie-break, and may share the traffic.
    Multipath(Step),
    /// Usable, but another path was preferred at this step.
    Lost(Step),
    /// Refused by import; with the text of the filter's verdict if a filter refused it.
    Refused(ImportRefusal, Option<String>),
    /// Its next hop is unreachable.
    NextHopUnreachable,
    /// The session of its peer is over, and it waits to be removed.
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

/// Start of a page of routes. Positions increase, and clients can keep one for the next request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PagePosition(pub u64);

/// Selection of routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteSelection {
    /// Every path.
    All,
    /// The paths that import accepted, as it left them.
    Accepted,
    /// Those of them that are of a peer.
    AcceptedFrom(PeerIndex),
    /// The best path of each prefix (Loc-RIB).
    Best,
    /// The best paths that are of a peer.
    BestFrom(PeerIndex),
    /// The paths that a peer announced, before import (Adj-RIB-In).
    ReceivedFrom(PeerIndex),
    /// The routes that a peer has been sent (Adj-RIB-Out).
    AdvertisedTo(PeerIndex),
    /// The paths of these routes, as import left them.
    SourcesOfAdvertised(PeerIndex),
}

/// Paths examined for a page at most: a few milliseconds of the speaker's time.
const MAX_PAGE_PATHS: usize = 8192;

impl RibView<'_> {
    /// A page of about `limit` routes from `position` on.
    #[must_use]
    pub fn routes(
        self,
        family: Family,
        selection: RouteSelection,
        position: PagePosition,
        limit: usize,
    ) -> RoutePage {
        match FamilyIndex::of(family) {
            Some(family) => FamilyView::of(self.rib, family).page(selection, self.filter, position, limit),
            None => RoutePage { routes: Vec::new(), next: None },
        }
    }

    /// The routes of one prefix.
    #[must_use]
    pub fn routes_to(self, prefix: Prefix, selection: RouteSelection) -> Vec<RouteView> {
        let Some(family) = FamilyIndex::of(prefix.family()) else { return Vec::new() };
        let view = FamilyView::of(self.rib, family);
        view.entry(prefix).map_or_else(Vec::new, |entry| view.routes(entry, selection, self.filter))
    }
}

impl FamilyView<'_> {
    fn page(
        self,
        selection: RouteSelection,
        filter: Option<&FilterChain>,
        position: PagePosition,
        limit: usize,
    ) -> RoutePage {
        let mut routes = Vec::new();
        let first = u32::try_from(position.0).unwrap_or(u32::MAX);
        let mut looked_at = 0;
        for entry in self.state.table.views_from(first) {
            // A selection with few matches must not turn the page into a scan of the table.
            if routes.len() >= limit || looked_at >= MAX_PAGE_PATHS {
                return RoutePage { routes, next: Some(PagePosition(entry.index.0.into())) };
            }
            looked_at += entry.paths.len() + 1;
            routes.extend(self.routes(entry, selection, filter));
        }
        RoutePage { routes, next: None }
    }

    /// The selected routes of an entry, as far as the filter accepts them.
    pub(super) fn routes(
        self,
        entry: EntryView<'_>,
        selection: RouteSelection,
        filter: Option<&FilterChain>,
    ) -> Vec<RouteView> {
        let Self { shared, .. } = self;
        let selects = |path: &Path, status: &RouteStatus| match selection {
            RouteSelection::All => true,
            RouteSelection::Accepted => path.import.handle().is_some(),
            RouteSelection::AcceptedFrom(peer) => {
                path.import.handle().is_some() && shared.sources.get(path.source).peer == peer
            }
            RouteSelection::Best => matches!(status, RouteStatus::Best(_)),
            RouteSelection::BestFrom(peer) => {
                matches!(status, RouteStatus::Best(_)) && shared.sources.get(path.source).peer == peer
            }
            RouteSelection::ReceivedFrom(peer) => shared.sources.get(path.source).peer == peer,
            RouteSelection::AdvertisedTo(_) | RouteSelection::SourcesOfAdvertised(_) => false,
        };
        if let RouteSelection::AdvertisedTo(peer) | RouteSelection::SourcesOfAdvertised(peer) = selection {
            let as_sent = selection == RouteSelection::AdvertisedTo(peer);
            return self.advertised(entry, peer, as_sent, filter).unwrap_or_default();
        }
        let statuses = statuses(shared, entry).into_iter().filter(|(path, status)| selects(path, status));
        let attributes = |path: &Path| match selection {
            RouteSelection::Accepted
            | RouteSelection::AcceptedFrom(_)
            | RouteSelection::Best
            | RouteSelection::BestFrom(_) => path.import.handle().unwrap_or(path.received),
            RouteSelection::All
            | RouteSelection::ReceivedFrom(_)
            | RouteSelection::AdvertisedTo(_)
            | RouteSelection::SourcesOfAdvertised(_) => path.received,
        };
        let views =
            statuses.map(|(path, status)| route(shared, entry, &path, attributes(&path), status, filter));
        views.flatten().collect()
    }

    /// The routes of an entry that `peer` has been sent, as far as the present state has been sent; or their paths as import left
    /// them.
    fn advertised(
        self,
        entry: EntryView<'_>,
        peer: PeerIndex,
        as_sent: bool,
        filter: Option<&FilterChain>,
    ) -> Option<Vec<RouteView>> {
        let (group, reader) = self.state.groups.of_member(self.shared, peer)?;
        let statuses = statuses(self.shared, entry);
        let chosen = group.chosen(self.shared, entry.prefix, entry.paths, entry.best).map(|path| path.source);
        let view = |(slot, source): (SlotIndex, Option<SourceIndex>)| {
            let Slot::Exported(handle, record) = group.log.slot(slot) else { return None };
            if record.source == peer || !group.log.reading(reader).has_read(slot) {
                return None;
            }
            let sent = source.or(chosen);
            let (path, status) = statuses.iter().find(|(path, _)| Some(path.source) == sent)?;
            let handle = if as_sent { handle } else { path.import.handle()? };
            let view = route(self.shared, entry, path, handle, status.clone(), filter)?;
            if !as_sent {
                return Some(view);
            }
            Some(RouteView { path_id: source.map_or(PathId(0), SourceIndex::exported_path_id), ..view })
        };
        Some(group.log.slots_of(entry.index).into_iter().filter_map(view).collect())
    }
}

/// A route with these attributes; `None` if the filter rejects it.
fn route(
    shared: &Shared,
    entry: EntryView<'_>,
    path: &Path,
    handle: AttributeHandle,
    status: RouteStatus,
    filter: Option<&FilterChain>,
) -> Option<RouteView> {
    let source = shared.sources.get(path.source);
    let edits = match filter {
        Some(filter) => {
            let from = shared.peers.route_source(path.source, source);
            let route = shared.store.route_path(handle, entry.prefix.family(), from);
            let destination = shared.validation.destination(filter, entry.prefix, route.attributes);
            let verdict = filter.evaluate(&route, &destination);
            verdict.is_accepted().then_some(verdict.edits)?
        }
        None => RouteEdits::default(),
    };
    Some(RouteView {
        prefix: entry.prefix,
        peer: shared.peers.options(source.peer).map(|options| Arc::clone(&options.rules.name)),
        path_id: source.path_id,
        attributes: edits.applied_to(&shared.store.get(handle).attributes),
        next_hop: match edits.next_hop {
            Some(NextHopEdit::Address(next_hop)) => Some(next_hop),
            // Both depend on the peer that a route is advertised to.
            Some(NextHopEdit::OwnAddress | NextHopEdit::Keep) | None => shared.store.next_hop(handle),
        },
        status,
        is_stale: shared.peers.presence(source.peer) == Some(Presence::Away),
        local: local(shared, path, handle, &edits),
    })
}

/// The local properties of a path with these attributes, with a filter's edits applied.
fn local(shared: &Shared, path: &Path, handle: AttributeHandle, edits: &RouteEdits) -> LocalView {
    let set = shared.store.get(handle);
    let values = edits.applied_to_local(set.values.local());
    LocalView {
        source: shared.peers.route_source(path.source, shared.sources.get(path.source)).kind(),
        preference: values.preference,
        weight: values.weight,
        metric: values.metric,
        tag: values.tag,
        cost: shared.store.next_hops.cost(set.next_hop),
        discard: if edits.blackhole { Some(Discard::Blackhole) } else { set.values.discard() },
        link: set.values.link(),
    }
}

/// The paths of an entry with their states.
fn statuses(shared: &Shared, entry: EntryView<'_>) -> Vec<(Path, RouteStatus)> {
    let mut statuses: Vec<_> =
        entry.paths.iter().map(|path| (*path, exclusion(shared, entry.prefix, path))).collect();
    let present_best = entry.best.map(|path| path.source);
    if let Some((positions, decision)) = contest(&shared.store, &shared.sources, entry.paths, present_best) {
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

/// Why a path is excluded from the decision process; `None` if it is not.
fn exclusion(shared: &Shared, prefix: Prefix, path: &Path) -> Option<RouteStatus> {
    match candidate(&shared.store, &shared.sources, path) {
        Err(Unusable::Refused(refusal)) => {
            Some(RouteStatus::Refused(refusal, filter_verdict(shared, path, refusal, prefix)))
        }
        Err(Unusable::NextHopUnreachable) => Some(RouteStatus::NextHopUnreachable),
        Err(Unusable::PeerGone) => Some(RouteStatus::PeerGone),
        Ok(_) => None,
    }
}

fn filter_verdict(shared: &Shared, path: &Path, refusal: ImportRefusal, prefix: Prefix) -> Option<String> {
    let options = shared.peers.options(shared.sources.get(path.source).peer)?;
    (refusal == ImportRefusal::Filter).then(|| {
        let session = options.filter_session();
        let path = shared.store.route_path(path.received, prefix.family(), RouteSource::Peer(&session));
        let import = &options.rules.import;
        let destination = shared.validation.destination(import, prefix, path.attributes);
        import.reason(&import.evaluate(&path, &destination)).to_string()
    })
}
