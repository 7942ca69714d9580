//! Next hops: which are in use, the cost to reach them, and which are lost with a peer.

mod losses;
mod table;

pub use margay_forwarding::{NextHopLoss, Way, WayChange};

pub(crate) use self::losses::NextHopLosses;
pub(crate) use self::table::{NextHopIndex, NextHopResolution, NextHopTable};
