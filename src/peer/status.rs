//! What can be seen of a peer from outside, at any time and without asking its task.

use std::net::SocketAddr;
use std::sync::Arc;

use margay_session::{Negotiated, State};
use tokio::time::Instant;

/// How a peer's session stands.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// The state of the session.
    pub state: State,
    /// Since when it is in this state.
    pub since: Instant,
    /// The session that is up; `None` unless Established.
    pub established: Option<EstablishedSession>,
    /// What last went wrong, in words; stays when the session comes up again.
    pub last_error: Option<String>,
    /// When the session will next do something by itself: dial, send a KEEPALIVE, give the peer up.
    pub next_timeout: Option<Instant>,
}

impl PeerStatus {
    /// Of a session that was not started.
    pub(crate) fn stopped(since: Instant) -> Self {
        Self { state: State::Idle, since, established: None, last_error: None, next_timeout: None }
    }
}

/// A session that is up.
#[derive(Clone, Debug)]
pub struct EstablishedSession {
    /// What both sides agreed on.
    pub negotiated: Arc<Negotiated>,
    /// Our end of the connection.
    pub local_address: SocketAddr,
    /// The peer's end.
    pub peer_address: SocketAddr,
}
