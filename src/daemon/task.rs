//! The task that owns the configuration and the peers' handles, and answers requests.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use margay_config::{Config, ConfigText};
use margay_session::StopReason;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info};

use super::peers::Peers;
use super::request::{DaemonRequest, DaemonStatus};
use super::start::{Start, StartKind};
use super::unconfirmed::{self, UnconfirmedReload};
use super::watched_files::Watched;
use super::{local_routes, options};
use crate::kernel::{KernelHandle, KernelRequest};
use crate::listener::Listener;
use crate::log::LogControl;
use crate::machine::Machine;
use crate::mrt_files::UpdateLog;
use crate::recording::RecordingSink;
use crate::reply::reply;
use crate::rpki::RpkiCaches;
use crate::speaker::{self, KernelFeed, SpeakerHandle, SpeakerRequest};

/// Capacity of the queue of kernel events. The kernel thread waits while it is full.
const KERNEL_EVENT_QUEUE: usize = 64;

/// The daemon without its control API.
pub struct Daemon {
    pub(super) machine: Machine,
    pub(super) config_file: PathBuf,
    /// The configuration at the start: its `[global]`, `[control]` and `[kernel]` are in force until the end.
    pub(super) boot: Arc<Config>,
    /// The files that the configuration in force was read from.
    pub(super) files: Vec<ConfigText>,
    /// The watch on those files, if there is to be one.
    pub(super) watched: Watched,
    /// The reload that is undone unless it is confirmed.
    pub(super) unconfirmed: Option<UnconfirmedReload>,
    start: Start,
    pub(super) config_read: Instant,
    pub(super) peers: Peers,
    pub(super) speaker: SpeakerHandle,
    speaker_task: JoinHandle<()>,
    kernel: Option<KernelHandle>,
    /// The sessions with RPKI caches.
    pub(super) rpki: RpkiCaches,
    /// The log of the process.
    pub(super) log: LogControl,
}

/// What a daemon is started with, apart from its configuration.
pub struct DaemonOptions {
    /// The file of the configuration.
    pub config_file: PathBuf,
    /// All files that it was read from.
    pub files: Vec<ConfigText>,
    /// Where the inputs of the Rib are recorded, if they are.
    pub recording: Option<Box<dyn RecordingSink>>,
    /// The log of the process.
    pub log: LogControl,
    /// What the first OPENs say of this run.
    pub kind: StartKind,
}

impl Daemon {
    /// Starts everything except the peers. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// A task cannot be started, for instance because an address is in use.
    pub async fn start(machine: Machine, config: Config, options: DaemonOptions) -> anyhow::Result<Self> {
        let DaemonOptions { config_file, files, recording, log, kind } = options;
        let update_log = config.mrt().updates.clone().map(UpdateLog::start).transpose();
        let update_log = update_log.context("cannot keep what peers send")?.map(Arc::new);
        let listener = Listener::bind(&machine, &config.global().listen)?;
        let (kernel, feed) = match config.kernel() {
            Some(kernel) => {
                let (handle, feed) = start_kernel(&machine, kernel).await?;
                (Some(handle), Some(feed))
            }
            None => (None, None),
        };
        let addresses = machine.addresses().await.context("cannot read this node's addresses")?;
        let (speaker, speaker_task) = speaker::start(
            &machine,
            options::rib_options(&machine, &config),
            feed,
            options::convergence_options(&config, kind),
            addresses,
            recording,
        )
        .context("cannot start the speaker")?;
        let now = Instant::now();
        let config = Arc::new(config);
        let start = Start { at: now, kind };
        let mut rpki = RpkiCaches::start(&speaker);
        rpki.set(config.rpki_caches()).await;
        let daemon = Self {
            config_file,
            boot: Arc::clone(&config),
            files,
            watched: Watched::default(),
            unconfirmed: None,
            start,
            config_read: now,
            peers: Peers::new(&machine, &config, &speaker, start, listener, update_log),
            machine,
            speaker,
            speaker_task,
            kernel,
            rpki,
            log,
        };
        daemon.watch_kernel(&config).await;
        daemon.speaker.ask(options::forwarding_filter(&config)).await;
        daemon.speaker.ask(options::memory_limit(&daemon.machine, &daemon.peers.global)).await;
        local_routes::originate_all(&daemon.speaker, &config).await;
        Ok(daemon)
    }

    /// Handle of the speaker.
    #[must_use]
    pub fn speaker(&self) -> &SpeakerHandle {
        &self.speaker
    }

    /// Handle of the kernel thread, if there is one.
    pub(crate) fn kernel(&self) -> Option<&KernelHandle> {
        self.kernel.as_ref()
    }

    /// The configuration that was read last: its peers and networks are in force.
    pub(crate) fn config(&self) -> &Config {
        &self.peers.config
    }

    /// Starts the peers' sessions, and accepts connections.
    pub async fn start_peers(&mut self) {
        self.peers.start_all().await;
    }

