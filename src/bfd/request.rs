//! What the BFD thread is asked to do.

use margay_bfd::{SessionKey, SessionOptions};
use tokio::sync::{oneshot, watch};

use super::{BfdSession, BfdStatus, PathState};

/// Numbers the watches of all sessions: what a former watch asks for does not concern a later one's session.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct WatchNumber(pub u64);

/// A request to the thread.
#[derive(Debug)]
pub enum BfdRequest {
    /// Start a session.
    Start {
        /// Who asks.
        number: WatchNumber,
        /// The session.
        session: BfdSession,
        /// Where changes of its state go. Dropped when the session cannot be started.
        states: watch::Sender<PathState>,
    },
    /// Give other options to a running session.
    Change {
        /// Who asks.
        number: WatchNumber,
        /// The session.
        key: SessionKey,
        /// The options.
        options: SessionOptions,
    },
    /// End a session, and inform the remote system shortly afterwards that it is disabled.
    Stop {
        /// Who asks.
        number: WatchNumber,
        /// The session.
        key: SessionKey,
    },
    /// The status of every session, in no order.
    Statuses(oneshot::Sender<Vec<BfdStatus>>),
    /// Disable the sessions that are not watched any more, and answer when their packets are sent.
    Settle(oneshot::Sender<()>),
}
