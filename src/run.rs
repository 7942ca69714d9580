//! A run of margayd: the daemon, its control API, the sockets that it serves, and the dumps of its table.

use std::path::PathBuf;

use anyhow::Context;
use margay_config::Config;
use margay_session::StopReason;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use crate::control::{self, Api, BirdFamily};
use crate::daemon::{Daemon, DaemonOptions, DaemonRequest, LoadedConfig, StartKind, run_marker};
use crate::log::LogControl;
use crate::machine::Machine;
use crate::recording::RecordingSink;
use crate::table_dump::{self, TableSource};

/// Capacity of the queue of requests from the control API. Senders wait while it is full.
const REQUEST_QUEUE: usize = 64;

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
    let socket = config.control().socket.clone();
    let kind = run_marker::leave(&socket).unwrap_or_else(|error| {
        warn!(%error, "a restart of the daemon will not be recognised as one");
        StartKind::First
    });
    let mut daemon = Daemon::start(
        Machine::Real,
        config,
        DaemonOptions { config_file, files, recording, log: log.clone(), kind },
    )
    .await?;
    let dumps = start_table_dumps(&daemon, &requests);
    let api = Api {
        daemon: requests,
        speaker: daemon.speaker().clone(),
        kernel: daemon.kernel().map(|kernel| kernel.requests.downgrade()),
        log,
    };
    let servers = Servers::start(daemon.config(), api).await?;
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
    dumps.inspect(AbortHandle::abort);
    daemon.stop(reason).await;
    // Until now they still wrote the answer to the request that ended the daemon.
    servers.stop();
    result.map(|_| ())
}

/// What answers operators and programs, with the files of the sockets.
struct Servers {
    /// The control socket, and those of BIRD's commands.
    sockets: Vec<(PathBuf, AbortHandle)>,
    http: Option<AbortHandle>,
}

impl Servers {
    /// # Errors
    ///
    /// A socket cannot be opened.
    async fn start(config: &Config, api: Api) -> anyhow::Result<Self> {
        let control = config.control();
        let server = control::serve(&control.socket, api.clone())
            .await
            .with_context(|| format!("cannot open the control socket {}", control.socket.display()))?;
        let mut sockets = vec![(control.socket.clone(), tokio::spawn(server).abort_handle())];
        let of_bird = [(&control.bird_socket, BirdFamily::Ipv4), (&control.bird6_socket, BirdFamily::Ipv6)];
        for (socket, family) in of_bird {
            let Some(socket) = socket else { continue };
            let server = control::serve_bird(socket, family, api.clone())
                .await
                .with_context(|| format!("cannot open the socket of BIRD's commands {}", socket.display()))?;
            sockets.push((socket.clone(), tokio::spawn(server).abort_handle()));
        }
        let http = control.http.clone();
        let http = http.map(|http| tokio::spawn(control::serve_tcp(http, api)).abort_handle());
        Ok(Self { sockets, http })
    }

    /// Stops answering, and removes the files of the sockets.
    fn stop(self) {
        self.http.inspect(AbortHandle::abort);
        for (socket, server) in self.sockets {
            server.abort();
            if let Err(error) = std::fs::remove_file(&socket) {
                warn!(socket = %socket.display(), %error, "a control socket stays behind");
            }
        }
    }
}

/// Starts writing dumps of the table, if the configuration names files for them.
fn start_table_dumps(daemon: &Daemon, requests: &mpsc::Sender<DaemonRequest>) -> Option<AbortHandle> {
    let files = daemon.config().mrt().table_dump.clone()?;
    let router_id = daemon.config().global().router_id;
    let source = TableSource { daemon: requests.clone(), speaker: daemon.speaker().clone(), router_id };
    Some(tokio::spawn(table_dump::run(source, files)).abort_handle())
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
