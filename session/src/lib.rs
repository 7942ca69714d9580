//! The RFC 4271 §8 session state machine, without I/O.
//!
//! A [`Session`] is everything the protocol knows about one configured peer: it decides when to dial, owns up to two
//! TCP connections by their [`ConnectionId`], resolves their collision (§6.8), checks the peer's OPEN and runs the
//! timers. It is driven by values: [`Session::handle_event`] takes what happened, [`Session::handle_timeout`] the
//! time, [`Session::poll_action`] hands out what to do next, and [`Session::next_timeout`] says until when nothing
//! will happen by itself.
//!
//! The states without a TCP connection (Idle, Connect, Active) are one value of the session; each connection has a
//! state of its own (OpenSent, OpenConfirm, Established). [`Session::state`] is the one furthest ahead.
#![warn(clippy::wildcard_enum_match_arm)]

mod action;
mod candidates;
mod close_reason;
mod collision;
mod connecting;
mod connection;
mod departure;
mod dial;
mod event;
mod expected_asn;
mod families;
mod idle_hold;
mod jitter;
mod liveness;
mod negotiated;
mod offer;
mod open_check;
mod restart;
mod session;
mod session_options;
mod shutdown_message;
mod start_budget;
mod state;

pub use action::Action;
pub use close_reason::CloseReason;
pub use event::{ConnectionEvent, ConnectionId, Event, StopReason};
pub use expected_asn::ExpectedAsn;
pub use idle_hold::IdleHoldRange;
pub use jitter::Jitter;
pub use margay_timestamp::Timestamp;
pub use negotiated::{Directions, Negotiated};
pub use open_check::OpenError;
pub use restart::{Departure, RestartTerms};
pub use session::Session;
pub use session_options::{DialMode, SessionOptions};
pub use shutdown_message::{ShutdownMessage, ShutdownMessageError};
pub use state::State;
