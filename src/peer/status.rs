//! The state of a peer that is visible without asking its task.

use std::net::SocketAddr;
use std::sync::Arc;

use margay_session::{Negotiated, State};
use tokio::time::Instant;

/// State of a peer's session.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// The state of the session.
    pub state: State,
    /// When it entered this state.
    pub since: Instant,
    /// The established session; `None` unless Established.
    pub established: Option<EstablishedSession>,
    /// The last error, in words; kept when the session comes up again.
    pub last_error: Option<String>,
    /// When the next timer of the session expires: to connect, to send a KEEPALIVE, to close.
    pub next_timeout: Option<Instant>,
}

impl PeerStatus {
    /// The state of a session that was not started.
    pub(crate) fn stopped(since: Instant) -> Self {
        Self { state: State::Idle, since, established: None, last_error: None, next_timeout: None }
    }
}

/// An established session.
#[derive(Clone, Debug)]
pub struct EstablishedSession {
    /// The negotiated terms.
    pub negotiated: Arc<Negotiated>,
    /// Own end of the connection.
    pub local_address: SocketAddr,
    /// The peer's end.
    pub peer_address: SocketAddr,
}
