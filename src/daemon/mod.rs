//! The daemon: reads the configuration, starts all tasks, and ends them in order.
//!
//! One task owns the configuration and the peers' handles. Signals and the control API are requests to it.

mod administration;
mod config_files;
mod dynamic_peers;
mod file_changes;
mod monitoring;
mod options;
mod password;
mod reload;
mod request;
mod run_marker;
mod unconfirmed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use bgp_codec::Prefix;
use margay_config::{Config, ConfigText, Global, Peer, PeerPlace};
use margay_session::{ShutdownMessage, State, StopReason};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::bfd::BfdHandle;
use crate::control::{self, Api, BirdFamily};
use crate::kernel::{KernelHandle, KernelRequest};
use crate::listener::{Listener, Newcomer};
use crate::log::LogControl;
use crate::machine::{Machine, TcpPassword};
use crate::mrt_files::UpdateLog;
use crate::peer::{self, MessageCounts, PeerHandle, PeerOptions, PeerStatus};
use crate::recording::RecordingSink;
use crate::reply::reply;
use crate::speaker::{self, KernelFeed, PeerKey, PeerSettings, SpeakerHandle, SpeakerRequest};
use crate::table_dump::{self, TableSource};

pub use administration::PeerCommand;
use dynamic_peers::{Departure, Ranges};
use file_changes::Watched;
pub use margay_control::ReloadQuery;
use monitoring::PathMonitoring;
use unconfirmed::UnconfirmedReload;

pub use config_files::{LoadedConfig, ReadError, Strictness, read_config};
pub(crate) use options::filter_session;
pub(crate) use reload::left_out_object;
pub use request::{DaemonRequest, DaemonStatus, PeerEntry};

/// Capacity of the queue of requests from the control API. Senders wait while it is full.
const REQUEST_QUEUE: usize = 64;

/// Capacity of the queue of kernel events. The kernel thread waits while it is full.
const KERNEL_EVENT_QUEUE: usize = 64;

/// Runs the daemon until SIGTERM or SIGINT. Inputs of its Rib are recorded if there is a `recording`; the
/// status shows the counts of `log`.
///
/// # Errors
///
/// A task cannot be started, for instance because an address is in use; or the speaker has ended by itself.
pub async fn run(
    config_file: PathBuf,
    loaded: LoadedConfig,
    recording: Option<Box<dyn RecordingSink>>,
    log: LogControl,
) -> anyhow::Result<()> {
    loaded.log();
    let LoadedConfig { config, files, read, .. } = loaded;
    let (requests, request_receiver) = mpsc::channel(REQUEST_QUEUE);
    forward_signals(&requests).context("cannot receive signals")?;
    let kind = run_marker::leave(&config.control().socket).unwrap_or_else(|error| {
        warn!(%error, "a restart of the daemon will not be recognised as one");
        StartKind::First
    });
    let mut daemon = Daemon::start(Machine::Real, config_file, config, recording, kind).await?;
    daemon.files = files;
    daemon.log = log.clone();
    daemon.update_log = start_update_log(&daemon.config)?;
    let dumps = start_table_dumps(&daemon, &requests);
    let socket = daemon.config.control().socket.clone();
    let api = Api {
        daemon: requests,
        speaker: daemon.speaker.clone(),
        kernel: daemon.kernel.as_ref().map(|kernel| kernel.requests.downgrade()),
        log,
    };
    let server = control::serve(&socket, api.clone())
        .await
        .with_context(|| format!("cannot open the control socket {}", socket.display()))?;
    let server = tokio::spawn(server);
    let bird = serve_bird(&daemon.config, &api).await?;
    let http = daemon.config.control().http.clone().map(|http| tokio::spawn(control::serve_tcp(http, api)));
    daemon.start_peers().await;
    daemon.watch_files(read).await;
    info!(socket = %socket.display(), "margayd is ready");
    let result = daemon.serve(request_receiver).await;
    let reason = result.as_ref().map_or(StopReason::Restart, Clone::clone);
    if matches!(reason, StopReason::AdministrativeShutdown(_))
        && let Err(error) = run_marker::remove(&socket)
    {
        warn!(%error, "the next start will take itself for a restart");
    }
    dumps.inspect(JoinHandle::abort);
    daemon.stop(reason).await;
    // Until now it still wrote the answer to the request that ended the daemon.
    server.abort();
    http.inspect(JoinHandle::abort);
    let bird_sockets = bird.into_iter().map(|(socket, server)| {
        server.abort();
        socket
    });
    for socket in std::iter::once(socket).chain(bird_sockets) {
        if let Err(error) = std::fs::remove_file(&socket) {
            warn!(socket = %socket.display(), %error, "a control socket stays behind");
        }
    }
    result.map(|_| ())
}

