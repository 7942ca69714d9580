//! What a Rib has to know of a peer: what is settled for its session, and the rules that may change in it.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{AsWidth, Asn, BgpIdentifier, Family, NextHop, PeerKind, Prefix};
use margay_filter::{FilterChain, Session};
use serde::{Deserialize, Serialize};

use super::reflection::Reflection;

/// What the Rib has to know of a peer whose session is established.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerOptions {
    /// What operators call the peer.
    pub name: Arc<str>,
    /// The group that the peer takes settings from, which filters may ask for.
    pub group: Option<Arc<str>>,
    /// Whether the peer is external or internal.
    pub kind: PeerKind,
    /// The peer's AS number.
    pub asn: Asn,
    /// The peer's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// The peer's address.
    pub address: IpAddr,
    /// What the peer may use as next hop for IPv4 routes through this speaker.
    pub own_ipv4_next_hop: Option<NextHop>,
    /// What the peer may use as next hop for IPv6 routes through this speaker.
    pub own_ipv6_next_hop: Option<NextHop>,
    /// The subnet over which the peer is directly attached, if it is.
    pub shared_subnet: Option<Prefix>,
    /// The families that both sides announced.
    pub families: Vec<Family>,
    /// Decides what is used of what the peer announces.
    pub import: FilterChain,
    /// Decides which routes are advertised to the peer.
    pub export: FilterChain,
    /// How NEXT_HOP is set in routes advertised to the peer.
    pub next_hop: NextHopMode,
    /// The peer's part in route reflection.
    pub reflection: Reflection,
    /// The families in which the peer is sent paths with path ids (RFC 7911), and which paths. In other families it is
    /// sent the best one.
    pub add_path: Vec<(Family, PathsSent)>,
    /// Width of AS numbers in UPDATEs to the peer.
    pub as_width: AsWidth,
    /// The longest message that the peer takes, in octets.
    pub max_message_octets: usize,
    /// Whether the answer to the peer's ROUTE-REFRESH begins and ends with a mark (RFC 7313).
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

/// Those options of a peer that may change while its session stays.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerRules {
    /// The group that the peer takes settings from.
    pub group: Option<Arc<str>>,
    /// Decides what is used of what the peer announces.
    pub import: FilterChain,
    /// Decides which routes are advertised to the peer.
    pub export: FilterChain,
    /// How NEXT_HOP is set in routes advertised to the peer.
    pub next_hop: NextHopMode,
    /// The peer's part in route reflection.
    pub reflection: Reflection,
    /// Which paths the peer is sent in families where it takes several.
    pub paths_sent: PathsSent,
}

/// The addresses of this speaker that matter to one peer. They may change while the session stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnNextHops {
    /// What the peer may use as next hop for IPv4 routes through this speaker.
    pub ipv4: Option<NextHop>,
    /// What the peer may use as next hop for IPv6 routes through this speaker.
    pub ipv6: Option<NextHop>,
    /// The subnet over which the peer is directly attached, if it is.
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
    /// Whether these are options of the same speaker at the same address: what its paths are compared by is the same.
    pub(crate) fn is_same_speaker(&self, other: &Self) -> bool {
        let of = |options: &Self| (options.kind, options.asn, options.identifier, options.address);
        of(self) == of(other)
    }

    /// Whether the paths of the peer are imported by the same rules.
    pub(crate) fn has_same_import(&self, other: &Self) -> bool {
        let own = |options: &Self| (options.own_ipv4_next_hop, options.own_ipv6_next_hop);
        self.import.same_content(&other.import) && own(self) == own(other)
    }
}

/// Why a session is over, as far as the Rib cares.
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
    /// As RFC 4271 §5.1.3 has it: towards internal peers the next hop stays, towards external ones it is the own address.
    /// For a route from inside this AS whose next hop is on the subnet shared with the external peer it stays, too: the
    /// peer need not send the packets through this speaker.
    #[default]
    Auto,
    /// Always the own address.
    OwnAddress,
    /// The next hop stays, towards external peers too.
    Keep,
}

/// Which of the usable paths to a prefix are sent to a peer that takes several (RFC 7911).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum PathsSent {
    /// All that export rules and filters let pass.
    #[default]
    All,
    /// The best ones of those that export rules and filters let pass, as many as this.
    Best(NonZeroU16),
}
