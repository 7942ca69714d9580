//! The options of a peer's task.

use std::sync::Arc;

use margay_session::SessionOptions;
use tokio::time::Instant;

use crate::bfd::PathMonitor;
use crate::machine::{Machine, Transport};
use crate::mrt_files::UpdateLog;
use crate::speaker::PeerKey;

/// Options of a peer's task.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// The speaker's key of the peer. Each task needs a key of its own, because sessions are numbered per
    /// task.
    pub key: PeerKey,
    /// The peer's name for operators.
    pub name: String,
    /// Options of the session.
    pub session: SessionOptions,
    /// When this speaker ceases to count as restarted, if not with the loss of a session before; `None` without graceful restart.
    pub restart_ends: Option<Instant>,
    /// Monitors the path to the peer while the session is established; `None` leaves it to the session.
    pub path: Option<PathMonitor>,
    /// The way to the peer.
    pub transport: Transport,
    /// The machine that the task runs on.
    pub machine: Machine,
    /// Where what the peer sends is kept; `None` for nowhere.
    pub(crate) update_log: Option<Arc<UpdateLog>>,
}
