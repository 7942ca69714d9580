//! Terms of a session that decoding depends on.

use crate::{AsWidth, Family, PeerKind};

/// Terms under which a peer's messages are decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct DecodeContext {
    /// Kind of the peer, which decides the attributes that it may send.
    pub peer: PeerKind,
    /// Width of AS numbers in UPDATEs.
    pub as_width: AsWidth,
    /// The families whose NLRI have path identifiers (RFC 7911 §4).
    pub add_path: Vec<Family>,
    /// The families of IPv4 routes that may have IPv6 next hops (RFC 8950 §4).
    pub extended_next_hop: Vec<Family>,
    /// Longest message in octets: 4,096, or 65,535 if both sides support it (RFC 8654).
    pub max_message_octets: usize,
}

impl DecodeContext {
    /// The terms before the OPENs, and of a session without any relevant capability.
    #[must_use]
    pub fn new(peer: PeerKind, as_width: AsWidth) -> Self {
        Self { peer, as_width, add_path: Vec::new(), extended_next_hop: Vec::new(), max_message_octets: 4096 }
    }

    pub(crate) fn has_add_path(&self, family: Family) -> bool {
        self.add_path.contains(&family)
    }
}
