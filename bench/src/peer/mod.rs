//! The peers that the generator plays: any number of sessions on one thread.

mod intake;
mod peer_id;
mod peers;
mod recorder;
mod session;

pub(crate) use intake::Intake;
pub(crate) use peer_id::PeerId;
pub(crate) use peers::{Pause, Peers};
pub(crate) use recorder::{Received, Recorder};
pub(crate) use session::{HOLD_SECONDS, PeerSettings, decode_context};
