//! Attempts to get a connection.

use crate::{ConnectionId, State, Timestamp};

/// What a session does about getting a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dial {
    /// No attempt is made.
    Idle(Idle),
    /// A dial is under way; it is given up at `retry_at`, for another.
    Connect { id: ConnectionId, retry_at: Timestamp },
    /// The peer may connect. We dial at `retry_at`; `None` when we are passive or our dial has succeeded.
    Active { retry_at: Option<Timestamp> },
}

/// Why no attempt is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Idle {
    /// The session is not to come up.
    Stopped,
    /// The session was lost; we wait before we dial, but the peer may connect.
    Resting { until: Timestamp },
    /// The session failed by a protocol error after the OPENs; the peer is refused too.
    Damped { until: Timestamp },
}

impl Dial {
    pub(crate) fn state(self) -> State {
        match self {
            Self::Idle(_) => State::Idle,
            Self::Connect { .. } => State::Connect,
            Self::Active { .. } => State::Active,
        }
    }

    pub(crate) fn next_timeout(self) -> Option<Timestamp> {
        match self {
            Self::Idle(Idle::Stopped) => None,
            Self::Idle(Idle::Resting { until } | Idle::Damped { until }) => Some(until),
            Self::Connect { retry_at, .. } => Some(retry_at),
            Self::Active { retry_at } => retry_at,
        }
    }
}
