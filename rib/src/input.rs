//! The inputs of a Rib as values that can be recorded and replayed.

use bgp_codec::{Family, Prefix, Update};
use margay_filter::FilterChain;
use serde::{Deserialize, Serialize};

use crate::index::PeerIndex;
use crate::next_hops::WayChange;
use crate::options::{
    AggregateOptions, Departure, KernelRouteView, LinkUsability, NetworkOptions, OwnNextHops, PeerOptions,
    PeerRules, SpeakerRules, StaticRoute,
};
use crate::rib::Rib;
use crate::validation::PayloadUpdate;

/// One call on a [`Rib`] that changes it: the method of the same name.
///
/// `U` is the form of an UPDATE. An [`Update`] is recorded as the octets of its message, which a replay
/// decodes again under the terms of the session, by [`map_update`](Self::map_update).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum RibInput<U = Update> {
    /// [`Rib::hold_back`].
    HoldBack,
    /// [`Rib::end_hold_back`].
    EndHoldBack,
    /// [`Rib::peer_up`].
    PeerUp(Box<PeerOptions>, Option<PeerIndex>),
    /// [`Rib::peer_down`].
    PeerDown(PeerIndex, Departure),
    /// [`Rib::keep_long_lived`].
    KeepLongLived(PeerIndex, Vec<Family>),
    /// [`Rib::apply_update`].
    Update(PeerIndex, U),
    /// [`Rib::refresh`].
    Refresh(PeerIndex, Family),
    /// [`Rib::begin_refresh`].
    BeginRefresh(PeerIndex, Family),
    /// [`Rib::end_refresh`].
    EndRefresh(PeerIndex, Family),
    /// [`Rib::originate`].
    Originate(Prefix, NetworkOptions),
    /// [`Rib::stop_originating`].
    StopOriginating(Prefix),
    /// [`Rib::set_kernel_route`].
    KernelRoute(Prefix, Option<KernelRouteView>),
    /// [`Rib::set_static`].
    Static(Prefix, Option<StaticRoute>),
    /// [`Rib::set_aggregate`].
    Aggregate(Prefix, Option<AggregateOptions>),
    /// [`Rib::set_default_route`].
    DefaultRoute(Family, bool),
    /// [`Rib::set_links`].
    Links(Vec<LinkUsability>),
    /// [`Rib::set_forwarding_filter`].
    ForwardingFilter(FilterChain),
    /// [`Rib::set_ways`].
    Ways(Vec<WayChange>),
    /// [`Rib::reconfigure`].
    Reconfigure(SpeakerRules, Vec<(PeerIndex, PeerRules)>),
    /// [`Rib::set_own_next_hops`].
    OwnNextHops(Vec<(PeerIndex, OwnNextHops)>),
    /// [`Rib::update_payloads`].
    Payloads(PayloadUpdate),
    /// [`Rib::work`].
    Work(usize),
    /// [`Rib::poll_export`].
    Export(PeerIndex),
    /// [`Rib::poll_forwarding`].
    Forwarding(usize),
    /// [`Rib::poll_next_hop_losses`].
    NextHopLosses,
}

impl<U> RibInput<U> {
    /// The same input with its UPDATE in another form; `None` if `map` returns none.
    pub fn map_update<V>(self, map: impl FnOnce(PeerIndex, U) -> Option<V>) -> Option<RibInput<V>> {
        Some(match self {
            Self::Update(peer, update) => RibInput::Update(peer, map(peer, update)?),
            Self::HoldBack => RibInput::HoldBack,
            Self::EndHoldBack => RibInput::EndHoldBack,
            Self::PeerUp(options, resumes) => RibInput::PeerUp(options, resumes),
            Self::PeerDown(peer, departure) => RibInput::PeerDown(peer, departure),
            Self::KeepLongLived(peer, families) => RibInput::KeepLongLived(peer, families),
            Self::Refresh(peer, family) => RibInput::Refresh(peer, family),
            Self::BeginRefresh(peer, family) => RibInput::BeginRefresh(peer, family),
            Self::EndRefresh(peer, family) => RibInput::EndRefresh(peer, family),
            Self::Originate(prefix, options) => RibInput::Originate(prefix, options),
            Self::StopOriginating(prefix) => RibInput::StopOriginating(prefix),
            Self::KernelRoute(prefix, route) => RibInput::KernelRoute(prefix, route),
            Self::Static(prefix, route) => RibInput::Static(prefix, route),
            Self::Aggregate(prefix, options) => RibInput::Aggregate(prefix, options),
            Self::DefaultRoute(family, is_originated) => RibInput::DefaultRoute(family, is_originated),
            Self::Links(changes) => RibInput::Links(changes),
            Self::ForwardingFilter(filter) => RibInput::ForwardingFilter(filter),
            Self::Ways(changes) => RibInput::Ways(changes),
            Self::Reconfigure(rules, peers) => RibInput::Reconfigure(rules, peers),
            Self::OwnNextHops(peers) => RibInput::OwnNextHops(peers),
            Self::Payloads(update) => RibInput::Payloads(update),
            Self::Work(steps) => RibInput::Work(steps),
            Self::Export(peer) => RibInput::Export(peer),
            Self::Forwarding(limit) => RibInput::Forwarding(limit),
            Self::NextHopLosses => RibInput::NextHopLosses,
        })
    }
}

impl RibInput {
    /// Makes the call. Returns the peer's index for a peer that came up; all other results are dropped.
    pub fn apply_to(self, rib: &mut Rib) -> Option<PeerIndex> {
        match self {
            Self::HoldBack => rib.hold_back(),
            Self::EndHoldBack => rib.end_hold_back(),
            Self::PeerUp(options, resumes) => return Some(rib.peer_up(*options, resumes)),
            Self::PeerDown(peer, departure) => rib.peer_down(peer, departure),
            Self::KeepLongLived(peer, families) => rib.keep_long_lived(peer, &families),
            Self::Update(peer, update) => rib.apply_update(peer, update),
            Self::Refresh(peer, family) => rib.refresh(peer, family),
            Self::BeginRefresh(peer, family) => rib.begin_refresh(peer, family),
            Self::EndRefresh(peer, family) => rib.end_refresh(peer, family),
            Self::Originate(prefix, options) => rib.originate(prefix, options),
            Self::StopOriginating(prefix) => rib.stop_originating(prefix),
            Self::KernelRoute(prefix, route) => rib.set_kernel_route(prefix, route),
            Self::Static(prefix, route) => rib.set_static(prefix, route),
            Self::Aggregate(prefix, options) => rib.set_aggregate(prefix, options),
            Self::DefaultRoute(family, is_originated) => rib.set_default_route(family, is_originated),
            Self::Links(changes) => rib.set_links(&changes),
            Self::ForwardingFilter(filter) => rib.set_forwarding_filter(&filter),
            Self::Ways(changes) => rib.set_ways(&changes),
            Self::Reconfigure(rules, peers) => rib.reconfigure(rules, peers),
            Self::OwnNextHops(peers) => rib.set_own_next_hops(peers),
            Self::Payloads(update) => rib.update_payloads(&update),
            Self::Work(steps) => {
                rib.work(steps);
            }
            Self::Export(peer) => {
                rib.poll_export(peer, &mut Vec::new());
            }
            Self::Forwarding(limit) => drop(rib.poll_forwarding(limit)),
            Self::NextHopLosses => drop(rib.poll_next_hop_losses()),
        }
        None
    }
}
