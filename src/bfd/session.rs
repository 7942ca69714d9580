//! A session that the thread runs: what is asked for, and what is seen of it.

use std::net::IpAddr;
use std::time::Duration;

use margay_bfd::{DownReason, SessionKey, SessionOptions, SessionStatus};

/// State of a session, for its user.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PathState {
    /// Whether both systems receive each other's packets.
    pub is_up: bool,
    /// How often the path failed. A user that compares it with what it saw last misses no failure, however short.
    pub losses: u64,
    /// How it last failed.
    pub reason: Option<DownReason>,
}

/// A session to run.
#[derive(Clone, Debug)]
pub struct BfdSession {
    /// The identity of the session.
    pub key: SessionKey,
    /// The source address of its packets.
    pub local: IpAddr,
    /// Intervals and keys.
    pub options: SessionOptions,
}

/// A running session, as operators see it.
#[derive(Clone, Copy, Debug)]
pub struct BfdStatus {
    /// What tells it from others.
    pub key: SessionKey,
    /// The source address of its packets.
    pub local: IpAddr,
    /// What its user sees.
    pub path: PathState,
    /// Everything else.
    pub session: SessionStatus,
    /// How long ago it came up or went down.
    pub since: Duration,
    /// It has no user any more, and the remote system is being informed.
    pub is_leaving: bool,
}
