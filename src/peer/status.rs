//! What can be seen of a peer from outside, at any time and without asking its task.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use margay_session::{Negotiated, State};

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

/// How many messages went over all connections with a peer since the daemon started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MessageCounts {
    /// All messages received.
    pub received: u64,
    /// UPDATEs received.
    pub updates_received: u64,
    /// All messages sent, or about to be.
    pub sent: u64,
    /// UPDATEs sent, or about to be.
    pub updates_sent: u64,
}

/// The counters behind [`MessageCounts`], shared by those who count.
#[derive(Debug, Default)]
pub(super) struct MessageCounters {
    received: AtomicU64,
    updates_received: AtomicU64,
    sent: AtomicU64,
    updates_sent: AtomicU64,
}

impl MessageCounters {
    pub(super) fn on_received(&self, messages: u64, updates: u64) {
        self.received.fetch_add(messages, Ordering::Relaxed);
        self.updates_received.fetch_add(updates, Ordering::Relaxed);
    }

    pub(super) fn on_sent(&self, messages: u64, updates: u64) {
        self.sent.fetch_add(messages, Ordering::Relaxed);
        self.updates_sent.fetch_add(updates, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> MessageCounts {
        MessageCounts {
            received: self.received.load(Ordering::Relaxed),
            updates_received: self.updates_received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            updates_sent: self.updates_sent.load(Ordering::Relaxed),
        }
    }
}