    /// Serves requests until it is asked to stop. Returns the reason for peers.
    ///
    /// # Errors
    ///
    /// The speaker has ended by itself.
    pub async fn serve(&mut self, mut requests: mpsc::Receiver<DaemonRequest>) -> anyhow::Result<StopReason> {
        let speaker = self.speaker.requests.clone();
        loop {
            tokio::select! {
                biased;
                () = speaker.closed() => bail!("bug: the speaker has ended"),
                Some(request) = requests.recv() => match request {
                    DaemonRequest::Stop => {
                        info!("stopping");
                        return Ok(StopReason::Restart);
                    }
                    DaemonRequest::Shutdown(message, answer) => {
                        info!(message = message.as_str(), "shutting down");
                        reply(answer, ());
                        return Ok(StopReason::AdministrativeShutdown(message));
                    }
                    request => self.answer(request).await,
                },
                () = unconfirmed::deadline(self.unconfirmed.as_ref()) => self.undo_reload().await,
                () = self.watched.due() => self.read_changed_files().await,
                Some(departure) = self.peers.arrivals.departures.recv() => self.peers.on_departure(departure).await,
                Some(newcomer) = self.peers.arrivals.newcomers.recv() => self.peers.welcome(newcomer).await,
            }
        }
    }

    /// Ends the tasks in order. For a [restart](StopReason::Restart), peers that keep this speaker's routes
    /// through it are left without a NOTIFICATION (RFC 4724 §4.1). The speaker ends first, so that the end of
    /// the sessions does not affect the kernel, whose routes are kept for the next run.
    pub async fn stop(self, reason: StopReason) {
        let sessions = self.peers.close();
        if self.speaker.requests.send(SpeakerRequest::Stop).await.is_err() {
            error!("bug: the speaker has ended before it was stopped");
        }
        if self.speaker_task.await.is_err() {
            error!("bug: the speaker has panicked");
        }
        sessions.end(reason).await;
        if let Some(kernel) = self.kernel {
            kernel.finish().await;
        }
        info!("stopped");
    }

    async fn answer(&mut self, request: DaemonRequest) {
        match request {
            DaemonRequest::Status(answer) => reply(answer, self.status()),
            DaemonRequest::Peers(answer) => reply(answer, self.peers.entries()),
            DaemonRequest::Administer(command, answer) => {
                let done = self.peers.administer(command).await;
                reply(answer, done);
            }
            DaemonRequest::Reload(query, answer) => {
                let report = self.reload(query).await;
                reply(answer, report);
            }
            DaemonRequest::RpkiCaches(answer) => reply(answer, self.rpki.statuses()),
            DaemonRequest::Bfd(answer) => reply(answer, self.peers.paths.bfd().cloned()),
            DaemonRequest::ConfirmReload(answer) => reply(answer, self.confirm_reload()),
            DaemonRequest::Filters(answer) => reply(answer, self.config().filters().to_vec()),
            DaemonRequest::Configuration(answer) => reply(answer, self.files.clone()),
            DaemonRequest::ReloadAndLog => self.reload_and_log().await,
            DaemonRequest::Drain(is_draining, answer) => {
                let done = self.peers.drain(is_draining).await;
                reply(answer, done);
            }
            DaemonRequest::Shutdown(..) | DaemonRequest::Stop => {}
        }
    }

    fn status(&self) -> DaemonStatus {
        let (peers, peers_established) = self.peers.count();
        DaemonStatus {
            config: Arc::clone(&self.boot),
            config_file: self.config_file.clone(),
            uptime: self.start.at.elapsed(),
            config_age: self.config_read.elapsed(),
            log_filter: self.config().global().log.clone(),
            left_out: self.config().left_out().to_vec(),
            reload_undone_in: self.unconfirmed.as_ref().map(UnconfirmedReload::time_left),
            peers,
            peers_established,
            is_draining: self.peers.is_draining,
        }
    }

    /// Passes to the kernel thread which networks require a route, and where static routes lead.
    pub(super) async fn watch_kernel(&self, config: &Config) {
        let Some(kernel) = &self.kernel else { return };
        let requests = [
            KernelRequest::Require(options::required_routes(config)),
            KernelRequest::WatchLinks(options::links_of_static_routes(config)),
            KernelRequest::SetStaticWays(options::static_ways(config)),
        ];
        for request in requests {
            if kernel.requests.send(request).await.is_err() {
                error!("bug: the kernel thread has ended");
            }
        }
    }
}

async fn start_kernel(
    machine: &Machine,
    config: &margay_config::Kernel,
) -> anyhow::Result<(KernelHandle, KernelFeed)> {
    let (events, event_receiver) = mpsc::channel(KERNEL_EVENT_QUEUE);
    let handle = machine
        .start_kernel(options::kernel_options(config), events)
        .await
        .context("cannot keep the kernel's table (CAP_NET_ADMIN is needed)")?;
    let feed = KernelFeed::new(handle.requests.clone(), event_receiver, config.restart_window);
    Ok((handle, feed))
}
