//! Why a prefix is routed as it is: its paths with their states, and what each peer is sent.

use std::sync::Arc;

use bgp_codec::{PathId, Prefix};
use margay_filter::{RouteSource, Trace};

use super::family_view::FamilyView;
use super::rib_view::RibView;
use super::routes::{RouteSelection, RouteStatus, RouteView};
use crate::family::FamilyIndex;
use crate::forwarding::Forwarding;
use crate::index::{PeerIndex, SlotIndex};
use crate::log::Slot;
use crate::paths::EntryView;
use crate::policy::ExportRefusal;
use crate::shared::Advertising;

/// Why a prefix is routed as it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The prefix.
    pub prefix: Prefix,
    /// Its paths, the best one first.
    pub routes: Vec<RouteView>,
    /// Where the forwarding table sends packets; `None` if it is not to hold the prefix.
    pub forwarding: Option<Forwarding>,
    /// What each peer is sent.
    pub exports: Vec<ExportView>,
    /// The way of its paths through filters: each path on import, and the best one on export.
    pub filters: Vec<FilterPass>,
}

/// The way of a path through the filters of a peer, or of several with equal ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilterPass {
    /// Whether it came from the peers or is to go to them.
    pub direction: FilterDirection,
    /// The names of the peers that the filters work for.
    pub peers: Vec<Arc<str>>,
    /// The number that the peer gave the path (RFC 7911); 0 where the session has none.
    pub path_id: PathId,
    /// The rules in the order in which they were asked.
    pub rules: Vec<AskedRule>,
    /// What became of the path, in words.
    pub verdict: String,
}

/// The direction in which a filter works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FilterDirection {
    /// For what a peer announces.
    Import,
    /// For what is advertised to a peer.
    Export,
}

/// A rule that was asked about a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AskedRule {
    /// The filter that it stands in.
    pub filter: String,
    /// Its number there; the first is 1.
    pub rule: usize,
    /// The line of the operator's file on which it begins, where it is known.
    pub line: Option<u32>,
    /// Whether the path meets its condition.
    pub matched: bool,
}

/// Whether a prefix is advertised to a peer, and why: its best path, or any path if the peer accepts several.
#[derive(Clone, Debug)]
pub struct ExportView {
    /// The peer's name.
    pub peer: Arc<str>,
    /// Why it is not advertised; `None` if it is.
    pub refusal: Option<NotExported>,
    /// Whether the last change has been handed out for sending.
    pub is_sent: bool,
    /// Number of paths that are sent; `None` if the peer accepts only one (RFC 7911).
    pub paths: Option<usize>,
}

/// Why a route is not advertised to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotExported {
    /// There is no usable path.
    NoRoute,
    /// The peer itself announced the best path.
    SplitHorizon,
    /// Initial hold-back: only own routes are advertised until the peers have announced theirs.
    HeldBack,
    /// The export rules or filters refuse it.
    Refused(ExportRefusal),
}

impl RibView<'_> {
    /// Why `prefix` is routed as it is; `None` if there is no path to it.
    #[must_use]
    pub fn explain(self, prefix: Prefix) -> Option<Explanation> {
        FamilyView::of(self.rib, FamilyIndex::of(prefix.family())?).explain(prefix)
    }
}

