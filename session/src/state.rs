//! The states of a session.

use std::fmt;

/// The states of RFC 4271 §8.2.2, in its order: of two connections, the one in the higher state is further ahead.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Stopped, or waiting after a failure before the next attempt.
    Idle,
    /// Dialing.
    Connect,
    /// Waiting for the peer to connect, or for the next time to dial.
    Active,
    /// Connected; our OPEN is sent, the peer's is awaited.
    OpenSent,
    /// The peer's OPEN was accepted; its first KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes can be exchanged.
    Established,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names are the RFC's and the variants spell them.
        fmt::Debug::fmt(self, f)
    }
}
