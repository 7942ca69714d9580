//! What a session agreed on, as far as reading messages depends on it.

use crate::{AsWidth, Family, PeerKind};

/// The terms under which a peer's messages are read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct DecodeContext {
    /// Which attributes the peer may send.
    pub peer: PeerKind,
    /// How wide AS numbers are in UPDATEs.
    pub as_width: AsWidth,
    /// The families whose NLRI come with path identifiers (RFC 7911 §4).
    pub add_path: Vec<Family>,
    /// The families whose routes may have IPv6 next hops though they are IPv4 routes (RFC 8950 §4).
    pub extended_next_hop: Vec<Family>,
    /// The longest message, in octets: 4,096, or 65,535 where both sides can (RFC 8654).
    pub max_message_octets: usize,
}

impl DecodeContext {
    /// The terms before the OPENs, and of a session without any capability that matters here.
    #[must_use]
    pub fn new(peer: PeerKind, as_width: AsWidth) -> Self {
        Self { peer, as_width, add_path: Vec::new(), extended_next_hop: Vec::new(), max_message_octets: 4096 }
    }

    pub(crate) fn has_add_path(&self, family: Family) -> bool {
        self.add_path.contains(&family)
    }
}
