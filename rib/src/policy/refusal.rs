//! Why a route is not advertised to a peer.

use std::fmt;

use bgp_codec::Community;

/// Why a route is not advertised to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportRefusal {
    /// Routes from internal peers are passed on to internal peers only if one of them is a client (RFC 4456
    /// §6).
    InternalToInternal,
    /// The clients of this cluster advertise to each other directly.
    ClientToClient,
    /// A network that covers the prefix is announced instead.
    MoreSpecific,
    /// It is a static route that is only to be installed.
    InstalledOnly,
    /// It is the default route for other peers.
    NotDefaultOriginate,
    /// A well-known community forbids it (RFC 1997).
    Community(Community),
    /// The route needs our own address as next hop, but the session has none of its family.
    NoOwnNextHop,
    /// Its next hop is an IPv6 address, which the peer does not accept for IPv4 routes (RFC 8950).
    Ipv6NextHop,
    /// With its attributes it exceeds the longest message that the peer accepts (RFC 4271 §9.2, RFC 8654 §4).
    TooLong,
    /// ONLY_TO_CUSTOMER forbids it for our role towards the peer (RFC 9234 §5).
    OnlyToCustomer,
    /// The peer is external and has no export filters (RFC 8212).
    NoFilters,
    /// An export filter rejected it.
    ///
    /// The text names the filter and its rule.
    Filter(String),
}

impl fmt::Display for ExportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternalToInternal => f.write_str("learned from an internal peer, and neither is a client"),
            Self::ClientToClient => f.write_str("the clients of this cluster are meshed"),
            Self::MoreSpecific => f.write_str("a network of this node is announced instead"),
            Self::InstalledOnly => f.write_str("a static route that is not to be advertised"),
            Self::NotDefaultOriginate => f.write_str("a default route for the peers with default_originate"),
            Self::Community(community) => write!(f, "community {community}"),
            Self::NoOwnNextHop => f.write_str("no own address of this family to put as next hop"),
            Self::Ipv6NextHop => f.write_str("an IPv6 next hop, which the peer does not accept for IPv4"),
            Self::OnlyToCustomer => f.write_str("only for customers: ONLY_TO_CUSTOMER (RFC 9234)"),
            Self::NoFilters => f.write_str("the external peer has no export filters (RFC 8212)"),
            Self::TooLong => f.write_str("too long for the peer's messages"),
            Self::Filter(verdict) => f.write_str(verdict),
        }
    }
}