/// Starts keeping what peers send, if the configuration names files for it.
fn start_update_log(config: &Config) -> anyhow::Result<Option<Arc<UpdateLog>>> {
    let log = config.mrt().updates.clone().map(UpdateLog::start).transpose();
    Ok(log.context("cannot keep what peers send")?.map(Arc::new))
}

/// Starts writing dumps of the table, if the configuration names files for them.
fn start_table_dumps(daemon: &Daemon, requests: &mpsc::Sender<DaemonRequest>) -> Option<JoinHandle<()>> {
    let files = daemon.config.mrt().table_dump.clone()?;
    let (speaker, router_id) = (daemon.speaker.clone(), daemon.global.router_id);
    let source = TableSource { daemon: requests.clone(), speaker, router_id };
    Some(tokio::spawn(table_dump::run(source, files)))
}

/// Serves BIRD's commands on the sockets that the configuration names.
async fn serve_bird(config: &Config, api: &Api) -> anyhow::Result<Vec<(PathBuf, JoinHandle<()>)>> {
    let control = config.control();
    let sockets = [(&control.bird_socket, BirdFamily::Ipv4), (&control.bird6_socket, BirdFamily::Ipv6)];
    let mut servers = Vec::new();
    for (socket, family) in sockets {
        let Some(socket) = socket else { continue };
        let server = control::serve_bird(socket, family, api.clone())
            .await
            .with_context(|| format!("cannot open the socket of BIRD's commands {}", socket.display()))?;
        servers.push((socket.clone(), tokio::spawn(server)));
    }
    Ok(servers)
}

/// The start of this run.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    kind: StartKind,
}

/// Whether this is the first run since the system booted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartKind {
    /// The first: nothing from before is forwarded any more.
    First,
    /// An earlier run left its routes in the kernel.
    Restart,
}

/// The daemon without its control API. See the [module](self).
pub struct Daemon {
    machine: Machine,
    config_file: PathBuf,
    /// The configuration at the start: its `[global]`, `[control]` and `[kernel]` are in force until the end.
    boot: Arc<Config>,
    /// The configuration that was read last: its peers and networks are in force.
    config: Arc<Config>,
    /// The files that `config` was read from.
    files: Vec<ConfigText>,
    /// The watch on those files, if there is to be one.
    watched: Watched,
    /// The reload that is undone unless it is confirmed.
    unconfirmed: Option<UnconfirmedReload>,
    /// The `[global]` in force: that of `boot`, with the reflection and the decision process that the file said last, and with
    /// the host's name.
    global: Arc<Global>,
    start: Start,
    config_read: Instant,
    peers: BTreeMap<PeerPlace, RunningPeer>,
    /// The peers of the configuration that could not be started.
    unstarted: BTreeMap<PeerPlace, UnstartedPeer>,
    /// The peers that the operator disabled, with the shutdown communication.
    disabled: BTreeMap<PeerPlace, ShutdownMessage>,
    /// All peers are asked to prefer other paths.
    is_draining: bool,
    next_key: u64,
    listener: Listener,
    ranges: Ranges,
    arrivals: Arrivals,
    speaker: SpeakerHandle,
    speaker_task: JoinHandle<()>,
    kernel: Option<KernelHandle>,
    /// Runs BFD sessions, once a peer has asked for it.
    bfd: Option<BfdHandle>,
    /// The log of the process.
    log: LogControl,
    /// Where what peers send is kept.
    update_log: Option<Arc<UpdateLog>>,
}

