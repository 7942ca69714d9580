//! The state of a peer that is visible without asking its task.

use std::net::SocketAddr;
use std::sync::Arc;

use margay_session::{CloseReason, Negotiated, State};
use tokio::sync::watch;
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

/// The sending side of a status.
pub(super) struct StatusBoard(watch::Sender<PeerStatus>);

impl StatusBoard {
    /// A session that was not started.
    pub(super) fn new() -> (Self, watch::Receiver<PeerStatus>) {
        let (sender, receiver) = watch::channel(PeerStatus::stopped(Instant::now()));
        (Self(sender), receiver)
    }

    pub(super) fn set_state(&self, state: State) {
        self.0.send_modify(|status| {
            status.state = state;
            status.since = Instant::now();
        });
    }

    pub(super) fn set_established(&self, session: Option<EstablishedSession>) {
        self.0.send_modify(|status| status.established = session);
    }

    /// Both ends of the established session.
    pub(super) fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let status = self.0.borrow();
        status.established.as_ref().map(|session| (session.local_address, session.peer_address))
    }

    /// Records why a session does not come up, or went down, for the operator. `text` says it in words.
    pub(super) fn note_failure(&self, reason: &CloseReason, text: String) {
        match reason {
            CloseReason::Stopped(_)
            | CloseReason::Collision
            | CloseReason::Superseded
            | CloseReason::DialAbandoned
            | CloseReason::Refused => {}
            CloseReason::NotificationReceived(_)
            | CloseReason::DecodeFailed(_)
            | CloseReason::OpenRejected(_)
            | CloseReason::UnexpectedMessage(_)
            | CloseReason::HoldTimerExpired
            | CloseReason::SendHoldTimerExpired
            | CloseReason::ConnectionLost
            | CloseReason::ConnectFailed
            | CloseReason::ConnectTimedOut
            | CloseReason::Interrupted(_)
            | CloseReason::PeerRestarted
            | CloseReason::PathDown => {
                self.0.send_modify(|status| status.last_error = Some(text));
            }
        }
    }

    /// Shows when the next timer expires. This does not wake those who follow the status.
    pub(super) fn set_next_timeout(&self, next: Option<Instant>) {
        self.0.send_if_modified(|status| {
            status.next_timeout = next;
            false
        });
    }
}
