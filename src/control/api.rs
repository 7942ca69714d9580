//! The questions of the control API to the daemon's tasks.

use margay_filter::Filter;
use tokio::sync::{mpsc, oneshot};

use super::error::ApiError;
use crate::bfd::BfdStatus;
use crate::daemon::{DaemonRequest, PeerEntry};
use crate::kernel::KernelRequest;
use crate::log::LogControl;
use crate::speaker::{SpeakerCounts, SpeakerHandle, SpeakerRequest};

/// The tasks that answer requests.
#[derive(Clone, Debug)]
pub struct Api {
    /// Answers about configuration and sessions.
    pub daemon: mpsc::Sender<DaemonRequest>,
    /// Answers about routes.
    pub speaker: SpeakerHandle,
    /// Answers about installed routes.
    pub kernel: Option<mpsc::WeakSender<KernelRequest>>,
    /// The log of the process.
    pub log: LogControl,
}

impl Api {
    /// Asks the speaker.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> SpeakerRequest,
    ) -> Result<T, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.speaker.requests.send(question(answer)).await.map_err(|_| ApiError::stopping())?;
        answered.await.map_err(|_| ApiError::stopping())
    }

    /// Asks the daemon.
    pub(super) async fn ask_daemon<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> DaemonRequest,
    ) -> Result<T, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.daemon.send(question(answer)).await.map_err(|_| ApiError::stopping())?;
        answered.await.map_err(|_| ApiError::stopping())
    }

    /// The peer with this name, or with this address if no other peer has it.
    pub(super) async fn peer(&self, name: &str) -> Result<PeerEntry, ApiError> {
        let peers = self.ask_daemon(DaemonRequest::Peers).await?;
        if let Some(peer) = peers.iter().find(|peer| peer.config.name == name) {
            return Ok(peer.clone());
        }
        let has_address = |peer: &&PeerEntry| peer.config.place().host() == name;
        match peers.iter().filter(has_address).collect::<Vec<_>>()[..] {
            [peer] => Ok(peer.clone()),
            [] => {
                let known = match peers.is_empty() {
                    true => "none is configured".to_owned(),
                    false => format!("known are {}", names(&peers)),
                };
                Err(ApiError::not_found(format!("there is no peer {name:?}: {known}")))
            }
            ref several => {
                let names = names(several.iter().copied());
                Err(ApiError::conflict(format!("several peers have the address {name}: name one of {names}")))
            }
        }
    }

    /// The filters of the configuration.
    pub(super) async fn filters(&self) -> Result<Vec<Filter>, ApiError> {
        self.ask_daemon(DaemonRequest::Filters).await
    }

    pub(super) async fn counts(&self) -> Result<SpeakerCounts, ApiError> {
        self.ask(SpeakerRequest::Counts).await
    }

    /// Asks the BFD thread; empty without one.
    pub(super) async fn bfd_statuses(&self) -> Result<Vec<BfdStatus>, ApiError> {
        match self.ask_daemon(DaemonRequest::Bfd).await? {
            Some(bfd) => bfd.statuses().await.map_err(|_| ApiError::stopping()),
            None => Ok(Vec::new()),
        }
    }

    /// Asks the kernel thread; `None` without one.
    pub(super) async fn ask_kernel<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> KernelRequest,
    ) -> Option<T> {
        let kernel = self.kernel.as_ref()?.upgrade()?;
        let (answer, answered) = oneshot::channel();
        kernel.send(question(answer)).await.ok()?;
        answered.await.ok()
    }
}

fn names<'p>(peers: impl IntoIterator<Item = &'p PeerEntry>) -> String {
    peers.into_iter().map(|peer| peer.config.name.as_str()).collect::<Vec<_>>().join(", ")
}
