//! Options of a peer: what is fixed for its session, and the rules that may change during it.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{AsWidth, Asn, BgpIdentifier, Family, NextHop, PeerKind, Prefix};
use margay_filter::{FilterChain, Session};
use serde::{Deserialize, Serialize};

use super::reflection::Reflection;

/// What the Rib has to know about a peer whose session is established.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerOptions {
    /// The peer's name for operators.
    pub name: Arc<str>,
    /// The group that the peer takes settings from, which filters can match.
    pub group: Option<Arc<str>>,
    /// Whether the peer is external or internal.
    pub kind: PeerKind,
    /// The peer's AS number.
    pub asn: Asn,
    /// The peer's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// The peer's address.
    pub address: IpAddr,
    /// The next hop that the peer may use for IPv4 routes through this speaker.
    pub own_ipv4_next_hop: Option<NextHop>,
    /// The next hop that the peer may use for IPv6 routes through this speaker.
    pub own_ipv6_next_hop: Option<NextHop>,
    /// The subnet over which the peer is directly connected, if it is.
    pub shared_subnet: Option<Prefix>,
    /// The address families that both sides announced.
    pub families: Vec<Family>,
    /// Filter that decides which routes of the peer are accepted.
    pub import: FilterChain,
    /// Filter that decides which routes are advertised to the peer.
    pub export: FilterChain,
    /// How NEXT_HOP is set in routes advertised to the peer.
    pub next_hop: NextHopMode,
    /// The peer's role in route reflection.
    pub reflection: Reflection,
    /// The families in which the peer is sent paths with path identifiers (RFC 7911), and which paths. In
    /// other families it is sent the best one.
    pub add_path: Vec<(Family, PathsSent)>,
    /// Width of AS numbers in UPDATEs to the peer.
    pub as_width: AsWidth,
    /// Longest message that the peer accepts, in octets.
    pub max_message_octets: usize,
    /// Whether the answer to the peer's ROUTE-REFRESH is enclosed in marks (RFC 7313).
    pub enhanced_refresh: bool,
}

impl PeerOptions {
    /// The peer as filters see it.
    pub(crate) fn session(&self) -> Session {
        Session {
            name: Arc::clone(&self.name),
            group: self.group.clone(),
            address: self.address,
            kind: self.kind,
            is_client: self.reflection != Reflection::NonClient,
        }
    }
}

/// The options of a peer that may change during its session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerRules {
    /// The group that the peer takes settings from.
    pub group: Option<Arc<str>>,
    /// Filter that decides which routes of the peer are accepted.
    pub import: FilterChain,
    /// Filter that decides which routes are advertised to the peer.
    pub export: FilterChain,
    /// How NEXT_HOP is set in routes advertised to the peer.
    pub next_hop: NextHopMode,
    /// The peer's role in route reflection.
    pub reflection: Reflection,
    /// The paths that the peer is sent in families where it accepts several.
    pub paths_sent: PathsSent,
}

/// The addresses of this speaker that matter to one peer. They may change during the session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnNextHops {
    /// The next hop that the peer may use for IPv4 routes through this speaker.
    pub ipv4: Option<NextHop>,
    /// The next hop that the peer may use for IPv6 routes through this speaker.
    pub ipv6: Option<NextHop>,
    /// The subnet over which the peer is directly connected, if it is.
    pub shared_subnet: Option<Prefix>,
}

impl OwnNextHops {
    pub(crate) fn of(options: &PeerOptions) -> Self {
        Self {
            ipv4: options.own_ipv4_next_hop,
            ipv6: options.own_ipv6_next_hop,
            shared_subnet: options.shared_subnet,
        }
    }

    pub(crate) fn applied_to(self, options: &PeerOptions) -> PeerOptions {
        PeerOptions {
            own_ipv4_next_hop: self.ipv4,
            own_ipv6_next_hop: self.ipv6,
            shared_subnet: self.shared_subnet,
            ..options.clone()
        }
    }
}

impl PeerRules {
    pub(crate) fn applied_to(self, options: &PeerOptions) -> PeerOptions {
        let Self { group, import, export, next_hop, reflection, paths_sent } = self;
        let add_path = options.add_path.iter().map(|&(family, _)| (family, paths_sent)).collect();
        PeerOptions { group, import, export, next_hop, reflection, add_path, ..options.clone() }
    }
}

impl PeerOptions {
    /// Whether these are options of the same speaker at the same address, so that its paths compare as
    /// before.
    pub(crate) fn is_same_speaker(&self, other: &Self) -> bool {
        let of = |options: &Self| (options.kind, options.asn, options.identifier, options.address);
        of(self) == of(other)
    }

    /// Whether the import rules are the same.
    pub(crate) fn has_same_import(&self, other: &Self) -> bool {
        let own = |options: &Self| (options.own_ipv4_next_hop, options.own_ipv6_next_hop);
        self.import.same_content(&other.import) && own(self) == own(other)
    }
}

/// Whether a peer that went down is expected back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Departure {
    /// The peer's paths go.
    Final,
    /// The peer is expected to come back and announce its routes again: its paths stay in use until it has, or until this
    /// departure is followed by a final one (RFC 4724 §4.2).
    Restarting,
}

/// How NEXT_HOP is set in routes advertised to a peer.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum NextHopMode {
    /// As in RFC 4271 §5.1.3: towards internal peers the next hop is kept, towards external ones it is the
    /// own address. For a route from inside this AS whose next hop is on the subnet shared with the external
    /// peer it is kept, too: packets need not pass through this speaker.
    #[default]
    Auto,
    /// Always the own address.
    OwnAddress,
    /// The next hop is kept, towards external peers as well.
    Keep,
}

/// Which usable paths to a prefix are sent to a peer that accepts several (RFC 7911).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum PathsSent {
    /// All paths that pass the export rules and filters.
    #[default]
    All,
    /// The best paths that pass the export rules and filters, at most this number.
    Best(NonZeroU16),
}
