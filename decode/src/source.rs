//! A message of the input, and the terms of decoding it.

use bgp_codec::{Afi, AsWidth, DecodeContext, Family, PeerKind, Safi};
use bytes::Bytes;

/// A message of the input.
#[derive(Debug)]
pub(crate) struct SourceMessage {
    /// Where it was found: a time, a connection; empty if nothing is known.
    pub(crate) label: String,
    pub(crate) octets: Bytes,
    pub(crate) context: DecodeContext,
}

/// The default terms of decoding.
pub(crate) fn terms(peer: PeerKind, as_width: AsWidth, add_path: bool) -> DecodeContext {
    let mut context = DecodeContext::new(peer, as_width);
    context.extended_next_hop = vec![Family::IPV4_UNICAST];
    context.max_message_octets = MAX_MESSAGE_OCTETS;
    if add_path {
        context.add_path = families_with_path_ids();
    }
    context
}

/// Every family whose NLRI with path identifiers can be delimited.
pub(crate) fn families_with_path_ids() -> Vec<Family> {
    let safis = [
        Safi::UNICAST,
        Safi::MULTICAST,
        Safi::LABELLED,
        Safi::MULTICAST_VPN,
        Safi::VPLS,
        Safi::EVPN,
        Safi::LINK_STATE,
        Safi::SEGMENT_ROUTING_POLICY,
        Safi::VPN,
        Safi::VPN_MULTICAST,
        Safi::ROUTE_TARGET,
        Safi::FLOW_SPECIFICATION,
        Safi::VPN_FLOW_SPECIFICATION,
    ];
    let afis = [Afi::IPV4, Afi::IPV6, Afi::L2VPN, Afi::LINK_STATE];
    afis.into_iter().flat_map(|afi| safis.into_iter().map(move |safi| Family { afi, safi })).collect()
}

/// The longest message of RFC 8654.
const MAX_MESSAGE_OCTETS: usize = 65535;