/// Newcomers and departures of dynamic peers.
struct Arrivals {
    newcomers: mpsc::Receiver<Newcomer>,
    departures: mpsc::Receiver<Departure>,
}

/// A peer and its task.
struct RunningPeer {
    key: PeerKey,
    config: Arc<Peer>,
    /// The settings that were passed to the speaker.
    settings: PeerSettings,
    /// The range of a dynamic peer; `None` for a configured one.
    range: Option<Prefix>,
    password: Option<TcpPassword>,
    path: PathMonitoring,
    handle: PeerHandle,
}

/// A peer of the configuration that could not be started.
struct UnstartedPeer {
    key: PeerKey,
    config: Arc<Peer>,
    /// The reason.
    reason: String,
    since: Instant,
}

impl Daemon {
    /// Starts everything except the peers. To be called within a tokio runtime. `kind` is what the first
    /// OPENs say of this run.
    ///
    /// # Errors
    ///
    /// A task cannot be started, for instance because an address is in use.
    pub async fn start(
        machine: Machine,
        config_file: PathBuf,
        config: Config,
        recording: Option<Box<dyn RecordingSink>>,
        kind: StartKind,
    ) -> anyhow::Result<Self> {
        let global = config.global();
        let (listener, newcomers) = Listener::bind(&machine, &global.listen)?;
        let (ranges, departures) = Ranges::new();
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
        let global = options::own_global(&machine, &config);
        let daemon = Self {
            machine,
            config_file,
            boot: Arc::clone(&config),
            global: Arc::new(global),
            config,
            files: Vec::new(),
            watched: Watched::default(),
            unconfirmed: None,
            start: Start { at: now, kind },
            config_read: now,
            peers: BTreeMap::new(),
            unstarted: BTreeMap::new(),
            disabled: BTreeMap::new(),
            is_draining: false,
            next_key: 0,
            listener,
            ranges,
            arrivals: Arrivals { newcomers, departures },
            speaker,
            speaker_task,
            kernel,
            bfd: None,
            log: LogControl::default(),
            update_log: None,
        };
        daemon.watch_kernel().await;
        daemon.tell_speaker(options::forwarding_filter(&daemon.config)).await;
        daemon.tell_speaker(options::memory_limit(&daemon.machine, &daemon.global)).await;
        for network in daemon.config.networks() {
            daemon.tell_speaker(options::originate(network)).await;
        }
        for route in daemon.config.static_routes() {
            daemon.tell_speaker(options::static_route(route)).await;
        }
        for aggregate in daemon.config.aggregates() {
            daemon.tell_speaker(options::aggregate(aggregate)).await;
        }
        daemon.set_default_routes().await;
        Ok(daemon)
    }

    /// Has a default route originated for the families in which a peer gets one.
    pub(super) async fn set_default_routes(&self) {
        for request in options::default_routes(&self.config) {
            self.tell_speaker(request).await;
        }
    }

    /// Handle of the speaker.
    pub fn speaker(&self) -> &SpeakerHandle {
        &self.speaker
    }

