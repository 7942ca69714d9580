//! The peers that the generator plays: any number of sessions on one thread.

mod peers;
mod received;
mod session;

pub(crate) use peers::{Pause, PeerId, Peers};
pub(crate) use received::Received;
pub(crate) use session::{HOLD_SECONDS, PeerSettings, decode_context};
