//! What happens to a session.

use std::fmt;
use std::time::Duration;

use bgp_codec::{Notification, Open};

use crate::ShutdownMessage;

/// Something that happened to a session (RFC 4271 §8.1); the passing of time is passed to
/// [`Session::handle_timeout`](crate::Session::handle_timeout).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The session shall come up: the operator's start, or the daemon's own at boot (events 1 and 3).
    Start,
    /// The session shall go down and stay down (events 2 and 8).
    Stop(StopReason),
    /// The peer connected to us (event 17). The id is fresh, from
    /// [`Session::new_connection_id`](crate::Session::new_connection_id).
    Incoming(ConnectionId),
    /// What [`Action::Connect`](crate::Action::Connect) asked for succeeded (event 16).
    Connected(ConnectionId),
    /// What [`Action::Connect`](crate::Action::Connect) asked for failed (event 18).
    ConnectFailed(ConnectionId),
    /// The Established session shall end; it may come back after the usual wait.
    Interrupt(StopReason),
    /// BFD found that the path to the peer is down: an Established session ends at once.
    PathDown,
    /// Something happened on a connection; ignored when the session no longer has it.
    On(ConnectionId, ConnectionEvent),
}

/// Something that happened on one TCP connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionEvent {
    /// The connection is gone: the peer closed it, or it failed (event 18).
    Closed,
    /// An OPEN was received (event 19).
    Open(Open),
    /// A KEEPALIVE was received (event 26).
    Keepalive,
    /// An UPDATE was received (event 27). Its routes count only while
    /// [`Session::established`](crate::Session::established) is this connection.
    Update,
    /// A ROUTE-REFRESH was received (RFC 2918). It counts only where an UPDATE would.
    RouteRefresh,
    /// A NOTIFICATION was received (events 24 and 25).
    Notification(Notification),
    /// What was received cannot be accepted, and this is the NOTIFICATION to say so (events 21, 22 and 28).
    DecodeFailed(Notification),
    /// Octets wait to be sent and the socket takes none: the peer may have stopped reading (RFC 9687).
    SendBlocked,
    /// The socket took octets again.
    SendProgress,
    /// We stopped reading from this connection because the speaker is behind.
    ReadPaused,
    /// We read from this connection again.
    ReadResumed,
}

impl ConnectionEvent {
    /// Whether something of the peer was read.
    pub(crate) const fn is_message(&self) -> bool {
        match self {
            Self::Open(_)
            | Self::Keepalive
            | Self::Update
            | Self::RouteRefresh
            | Self::Notification(_)
            | Self::DecodeFailed(_) => true,
            Self::Closed | Self::SendBlocked | Self::SendProgress | Self::ReadPaused | Self::ReadResumed => {
                false
            }
        }
    }
}

/// Names a TCP connection of a session, or an attempt at one.
///
/// An id is never used twice by a session, so what arrives late for a former connection is not taken for the
/// present one's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(u64);

impl ConnectionId {
    pub(crate) const FIRST: Self = Self(1);

    /// The number itself; later connections of a session have higher ones.
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Why a session is to stop; each has its Cease subcode (RFC 4486 §3).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum StopReason {
    /// The peer sent more prefixes than it may. An interrupted session stays down for this time, and refuses the peer.
    MaximumPrefixes {
        /// The time.
        restart: Duration,
    },
    /// The memory of the daemon is used up, and this peer is responsible. An interrupted session stays down for this time, and
    /// refuses the peer.
    MemoryGuard {
        /// The time.
        restart: Duration,
    },
    /// The link of a peer with a link-local address is down.
    LinkDown,
    /// The operator shut the session down and may say why, or the daemon ends.
    AdministrativeShutdown(ShutdownMessage),
    /// The peer is no longer in the configuration.
    PeerDeconfigured,
    /// The operator asked for a new start and may say why; a [`Event::Start`] follows.
    AdministrativeReset(ShutdownMessage),
    /// The configuration changed in a way that needs a new session.
    OtherConfigurationChange,
    /// The daemon lacks memory or another resource.
    OutOfResources,
    /// The daemon restarts and its routes are to be kept: the connection is closed without a NOTIFICATION (RFC 4724 §4.1).
    Restart,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaximumPrefixes { .. } => "maximum number of prefixes reached",
            Self::MemoryGuard { .. } => "memory guard reached",
            Self::LinkDown => "link down",
            Self::AdministrativeShutdown(_) => "administrative shutdown",
            Self::PeerDeconfigured => "peer removed from the configuration",
            Self::AdministrativeReset(_) => "administrative reset",
            Self::OtherConfigurationChange => "configuration changed",
            Self::OutOfResources => "out of resources",
            Self::Restart => "restart of the daemon",
        })
    }
}