    /// Starts the peers' sessions, and accepts connections.
    pub async fn start_peers(&mut self) {
        for peer in self.config.peers().to_vec() {
            let name = peer.name.clone();
            if let Err(error) = self.add_peer(peer).await {
                // One invalid object does not take down the others.
                error!(peer = name, "not started: {error:#}");
            }
        }
        self.open_ranges();
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
                Some(departure) = self.arrivals.departures.recv() => self.on_departure(departure).await,
                Some(newcomer) = self.arrivals.newcomers.recv() => self.welcome(newcomer).await,
            }
        }
    }

    /// Ends the tasks in order. For a [restart](StopReason::Restart), peers that keep this speaker's routes
    /// through it are left without a NOTIFICATION (RFC 4724 §4.1). The speaker ends first, so that the end of
    /// the sessions does not affect the kernel, whose routes are kept for the next run.
    pub async fn stop(self, reason: StopReason) {
        drop(self.listener);
        if self.speaker.requests.send(SpeakerRequest::Stop).await.is_err() {
            error!("bug: the speaker has ended before it was stopped");
        }
        if self.speaker_task.await.is_err() {
            error!("bug: the speaker has panicked");
        }
        let mut ending = JoinSet::new();
        for peer in self.peers.into_values() {
            ending.spawn(peer.handle.end(reason.clone()));
        }
        while ending.join_next().await.is_some() {}
        Self::settle_paths(self.bfd).await;
        if let Some(kernel) = self.kernel {
            kernel.finish().await;
        }
        info!("stopped");
    }

    /// Starts a peer. One that cannot be started is remembered; the next reload tries again.
    async fn add_peer(&mut self, config: Peer) -> anyhow::Result<()> {
        let place = config.place();
        self.unstarted.remove(&place);
        let result = self.start_peer(config.clone()).await;
        if let Err(error) = &result {
            let (reason, since) = (format!("{error:#}"), Instant::now());
            let unstarted = UnstartedPeer { key: self.new_key(), config: Arc::new(config), reason, since };
            self.unstarted.insert(place, unstarted);
        }
        result
    }

    async fn start_peer(&mut self, config: Peer) -> anyhow::Result<()> {
        let password = self.password(&config)?;
        let place = config.place();
        let peer = self.spawn_peer(config, None, password).await?;
        let listening = self.listener.add_peer(place, peer.password.as_ref(), peer.handle.intake());
        self.peers.insert(place, peer);
        if let Err(error) = listening {
            self.remove_peers([place], StopReason::PeerDeconfigured).await;
            return Err(error).with_context(|| format!("connections from {} cannot be taken", place.address));
        }
        if let Some(peer) = self.peers.get(&place).filter(|_| !self.disabled.contains_key(&place)) {
            peer.handle.start().await;
        }
        Ok(())
    }

    /// Starts a peer's task, with a stopped session, once the speaker knows the peer.
    async fn spawn_peer(
        &mut self,
        config: Peer,
        range: Option<Prefix>,
        password: Option<TcpPassword>,
    ) -> anyhow::Result<RunningPeer> {
        let key = self.new_key();
        let (path, monitor) = self.monitoring(&config);
        let options = options::peer_options(
            &self.machine,
            key,
            &self.global,
            &config,
            password.clone(),
            monitor,
            self.start,
        );
        let (answer, known) = oneshot::channel();
        let settings = options::peer_settings(&self.global, &config, self.is_draining);
        self.tell_speaker(SpeakerRequest::AddPeer(key, settings.clone(), answer)).await;
        known.await.context("bug: the speaker has ended")?;
        let options = PeerOptions { update_log: self.update_log.clone(), ..options };
        let handle = peer::spawn(options, &self.speaker);
        Ok(RunningPeer { key, config: Arc::new(config), settings, range, password, path, handle })
    }

    fn new_key(&mut self) -> PeerKey {
        let key = PeerKey(self.next_key);
        self.next_key += 1;
        key
    }

    /// Ends peers concurrently: each may take a while to read its NOTIFICATION.
    async fn remove_peers(&mut self, places: impl IntoIterator<Item = PeerPlace>, reason: StopReason) {
        let mut ending = JoinSet::new();
        for place in places {
            if let Err(error) = self.listener.remove_peer(place) {
                warn!(%place, %error, "the TCP password stays with the listening sockets");
            }
            if let Some(RunningPeer { key, handle, .. }) = self.peers.remove(&place) {
                let reason = reason.clone();
                ending.spawn(async move {
                    handle.end(reason).await;
                    key
                });
            }
        }
        while let Some(ended) = ending.join_next().await {
            match ended {
                Ok(key) => self.tell_speaker(SpeakerRequest::RemovePeer(key)).await,
                Err(error) => error!("bug: the end of a peer panicked: {error}"),
            }
        }
    }

    async fn answer(&mut self, request: DaemonRequest) {
        match request {
            DaemonRequest::Status(answer) => reply(answer, self.status()),
            DaemonRequest::Peers(answer) => {
                let running = self.peers.values().map(|peer| self.entry(peer));
                let unstarted = self.unstarted.values().map(|peer| self.unstarted_entry(peer));
                let mut entries: Vec<PeerEntry> = running.chain(unstarted).collect();
                entries.sort_by_key(|entry| entry.config.place());
                reply(answer, entries)
            }
            DaemonRequest::Administer(command, answer) => {
                let done = self.administer(command).await;
                reply(answer, done);
            }
            DaemonRequest::Reload(query, answer) => {
                let report = self.reload(query).await;
                reply(answer, report);
            }
            DaemonRequest::Bfd(answer) => reply(answer, self.bfd().cloned()),
            DaemonRequest::ConfirmReload(answer) => reply(answer, self.confirm_reload()),
            DaemonRequest::Filters(answer) => reply(answer, self.config.filters().to_vec()),
            DaemonRequest::Configuration(answer) => reply(answer, self.files.clone()),
            DaemonRequest::ReloadAndLog => self.reload_and_log().await,
            DaemonRequest::Drain(is_draining, answer) => {
                let done = self.drain(is_draining).await;
                reply(answer, done);
            }
            DaemonRequest::Shutdown(..) | DaemonRequest::Stop => {}
        }
    }

    fn status(&self) -> DaemonStatus {
        let is_established = |peer: &&RunningPeer| peer.handle.status().borrow().state == State::Established;
        DaemonStatus {
            config: Arc::clone(&self.boot),
            config_file: self.config_file.clone(),
            uptime: self.start.at.elapsed(),
            config_age: self.config_read.elapsed(),
            log_filter: self.config.global().log.clone(),
            left_out: self.config.left_out().to_vec(),
            reload_undone_in: self.unconfirmed.as_ref().map(UnconfirmedReload::time_left),
            peers: self.peers.len() + self.unstarted.len(),
            is_draining: self.is_draining,
            peers_established: self.peers.values().filter(is_established).count(),
        }
    }

    /// Passes to the kernel thread which networks require a route, and where static routes lead.
    async fn watch_kernel(&self) {
        let Some(kernel) = &self.kernel else { return };
        let requests = [
            KernelRequest::Require(options::required_routes(&self.config)),
            KernelRequest::WatchLinks(options::links_of_static_routes(&self.config)),
            KernelRequest::SetStaticWays(options::static_ways(&self.config)),
        ];
        for request in requests {
            if kernel.requests.send(request).await.is_err() {
                error!("bug: the kernel thread has ended");
            }
        }
    }

    fn entry(&self, peer: &RunningPeer) -> PeerEntry {
        PeerEntry {
            key: peer.key,
            global: Arc::clone(&self.global),
            config: Arc::clone(&peer.config),
            range: peer.range,
            status: peer.handle.status().borrow().clone(),
            held_down: self.held_down(peer.config.place()),
            path_error: peer.path.error.clone(),
            messages: peer.handle.messages(),
        }
    }

    fn unstarted_entry(&self, peer: &UnstartedPeer) -> PeerEntry {
        PeerEntry {
            key: peer.key,
            global: Arc::clone(&self.global),
            config: Arc::clone(&peer.config),
            range: None,
            status: PeerStatus::stopped(peer.since),
            held_down: Some(format!("not started: {}", peer.reason)),
            path_error: None,
            messages: MessageCounts::default(),
        }
    }

    async fn tell_speaker(&self, request: SpeakerRequest) {
        if self.speaker.requests.send(request).await.is_err() {
            error!("bug: the speaker has ended");
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

/// Translates signals to requests: SIGHUP reloads, SIGTERM and SIGINT stop.
fn forward_signals(requests: &mpsc::Sender<DaemonRequest>) -> std::io::Result<()> {
    for (kind, request) in [
        (SignalKind::hangup(), (|| DaemonRequest::ReloadAndLog) as fn() -> DaemonRequest),
        (SignalKind::terminate(), || DaemonRequest::Stop),
        (SignalKind::interrupt(), || DaemonRequest::Stop),
    ] {
        let mut signals = signal(kind)?;
        let requests = requests.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && requests.send(request()).await.is_ok() {}
        });
    }
    Ok(())
}
