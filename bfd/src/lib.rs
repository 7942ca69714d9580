//! Bidirectional Forwarding Detection (RFC 5880, 5881, 5883), without I/O.
//!
//! A [`Session`] is the state machine of one BFD session in asynchronous mode. It is driven by values:
//! [`Session::handle_packet`] takes a received control packet, [`Session::handle_timeout`] the time,
//! [`Session::poll_transmit`] returns the next packet to send, [`Session::poll_event`] the next change of state, and
//! [`Session::next_timeout`] until when nothing happens by itself.
//!
//! A [`SessionTable`] holds many sessions: it finds the session of a received datagram by discriminator or by address,
//! and knows the earliest deadline of all.
//!
//! Demand mode of the remote system is honoured; this one never asks for it. There is no echo function, and the packets
//! say so.

mod authentication;
mod diagnostic;
mod discriminator;
mod jitter;
mod packet;
mod session;
mod session_options;
mod session_table;
mod state;

pub use authentication::{Authentication, AuthenticationKind, Key, UnusableKey};
pub use diagnostic::Diagnostic;
pub use discriminator::Discriminator;
pub use packet::{ControlPacket, EncodedPacket, Flags, MAX_PACKET_OCTETS, PacketError};
pub use session::{Discard, DownReason, Event, Session, SessionStatus};
pub use session_options::{Intervals, InvalidIntervals, SessionOptions};
pub use session_table::{Arrival, Datagram, Hops, Rejection, SessionKey, SessionTable};
pub use state::State;
