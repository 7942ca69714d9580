//! Monitors the paths to peers: starts what runs BFD when the first peer asks for it, and follows the configuration.

use anyhow::Context;
use margay_config::{Global, Peer};
use tracing::error;

use super::super::options;
use crate::bfd::{BfdHandle, PathMonitor, PathOptions};
use crate::machine::Machine;

/// How the path to a peer is monitored.
#[derive(Clone, Debug, Default)]
pub(super) struct PathMonitoring {
    /// What was asked of the peer's task last; `None` leaves it to the session.
    pub(super) options: Option<PathOptions>,
    /// Why it is not as the configuration says.
    pub(super) error: Option<String>,
}

/// What monitors paths.
pub(crate) struct Paths {
    machine: Machine,
    /// Runs BFD sessions, once a peer has asked for it.
    bfd: Option<BfdHandle>,
}

impl Paths {
    pub(super) fn new(machine: &Machine) -> Self {
        Self { machine: machine.clone(), bfd: None }
    }

    /// How the path to a new peer is monitored. One that cannot be monitored does without, and the operator sees why.
    pub(super) fn of_new_peer(
        &mut self,
        global: &Global,
        peer: &Peer,
    ) -> (PathMonitoring, Option<PathMonitor>) {
        match self.monitor(global, peer) {
            Ok(monitor) => {
                let options = monitor.as_ref().map(|monitor| monitor.options.clone());
                (PathMonitoring { options, error: None }, monitor)
            }
            Err(error) => {
                error!(peer = peer.name, "the path is not monitored: {error:#}");
                (PathMonitoring { options: None, error: Some(format!("{error:#}")) }, None)
            }
        }
    }

    /// How the path to a peer is monitored; `None` leaves it to the session.
    ///
    /// # Errors
    ///
    /// The secret cannot be read, or BFD cannot be started.
    pub(super) fn monitor(&mut self, global: &Global, peer: &Peer) -> anyhow::Result<Option<PathMonitor>> {
        let Some(options) = options::path_options(&self.machine, global, peer)? else {
            return Ok(None);
        };
        let bfd = match &self.bfd {
            Some(bfd) => bfd.clone(),
            None => self.machine.start_bfd().context("cannot use the UDP ports 3784 and 4784")?,
        };
        self.bfd = Some(bfd.clone());
        Ok(Some(PathMonitor { bfd, options }))
    }

    /// What runs BFD; `None` as long as no peer asked for it.
    pub(crate) fn bfd(&self) -> Option<&BfdHandle> {
        self.bfd.as_ref()
    }

    /// Waits until the remote systems are informed that sessions are disabled.
    pub(super) async fn settle(self) {
        if let Some(bfd) = self.bfd
            && let Err(error) = bfd.settle().await
        {
            error!("bug: {error}");
        }
    }
}