impl FamilyView<'_> {
    fn explain(self, prefix: Prefix) -> Option<Explanation> {
        let entry = self.entry(prefix)?;
        let mut routes = self.routes(entry, RouteSelection::All, None);
        if routes.is_empty() {
            return None;
        }
        routes.sort_by_key(|route| !matches!(route.status, RouteStatus::Best(_)));
        let exports = self.state.groups.iter().flat_map(|group| &group.members);
        Some(Explanation {
            prefix,
            routes,
            forwarding: self.state.forwarding.and_then(|log| log.get(entry.index)).cloned(),
            exports: exports.filter_map(|&peer| self.export(entry, peer)).collect(),
            filters: self.import_passes(entry).chain(self.export_passes(entry)).collect(),
        })
    }

    fn import_passes(self, entry: EntryView<'_>) -> impl Iterator<Item = FilterPass> {
        let Self { shared, .. } = self;
        entry.paths.iter().filter_map(move |path| {
            let source = shared.sources.get(path.source);
            let options =
                shared.peers.options(source.peer).filter(|options| !options.rules.import.is_empty())?;
            let session = options.filter_session();
            let family = entry.prefix.family();
            let route = shared.store.route_path(path.received, family, RouteSource::Peer(&session));
            let import = &options.rules.import;
            let destination = shared.validation.destination(import, entry.prefix, route.attributes);
            let trace = import.trace(&route, &destination);
            let peers = vec![Arc::clone(&options.rules.name)];
            Some(FilterPass::new(FilterDirection::Import, peers, source.path_id, &trace))
        })
    }

    fn export_passes(self, entry: EntryView<'_>) -> impl Iterator<Item = FilterPass> {
        let Self { shared, state } = self;
        let best = entry.best.and_then(|path| Some((path.source, path.import.handle()?)));
        state.groups.iter().filter_map(move |group| {
            let (source, handle) = best?;
            let trace = group.rules.trace(shared, entry.prefix, handle, source)?;
            let names = group.members.iter().filter_map(|&peer| shared.peers.options(peer));
            let peers: Vec<Arc<str>> = names.map(|options| Arc::clone(&options.rules.name)).collect();
            (!peers.is_empty()).then(|| FilterPass::new(FilterDirection::Export, peers, PathId(0), &trace))
        })
    }

    fn export(self, entry: EntryView<'_>, peer: PeerIndex) -> Option<ExportView> {
        let Self { shared, state } = self;
        let (group, reader) = state.groups.of_member(shared, peer)?;
        let chosen = group.chosen(shared, entry.prefix, entry.paths, entry.best);
        let refusal = match chosen.map(|path| (path, shared.sources.get(path.source))) {
            None => Some(NotExported::NoRoute),
            Some((_, source)) if source.peer == peer => Some(NotExported::SplitHorizon),
            Some((_, source))
                if shared.advertising == Advertising::OwnRoutes && source.peer != PeerIndex::LOCAL =>
            {
                Some(NotExported::HeldBack)
            }
            Some((path, _)) => {
                let route = group.route(entry.prefix);
                let refusal = group.rules.refusal(shared, route, path.import.handle()?, path.source);
                refusal.map(NotExported::Refused)
            }
        };
        let slots = group.log.slots_of(entry.index).into_iter().map(|(slot, _)| slot);
        let is_for_peer = |slot: &SlotIndex| matches!(group.log.slot(*slot), Slot::Exported(_, record) if record.source != peer);
        let exported: Vec<SlotIndex> = slots.filter(is_for_peer).collect();
        let sent = exported.iter().filter(|&&slot| group.log.reading(reader).has_read(slot)).count();
        let paths = group.signature.sends_several().then_some(sent);
        Some(ExportView {
            peer: Arc::clone(&shared.peers.options(peer)?.rules.name),
            // A peer that accepts several paths may be sent others even if it is not sent the best one.
            refusal: refusal.filter(|_| paths.is_none() || exported.is_empty()),
            is_sent: sent > 0 && sent == exported.len(),
            paths,
        })
    }
}

impl FilterPass {
    fn new(direction: FilterDirection, peers: Vec<Arc<str>>, path_id: PathId, trace: &Trace<'_>) -> Self {
        let rules = trace.rules.iter().map(|rule| AskedRule {
            filter: rule.filter.to_owned(),
            rule: rule.rule,
            line: rule.line,
            matched: rule.matched,
        });
        Self { direction, peers, path_id, rules: rules.collect(), verdict: trace.reason.to_string() }
    }
}
