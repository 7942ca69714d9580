//! Why a prefix is routed as it is: its paths with their states, and what each peer is sent.

use std::sync::Arc;

use bgp_codec::Prefix;

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
        FamilyView::of(self.0, FamilyIndex::of(prefix.family())?).explain(prefix)
    }
}

impl FamilyView<'_> {
    fn explain(self, prefix: Prefix) -> Option<Explanation> {
        let entry = self.entry(prefix)?;
        let mut routes = self.routes(entry, RouteSelection::All);
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
        })
    }

    fn export(self, entry: EntryView<'_>, peer: PeerIndex) -> Option<ExportView> {
        let Self { shared, state } = self;
        let (group, reader) = state.groups.of_member(shared, peer)?;
        let refusal = match entry.best.map(|path| (path, shared.sources.get(path.source))) {
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
        let sent = exported.iter().filter(|&&slot| group.log.has_read(reader, slot)).count();
        let paths = group.sends_several().then_some(sent);
        Some(ExportView {
            peer: Arc::clone(&shared.peers.options(peer)?.name),
            // A peer that accepts several paths may be sent others even if it is not sent the best one.
            refusal: refusal.filter(|_| paths.is_none() || exported.is_empty()),
            is_sent: sent > 0 && sent == exported.len(),
            paths,
        })
    }
}
