//! Monitors the paths to peers: starts what runs BFD when the first peer asks for it, and follows the configuration.

use anyhow::Context;
use margay_config::Peer;
use tracing::{error, info, warn};

use super::{Daemon, options};
use crate::bfd::{BfdHandle, PathMonitor, PathOptions};

/// How the path to a peer is monitored.
#[derive(Clone, Debug, Default)]
pub(super) struct PathMonitoring {
    /// What was asked of the peer's task last; `None` leaves it to the session.
    options: Option<PathOptions>,
    /// Why it is not as the configuration says.
    pub(super) error: Option<String>,
}

impl Daemon {
    /// How the path to a new peer is monitored. One that cannot be monitored does without, and the operator sees why.
    pub(super) fn monitoring(&mut self, peer: &Peer) -> (PathMonitoring, Option<PathMonitor>) {
        match self.path_monitor(peer) {
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

    /// Passes to the peers how their paths are monitored under the present configuration, where that has changed. Secrets
    /// may have changed in their files.
    pub(super) async fn reconfigure_paths(&mut self) {
        let places: Vec<_> = self.peers.keys().copied().collect();
        for place in places {
            let Some(config) = self.peers.get(&place).map(|peer| peer.config.clone()) else { continue };
            let monitor = self.path_monitor(&config);
            let Some(peer) = self.peers.get_mut(&place) else { continue };
            match monitor {
                Ok(monitor) => {
                    let options = monitor.as_ref().map(|monitor| monitor.options.clone());
                    if options != peer.path.options {
                        info!(peer = config.name, "the path is monitored in another way: session kept");
                        peer.handle.monitor(monitor).await;
                    }
                    peer.path = PathMonitoring { options, error: None };
                }
                Err(error) => {
                    warn!(peer = config.name, "the path is monitored as before: {error:#}");
                    peer.path.error = Some(format!("{error:#}"));
                }
            }
        }
    }

    /// What runs BFD; `None` as long as no peer asked for it.
    pub(super) fn bfd(&self) -> Option<&BfdHandle> {
        self.bfd.as_ref()
    }

    /// Waits until the remote systems are informed that sessions are disabled.
    pub(super) async fn settle_paths(bfd: Option<BfdHandle>) {
        if let Some(bfd) = bfd
            && let Err(error) = bfd.settle().await
        {
            error!("bug: {error}");
        }
    }

    fn path_monitor(&mut self, peer: &Peer) -> anyhow::Result<Option<PathMonitor>> {
        let Some(options) = options::path_options(&self.machine, &self.global, peer)? else {
            return Ok(None);
        };
        let bfd = match &self.bfd {
            Some(bfd) => bfd.clone(),
            None => self.machine.start_bfd().context("cannot use the UDP ports 3784 and 4784")?,
        };
        self.bfd = Some(bfd.clone());
        Ok(Some(PathMonitor { bfd, options }))
    }
}
