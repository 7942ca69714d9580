//! Why a route is not advertised to a peer.

use std::fmt;

use bgp_codec::Community;

/// Why a route is not advertised to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportRefusal {
    /// Routes from internal peers are not passed on to internal peers, unless one of them is a client (RFC 4456 §6).
    InternalToInternal,
    /// The clients of this cluster advertise to each other themselves.
    ClientToClient,
    /// A network around it is announced in its place.
    MoreSpecific,
    /// A well-known community forbids it (RFC 1997).
    Community(Community),
    /// The route would need our own address as next hop, and we have none of its family on that session.
    NoOwnNextHop,
    /// With its attributes it does not fit into a message that the peer takes (RFC 4271 §9.2, RFC 8654 §4).
    TooLong,
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
            Self::MoreSpecific => f.write_str("a network of this node is announced in its place"),
            Self::Community(community) => write!(f, "community {community}"),
            Self::NoOwnNextHop => f.write_str("no own address of this family to put as next hop"),
            Self::TooLong => f.write_str("too long for its messages"),
            Self::Filter(verdict) => f.write_str(verdict),
        }
    }
}
