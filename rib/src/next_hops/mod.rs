//! Next hops: which are in use, what it costs to reach them, and which are lost with a peer.

mod losses;
mod table;
mod way;

pub use self::losses::NextHopLoss;
pub(crate) use self::losses::NextHopLosses;
pub(crate) use self::table::{NextHopIndex, NextHopResolution, NextHopTable};
pub use self::way::{Way, WayChange};
