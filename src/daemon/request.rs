//! Requests of the control API and of signals to the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::Prefix;
use margay_config::{Config, ConfigText, Global, LeftOut, Peer, PeerPlace};
use margay_control::{PeerAction, ReloadQuery, ReloadReport};
use margay_filter::Filter;
use margay_session::ShutdownMessage;
use tokio::sync::oneshot;

use crate::bfd::BfdHandle;
use crate::peer::{MessageCounts, PeerStatus};
use crate::rpki::CacheStatus;
use crate::speaker::PeerKey;

/// A request, with a channel for its answer.
#[derive(Debug)]
pub enum DaemonRequest {
    /// The daemon as a whole.
    Status(oneshot::Sender<DaemonStatus>),
    /// All peers, in the order of their places.
    Peers(oneshot::Sender<Vec<PeerEntry>>),
    /// What runs BFD; `None` when no peer asks for it.
    Bfd(oneshot::Sender<Option<BfdHandle>>),
    /// The RPKI caches, in the order of their addresses.
    RpkiCaches(oneshot::Sender<Vec<(SocketAddr, CacheStatus)>>),
    /// Do something with a peer's session; what was done, in words, or why nothing was.
    Administer(PeerCommand, oneshot::Sender<Result<String, String>>),
    /// Read the configuration file again.
    Reload(ReloadQuery, oneshot::Sender<ReloadReport>),
    /// The same where no answer is possible.
    ReloadAndLog,
    /// Keep what the last reload changed; the time that was left, or `None` if nothing waits to be confirmed.
    ConfirmReload(oneshot::Sender<Option<Duration>>),
    /// The filters of the configuration.
    Filters(oneshot::Sender<Vec<Filter>>),
    /// The files that the configuration was read from.
    Configuration(oneshot::Sender<Vec<ConfigText>>),
    /// Drain all peers, or no longer; what was done, in words.
    Drain(bool, oneshot::Sender<String>),
    /// Withdraw all routes from peers, with this shutdown communication, and stop.
    Shutdown(ShutdownMessage, oneshot::Sender<()>),
    /// Stop in order, for a restart.
    Stop,
}

/// A checked operation on a peer.
#[derive(Clone, Debug)]
pub struct PeerCommand {
    /// The peer.
    pub place: PeerPlace,
    /// The operation.
    pub action: PeerAction,
    /// The shutdown communication for the peer.
    pub message: ShutdownMessage,
}

/// The daemon as a whole.
#[derive(Clone, Debug)]
pub struct DaemonStatus {
    /// The configuration at the start: `[global]`, `[control]` and `[kernel]` are in force as in it.
    pub config: Arc<Config>,
    /// Its file.
    pub config_file: PathBuf,
    /// Time since the daemon started.
    pub uptime: Duration,
    /// Time since the file was read.
    pub config_age: Duration,
    /// What the file that was read last has logged.
    pub log_filter: String,
    /// What is left out of the configuration.
    pub left_out: Vec<LeftOut>,
    /// Until the last reload is undone unless it is confirmed.
    pub reload_undone_in: Option<Duration>,
    /// Peers that are configured, and dynamic ones that are there.
    pub peers: usize,
    /// Number of peers with an established session.
    pub peers_established: usize,
    /// Peers are asked to prefer other paths.
    pub is_draining: bool,
}

/// A peer, its configuration and its session.
#[derive(Clone, Debug)]
pub struct PeerEntry {
    /// The speaker's key of the peer.
    pub key: PeerKey,
    /// The speaker's settings that are in force.
    pub global: Arc<Global>,
    /// Its configuration.
    pub config: Arc<Peer>,
    /// The range from which a dynamic peer connected; `None` for a configured one.
    pub range: Option<Prefix>,
    /// State of its session.
    pub status: PeerStatus,
    /// Why the session is kept down.
    pub held_down: Option<String>,
    /// Why its path is not monitored as the configuration says.
    pub path_error: Option<String>,
    /// The messages to and from it.
    pub messages: MessageCounts,
}
