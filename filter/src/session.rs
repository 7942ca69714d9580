//! A peer as rules see it.

use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::PeerKind;

/// The session that a filter works for, or that a route came over.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Session {
    /// The peer's name.
    pub name: Arc<str>,
    /// The group it takes settings from.
    pub group: Option<Arc<str>>,
    /// The peer's address.
    pub address: IpAddr,
    /// Whether the peer is external or internal.
    pub kind: PeerKind,
    /// Whether the peer is a client of this reflector (RFC 4456).
    pub is_client: bool,
}
