//! The state of the daemon at a scrape.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::process::Process;
use crate::bfd::BfdStatus;
use crate::control::api::Api;
use crate::control::error::ApiError;
use crate::daemon::{DaemonRequest, DaemonStatus, PeerEntry};
use crate::kernel::{KernelRequest, KernelStatus};
use crate::log::LogControl;
use crate::rpki::CacheStatus;
use crate::speaker::{FamilyCounts, PeerKey, SpeakerCounts, SpeakerRequest, TurnTimes};

/// State of the daemon at a scrape.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) now: SystemTime,
    pub(super) status: DaemonStatus,
    pub(super) peers: Vec<PeerEntry>,
    pub(super) counts: SpeakerCounts,
    pub(super) turns: TurnTimes,
    /// `None` if nothing is installed.
    pub(super) kernel: Option<KernelStatus>,
    pub(super) bfd: Vec<BfdStatus>,
    pub(super) rpki: Vec<(SocketAddr, CacheStatus)>,
    pub(super) log: LogControl,
    pub(super) process: Process,
}

impl Snapshot {
    pub(super) async fn take(api: &Api) -> Result<Self, ApiError> {
        Ok(Self {
            now: SystemTime::now(),
            status: api.ask_daemon(DaemonRequest::Status).await?,
            peers: api.ask_daemon(DaemonRequest::Peers).await?,
            counts: api.ask(SpeakerRequest::Counts).await?,
            turns: api.ask(SpeakerRequest::Turns).await?,
            kernel: api.ask_kernel(KernelRequest::Status).await,
            bfd: api.bfd_statuses().await?,
            rpki: api.ask_daemon(DaemonRequest::RpkiCaches).await?,
            log: api.log.clone(),
            process: Process::read(),
        })
    }

    /// Routes of the established sessions, by peer.
    pub(super) fn routes(&self) -> BTreeMap<PeerKey, &[FamilyCounts]> {
        self.counts.peers.iter().map(|(key, families)| (*key, families.as_slice())).collect()
    }
}
