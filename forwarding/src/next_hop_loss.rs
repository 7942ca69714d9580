//! A next hop that is about to lose all of its routes.

use bgp_codec::NextHop;

/// A next hop whose routes are all about to change, because the only peer that announced any over it has
/// left; or the end of that state, because a peer announces it again or all those changes have been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NextHopLoss {
    /// The next hop.
    pub next_hop: NextHop,
    /// Whether it is lost.
    pub lost: bool,
}
