//! The terms of a session, from both OPENs.

use std::time::Duration;

use bgp_codec::{
    AddPathMode, Afi, AsWidth, Asn, BgpIdentifier, Capabilities, DecodeContext, Family, HoldTime, Open,
    PeerKind, Role,
};

use crate::families::common_families;
use crate::offer::Offer;
use crate::open_check::OpenError;
use crate::{RestartTerms, SessionOptions};

/// What both OPENs together say: the terms of one Established session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// The peer's BGP identifier.
    pub peer_identifier: BgpIdentifier,
    /// The peer's AS number.
    pub peer_asn: Asn,
    /// Our AS number towards this peer.
    pub local_asn: Asn,
    /// Whether the peer is in our AS.
    pub kind: PeerKind,
    /// How wide AS numbers are in UPDATEs, both ways (RFC 6793 §4.1).
    pub as_width: AsWidth,
    /// The smaller of both proposals; zero turns hold and keepalive timers off (RFC 4271 §4.2).
    pub hold_time: HoldTime,
    /// The longest time between two of our KEEPALIVEs, if it is configured.
    pub longest_keepalive: Option<Duration>,
    /// The families that both announce.
    pub families: Vec<Family>,
    /// The families in which the peer's routes come with path identifiers: we receive and it sends them (RFC 7911 §4).
    pub path_ids_received: Vec<Family>,
    /// The families in which our routes go out with path identifiers: we send and it receives them.
    pub path_ids_sent: Vec<Family>,
    /// Who may send a ROUTE-REFRESH (RFC 2918).
    pub route_refresh: Directions,
    /// Who may mark where the answer to a ROUTE-REFRESH begins and ends (RFC 7313).
    pub enhanced_route_refresh: Directions,
    /// Who may send messages longer than 4,096 octets (RFC 8654).
    pub extended_message: Directions,
    /// In which directions IPv4 routes may have IPv6 next hops (RFC 8950).
    pub extended_next_hop: Directions,
    /// The terms of graceful restart; `None` unless both advertise it (RFC 4724).
    pub restart: Option<RestartTerms>,
    /// Our role towards an external peer, if it is configured (RFC 9234).
    pub role: Option<Role>,
    /// Our OPEN had no capabilities, because the peer had refused one with them (RFC 5492 §5).
    pub are_capabilities_refused: bool,
    /// Everything the peer announced, as it did.
    pub peer_capabilities: Capabilities,
}

/// The directions in which a capability is in use whose advertisement means "I can receive this".
///
/// What we advertised governs what the peer may send, whatever it advertised itself, and the reverse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Directions {
    /// The peer may send it: we advertised the capability.
    pub from_peer: bool,
    /// We may send it: the peer advertised the capability.
    pub to_peer: bool,
}

impl Negotiated {
    /// Combines our OPEN, of which `offer` is known, with the peer's.
    ///
    /// # Errors
    ///
    /// The OPEN does not fit the configuration.
    pub(crate) fn new(options: &SessionOptions, offer: Offer, open: Open) -> Result<Self, OpenError> {
        let ours = &offer.capabilities(options);
        options.check_open_under(ours, &open)?;
        let theirs = &open.capabilities;
        let families = common_families(ours, theirs);
        let directions =
            |has: fn(&Capabilities) -> bool| Directions { from_peer: has(ours), to_peer: has(theirs) };
        Ok(Self {
            peer_identifier: open.identifier,
            peer_asn: open.asn,
            local_asn: options.local_asn,
            kind: options.kind_of(open.asn),
            as_width: match (ours.four_octet_as(), theirs.four_octet_as()) {
                (Some(_), Some(_)) => AsWidth::Four,
                (None, _) | (_, None) => AsWidth::Two,
            },
            hold_time: options.hold_time.min(open.hold_time),
            longest_keepalive: options.keepalive,
            path_ids_received: families_with_path_ids(&families, theirs, ours),
            path_ids_sent: families_with_path_ids(&families, ours, theirs),
            restart: RestartTerms::new(ours, theirs, &families),
            families,
            route_refresh: directions(Capabilities::route_refresh),
            enhanced_route_refresh: directions(Capabilities::enhanced_route_refresh),
            extended_message: directions(Capabilities::extended_message),
            extended_next_hop: directions(accepts_ipv6_next_hops),
            role: options.capabilities.role().filter(|_| options.kind_of(open.asn) == PeerKind::Ebgp),
            are_capabilities_refused: offer == Offer::NoCapabilities,
            peer_capabilities: open.capabilities,
        })
    }

    /// The time between two KEEPALIVEs: a third of the hold time (RFC 4271 §4.4), or less where it is configured; `None` when
    /// there are none.
    pub fn keepalive_interval(&self) -> Option<Duration> {
        let third = (!self.hold_time.is_zero()).then(|| self.hold_time.keepalive_interval())?;
        Some(self.longest_keepalive.map_or(third, |longest| longest.min(third)))
    }

    /// Whether we may send IPv4 routes with IPv6 next hops: the peer accepts them, and the operator wants them.
    pub const fn sends_ipv6_next_hops(&self) -> bool {
        self.extended_next_hop.to_peer && self.extended_next_hop.from_peer
    }

    /// The longest message we may send.
    pub const fn max_octets_sent(&self) -> usize {
        longest_message(self.extended_message.to_peer)
    }

    /// The longest message the peer may send.
    pub const fn max_octets_received(&self) -> usize {
        longest_message(self.extended_message.from_peer)
    }

    /// What the codec has to know to decode the peer's messages.
    pub fn decode_context(&self) -> DecodeContext {
        DecodeContext {
            peer: self.kind,
            as_width: self.as_width,
            add_path: self.path_ids_received.clone(),
            extended_next_hop: self
                .extended_next_hop
                .from_peer
                .then_some(Family::IPV4_UNICAST)
                .into_iter()
                .collect(),
            max_message_octets: self.max_octets_received(),
        }
    }

    /// Whether a collision keeps the connection that we opened: the speaker with the higher identifier has the say,
    /// and of two with the same identifier the one with the higher AS number (RFC 6286 §2.3).
    pub(crate) fn outranks_peer(&self, local_identifier: BgpIdentifier) -> bool {
        (local_identifier, self.local_asn) > (self.peer_identifier, self.peer_asn)
    }
}

/// Whether the speaker of these capabilities accepts IPv6 next hops for IPv4 routes.
fn accepts_ipv6_next_hops(capabilities: &Capabilities) -> bool {
    capabilities.extended_next_hop(Family::IPV4_UNICAST, Afi::IPV6)
}

/// Those of `families` in which the sender announces that it sends, and the receiver that it receives, path identifiers.
fn families_with_path_ids(
    families: &[Family],
    sender: &Capabilities,
    receiver: &Capabilities,
) -> Vec<Family> {
    let sends = |family| sender.add_path(family).is_some_and(AddPathMode::sends);
    let receives = |family| receiver.add_path(family).is_some_and(AddPathMode::receives);
    families.iter().copied().filter(|&family| sends(family) && receives(family)).collect()
}

const fn longest_message(extended: bool) -> usize {
    if extended { EXTENDED_MESSAGE_OCTETS } else { MESSAGE_OCTETS }
}

/// RFC 4271 §4.1.
const MESSAGE_OCTETS: usize = 4096;

/// RFC 8654 §3.
const EXTENDED_MESSAGE_OCTETS: usize = 65_535;
