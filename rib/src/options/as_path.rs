//! What is done to AS paths for a peer beyond RFC 4271 §5.1.2.

use bgp_codec::Asn;
use serde::{Deserialize, Serialize};

/// What is done to AS paths of routes from and to a peer, beyond RFC 4271 §5.1.2.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AsPathRules {
    /// This speaker's AS number towards the peer, if it is another than the speaker's own.
    pub local_asn: Option<LocalAsn>,
    /// Private AS numbers in routes to an external peer.
    pub private_asns: PrivateAsns,
    /// Whether an external peer is a client of this route server (RFC 7947): routes from other ASes are passed on with their
    /// AS path, next hop and MULTI_EXIT_DISC.
    pub is_route_server_client: bool,
    /// Checks of the AS paths of routes from the peer.
    pub checks: AsPathChecks,
}

/// Checks of the AS paths of routes from a peer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AsPathChecks {
    /// How often each of this speaker's own AS numbers may be in an accepted path.
    pub own_as_allowed: u8,
    /// Whether the first AS of a path must be the peer's, for external peers (RFC 4271 §6.3).
    pub requires_peer_first: bool,
    /// Whether paths with an AS_SET are refused (RFC 9774).
    pub refuses_sets: bool,
}

/// An AS number of this speaker towards one peer (RFC 7705 §3).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct LocalAsn {
    /// The number.
    pub asn: Asn,
    /// Whether it is prepended to the AS path of routes from the peer.
    pub prepends: bool,
    /// Whether routes to the peer carry it alone, without the speaker's own number.
    pub replaces: bool,
}

/// What becomes of private AS numbers (RFC 6996) in routes to an external peer. The peer's own number is always kept: by it the
/// peer recognises loops.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum PrivateAsns {
    /// They are kept.
    #[default]
    Kept,
    /// They are removed.
    Removed,
    /// Each is replaced by this speaker's number, so that the path keeps its length.
    Replaced,
}
