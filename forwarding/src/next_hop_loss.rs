//! A next hop that is about to lose all of its routes.

use bgp_codec::NextHop;

/// A next hop whose every route is about to change, since the only peer that announced any over it has left; or that is
/// like any other again, as somebody announces it or all those changes have been told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NextHopLoss {
    /// The next hop.
    pub next_hop: NextHop,
    /// Whether it is lost.
    pub lost: bool,
}
