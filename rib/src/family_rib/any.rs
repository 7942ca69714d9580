//! A family of the Rib without the type of its prefixes.

use std::collections::BTreeSet;
use std::fmt;

use bgp_codec::{NlriBlock, Prefix};
use roaring::RoaringBitmap;

use super::own_routes::OwnRoutes;
use super::work::PathWork;
use crate::attributes::AttributeHandle;
use crate::export::{EncodedUpdates, ExportGroups};
use crate::forwarding::{ForwardingChange, ForwardingLog};
use crate::index::PeerIndex;
use crate::options::{Departure, KernelRouteView, NetworkOptions, RibOptions};
use crate::paths::AnyTable;
use crate::policy::ImportPolicy;
use crate::shared::Shared;

/// What the Rib asks of a family. A call is made for a block of routes or a slice of work, not for each route.
///
/// Blocks and prefixes must be of the family; others are ignored.
pub(crate) trait AnyFamilyRib: fmt::Debug + Send + Sync {
    /// Reads ahead what changing the paths to these prefixes needs to know.
    fn read_ahead(&self, shared: &Shared, routes: NlriBlock<'_>);

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

    /// Originates a network; or, where it is originated already, with other options.
    fn originate(&mut self, shared: &mut Shared, prefix: Prefix, options: NetworkOptions);

    /// Stops originating `prefix`.
    fn stop_originating(&mut self, shared: &mut Shared, prefix: Prefix);

    /// Takes over which route of others the kernel has at `prefix`.
    fn set_kernel_route(&mut self, shared: &mut Shared, prefix: Prefix, route: Option<KernelRouteView>);

    /// The next hops of paths to these entries cost something else now.
    fn on_costs_changed(&mut self, entries: RoaringBitmap);

    /// The session of `peer` is up, and has agreed on this family.
    fn peer_up(&mut self, shared: &mut Shared, speaker: &RibOptions, peer: PeerIndex);

    /// The session of `peer` is down.
    fn peer_down(&mut self, shared: &mut Shared, peer: PeerIndex, departure: Departure);

    /// Peers, or the speaker, have other rules.
    fn on_rules_changed(&mut self, shared: &Shared, change: &RulesChange);

    /// The table enters all logs again.
    fn fill_again(&mut self);

    /// `peer` asks for all routes again (RFC 2918).
    fn refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// `peer` begins to announce all its routes again (RFC 7313).
    fn begin_refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// `peer` has announced all its routes again.
    fn end_refresh(&mut self, shared: &mut Shared, peer: PeerIndex);

    /// Does a part of the work that is due, of about `steps` steps.
    fn work(&mut self, shared: &mut Shared, speaker: &RibOptions, steps: usize);

    /// Whether work is due.
    fn has_work(&self) -> bool;

    /// Appends to `out` what `peer` is to be sent next. Returns whether the peer was behind.
    fn poll_export(&mut self, shared: &mut Shared, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool;

    /// The next changes of the wanted forwarding table, of at most `limit` entries.
    fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange>;

    /// The state, to be looked at.
    fn state(&self) -> FamilyState<'_>;
}

/// Other rules of peers whose sessions stay.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct RulesChange {
    /// The peers whose paths are imported by other rules.
    pub(crate) imported: BTreeSet<PeerIndex>,
    /// The peers whose paths are reflected by other rules.
    pub(crate) reflected: BTreeSet<PeerIndex>,
}

/// What a family holds.
#[derive(Clone, Copy)]
pub(crate) struct FamilyState<'a> {
    pub(crate) table: &'a dyn AnyTable,
    pub(crate) own_routes: &'a OwnRoutes,
    pub(crate) groups: &'a ExportGroups,
    pub(crate) forwarding: Option<&'a ForwardingLog>,
    pub(crate) work: &'a PathWork,
    /// The entries with many paths that are to be decided.
    pub(crate) undecided: &'a RoaringBitmap,
    /// How many entries have a path; the others only wait for their withdrawal to be read.
    pub(crate) reachable_prefixes: usize,
    /// Whether work on paths is the next to be done.
    pub(crate) paths_are_next: bool,
}
