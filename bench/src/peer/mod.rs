//! The peers that the generator plays: any number of sessions on one thread.

mod intake;
mod peers;
mod recorder;
mod session;

pub(crate) use intake::Intake;
pub(crate) use peers::{Pause, PeerId, Peers};
pub(crate) use recorder::{Received, Recorder};
pub(crate) use session::{HOLD_SECONDS, PeerSettings, decode_context};
