//! The daemon's side of a session with one peer: its task, its sockets and its visible state.
//!
//! Each peer has one task, which owns the state machine and reads. Each of its connections has a writer task.
//! The peer's task never waits for another one: messages to be sent are queued, and inputs for which the
//! speaker has no room stay in the task while reading pauses. So timers and KEEPALIVEs are never late because
//! of routes.

mod arrival;
mod clock;
mod connections;
mod encode;
mod handle;
mod options;
mod reader;
mod rejection;
mod speaker_outbox;
mod status;
mod task;
#[cfg(test)]
mod tests;
mod writer;

pub use crate::message_counters::MessageCounts;
pub use arrival::Arrival;
pub(crate) use encode::encode;
#[cfg(test)]
use handle::spawn_decoding;
pub use handle::{IntakeClosed, PeerHandle, PeerIntake, spawn};
pub use options::PeerOptions;
pub(crate) use rejection::Rejections;
pub use status::{EstablishedSession, PeerStatus};
