//! A family of the Rib without the type of its prefixes.

use std::collections::BTreeSet;
use std::fmt;

use bgp_codec::{NlriBlock, Prefix};
use margay_filter::FilterChain;
use margay_rpki::PayloadTable;
use roaring::RoaringBitmap;

use super::own_routes::OwnRoutes;
use super::work::PathWork;
use crate::attributes::AttributeHandle;
use crate::export::{EncodedUpdates, ExportGroups};
use crate::forwarding::{ForwardingChange, ForwardingLog};
use crate::index::PeerIndex;
use crate::options::{
    AggregateOptions, Departure, KernelRouteView, LinkUsability, NetworkOptions, PeerOptions, RibOptions,
    StaticRoute,
};
use crate::paths::AnyTable;
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// The interface of a family towards the Rib. It is called once for blocks of routes or a slice of work, not
/// for each route.
///
/// Blocks and prefixes of another family are ignored.
pub(crate) trait AnyFamilyRib: fmt::Debug + Send + Sync {
    /// Reads ahead the memory that changing the paths to these prefixes will need. All blocks of a batch come in one call, so
    /// that their cache misses overlap: most UPDATEs announce a few prefixes only.
    fn read_ahead(&self, shared: &Shared, blocks: &mut dyn Iterator<Item = NlriBlock<'_>>);

    /// Enters routes that `peer` announced with the same attributes.
    fn announce(
        &mut self,
        shared: &mut Shared,
        peer: PeerIndex,
        received: AttributeHandle,
        import: &ImportPolicy<'_>,
        routes: NlriBlock<'_>,
    );

    /// Removes routes that `peer` withdrew.
    fn withdraw(&mut self, shared: &mut Shared, peer: PeerIndex, routes: NlriBlock<'_>);

    /// Originates a network. If it is originated already, replaces its options.
    fn originate(&mut self, shared: &mut Shared, prefix: Prefix, options: NetworkOptions);

    /// Stops originating `prefix`.
    fn stop_originating(&mut self, shared: &mut Shared, prefix: Prefix);

    /// Sets the foreign route that the kernel has at `prefix`.
    fn set_kernel_route(&mut self, shared: &mut Shared, prefix: Prefix, route: Option<KernelRouteView>);

    /// Sets the static route at `prefix`; `None` for no route.
    fn set_static(&mut self, shared: &mut Shared, prefix: Prefix, route: Option<StaticRoute>);

    /// See [`Rib::set_aggregate`](crate::Rib::set_aggregate).
    fn set_aggregate(&mut self, shared: &mut Shared, prefix: Prefix, options: Option<AggregateOptions>);

    /// See [`Rib::set_default_route`](crate::Rib::set_default_route).
    fn set_default_route(&mut self, shared: &mut Shared, prefix: Option<Prefix>);

    /// Handles links of static routes that have become usable or unusable.
    fn on_links_changed(&mut self, shared: &mut Shared, changes: &[LinkUsability]);

    /// Sets the filters on what is installed.
    fn set_forwarding_filter(&mut self, filter: &FilterChain);

    /// Schedules the entries that are covered by changed payloads to go through the filters that ask for their state.
    fn on_payloads_changed(&mut self, shared: &Shared, changed: &PayloadTable);

    /// Schedules all entries to be decided again.
    fn decide_again(&mut self);

    /// Handles a new cost of the next hops of paths to these entries.
    fn on_costs_changed(&mut self, entries: RoaringBitmap);

    /// Handles the start of a session that has agreed on this family.
    fn peer_up(&mut self, shared: &mut Shared, speaker: &RibOptions, peer: PeerIndex);

    /// Handles the end of the session of `peer`.
    fn peer_down(&mut self, shared: &mut Shared, peer: PeerIndex, departure: Departure);

    /// Marks the paths of a peer that is away as kept from a session that ended, unless they are marked.
    fn mark_stale(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// Handles new rules of peers or of the speaker.
    fn keep_long_lived(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// See [`Rib::reconfigure`](crate::Rib::reconfigure).
    fn on_rules_changed(&mut self, shared: &Shared, change: &RulesChange);

    /// Schedules all logs to be filled from the table again.
    fn fill_again(&mut self);

    /// Handles a request of `peer` for all routes (RFC 2918).
    fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// Handles the beginning of a route refresh by `peer` (RFC 7313).
    fn begin_refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// Handles the end of a route refresh by `peer`.
    fn end_refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// Does a part of the pending work, of about `steps` steps.
    fn work(&mut self, shared: &mut Shared, speaker: &RibOptions, steps: usize);

    /// Whether there is pending work.
    fn has_work(&self) -> bool;

    /// Appends to `out` what `peer` is to be sent next. Returns whether the peer was behind.
    fn poll_export(&mut self, shared: &mut Shared, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool;

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange>;

    /// The state, for views.
    fn state(&self) -> FamilyState<'_>;
}

/// New rules of peers whose sessions stay.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct RulesChange {
    /// The peers whose import rules changed.
    pub(crate) imported: BTreeSet<PeerIndex>,
    /// The peers whose role in route reflection changed.
    pub(crate) reflected: BTreeSet<PeerIndex>,
}

impl RulesChange {
    /// Notes what other options of a peer change.
    pub(crate) fn note(&mut self, peer: PeerIndex, former: &PeerOptions, present: &PeerOptions) {
        let is_seen_otherwise = former.filter_session() != present.filter_session();
        if !present.has_same_import(former) || is_seen_otherwise && present.rules.import.looks_at_source() {
            self.imported.insert(peer);
        }
        if is_seen_otherwise || former.rules.reflection != present.rules.reflection {
            self.reflected.insert(peer);
        }
    }
}

/// The state of a family.
#[derive(Clone, Copy)]
pub(crate) struct FamilyState<'a> {
    pub(crate) table: &'a dyn AnyTable,
    pub(crate) own_routes: &'a OwnRoutes,
    pub(crate) groups: &'a ExportGroups,
    pub(crate) forwarding: Option<&'a ForwardingLog>,
    pub(crate) work: &'a PathWork,
    /// The entries with many paths whose decision is pending.
    pub(crate) undecided: &'a RoaringBitmap,
    /// Paths that may be looked at in deciding, saved up.
    pub(crate) saved_looks: usize,
    /// Number of entries with a path; other entries only wait for their withdrawal to be read.
    pub(crate) reachable_prefixes: usize,
    /// Whether work on paths is the next to be done.
    pub(crate) paths_are_next: bool,
}
