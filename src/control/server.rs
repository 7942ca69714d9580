//! The HTTP server: translates each request to one to the daemon, the speaker or the kernel thread.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use axum::extract::{self, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use margay_config::{Http, LeftOut, ObjectName};
use margay_control::{
    BfdSessions, ConfigurationFile, ConfigurationFiles, ConfirmReport, ExplainQuery, Explanation,
    KernelStatus, MaintenanceReport, PeerActionQuery, PeerActionReport, PeerDetail, Peers, ReloadQuery,
    RibSizes, RibState, RoutesPage, RoutesQuery, ShutdownQuery, Status, Turns, path,
};
use margay_filter::Filter;
use margay_session::ShutdownMessage;
use tokio::sync::{mpsc, oneshot};

use super::bfd::bfd_sessions;
use super::error::ApiError;
use super::explain::explanation;
use super::kernel::kernel_status;
use super::metrics::get_metrics;
use super::peers::{detail, summary};
use super::routes::{parse_destination, routes};
use super::tcp;
use super::turns::turns;
use super::unix_socket;
use crate::bfd::BfdStatus;
use crate::daemon::{DaemonRequest, DaemonStatus, PeerCommand, PeerEntry, left_out_object};
use crate::kernel::KernelRequest;
use crate::log::LogCounts;
use crate::speaker::{Destination, SpeakerCounts, SpeakerHandle, SpeakerRequest};

/// The tasks that answer requests.
#[derive(Clone, Debug)]
pub struct Api {
    /// Answers about configuration and sessions.
    pub daemon: mpsc::Sender<DaemonRequest>,
    /// Answers about routes.
    pub speaker: SpeakerHandle,
    /// Answers about installed routes.
    pub kernel: Option<mpsc::WeakSender<KernelRequest>>,
    /// Counts of suppressed log lines.
    pub log: LogCounts,
}

/// Opens the socket, readable and writable for its owner and group, and answers requests until the future is
/// dropped.
///
/// # Errors
///
/// The socket cannot be created, or another daemon answers on it.
pub async fn serve(socket: &Path, api: Api) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
    let listener = unix_socket::bind(socket).await?;
    let router = router(api);
    Ok(async move { axum::serve(listener, router).await })
}

/// Serves the reading part of the API over TCP, and never ends.
pub async fn serve_tcp(http: Http, api: Api) -> Infallible {
    tcp::serve(http, reading_router(api)).await
}

/// Everything.
fn router(api: Api) -> Router {
    Router::new()
        .route(path::METRICS, get(get_metrics))
        .route(path::STATUS, get(get_status))
        .route(path::PEERS, get(get_peers))
        .route(&format!("{}/{{name}}", path::PEERS), get(get_peer).post(post_peer))
        .route(path::ROUTES, get(get_routes))
        .route(path::EXPLAIN, get(get_explanation))
        .route(path::KERNEL, get(get_kernel))
        .route(path::BFD, get(get_bfd))
        .route(path::STATE, get(get_state))
        .route(path::TURNS, get(get_turns).post(post_turns))
        .route(path::RELOAD, post(post_reload))
        .route(path::CONFIRM_RELOAD, post(post_confirm))
        .route(path::CONFIGURATION, get(get_configuration))
        .route(path::DRAIN, post(post_drain))
        .route(path::UNDRAIN, post(post_undrain))
        .route(path::SHUTDOWN, post(post_shutdown))
        .with_state(api)
}

/// What changes nothing, shows no file of this node, and asks the speaker for no more than a page.
fn reading_router(api: Api) -> Router {
    Router::new()
        .route(path::METRICS, get(get_metrics))
        .route(path::STATUS, get(get_status))
        .route(path::PEERS, get(get_peers))
        .route(&format!("{}/{{name}}", path::PEERS), get(get_peer))
        .route(path::ROUTES, get(get_routes))
        .route(path::EXPLAIN, get(get_explanation))
        .route(path::KERNEL, get(get_kernel))
        .route(path::BFD, get(get_bfd))
        .route(path::TURNS, get(get_turns))
        .with_state(api)
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

async fn get_status(State(api): State<Api>) -> Result<Json<Status>, ApiError> {
    let status = api.ask_daemon(DaemonRequest::Status).await?;
    let DaemonStatus { config, config_file, uptime, config_age, peers, peers_established, .. } = status;
    let SpeakerCounts { rib, holds_back, .. } = api.counts().await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        asn: config.global().asn.0,
        router_id: config.global().router_id.to_ipv4(),
        uptime_seconds: uptime.as_secs(),
        config_file: config_file.display().to_string(),
        config_age_seconds: config_age.as_secs(),
        peers: peers as u64,
        peers_established: peers_established as u64,
        left_out: status.left_out.iter().map(left_out_object).collect(),
        reload_undone_in_seconds: status.reload_undone_in.map(|time| time.as_secs()),
        draining: status.is_draining,
        holding_back: holds_back,
        rib: RibSizes {
            prefixes: (rib.ipv4_prefixes + rib.ipv6_prefixes) as u64,
            paths: rib.paths as u64,
            attribute_sets: rib.attribute_sets as u64,
            export_groups: rib.export_groups as u64,
        },
        log_lines_dropped: api.log.dropped(),
        log_lines_limited: api.log.limited(),
    }))
}

async fn get_peers(State(api): State<Api>) -> Result<Json<Peers>, ApiError> {
    let mut entries = api.ask_daemon(DaemonRequest::Peers).await?;
    let counts = api.counts().await?;
    entries.sort_by(|a, b| a.config.name.cmp(&b.config.name));
    let left_out = api.ask_daemon(DaemonRequest::Status).await?.left_out;
    let is_peer = |left_out: &&LeftOut| {
        matches!(left_out.object, ObjectName::Peer { .. } | ObjectName::DynamicPeers(_))
    };
    Ok(Json(Peers {
        peers: entries.iter().map(|entry| summary(entry, &counts)).collect(),
        left_out: left_out.iter().filter(is_peer).map(left_out_object).collect(),
    }))
}

async fn get_peer(
    State(api): State<Api>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<PeerDetail>, ApiError> {
    let entry = api.peer(&name).await?;
    let (counts, bfd) = (api.counts().await?, api.bfd_statuses().await?);
    Ok(Json(detail(&entry, &counts, &bfd)))
}

async fn post_peer(
    State(api): State<Api>,
    extract::Path(name): extract::Path<String>,
    query: Result<Query<PeerActionQuery>, extract::rejection::QueryRejection>,
) -> Result<Json<PeerActionReport>, ApiError> {
    let Query(PeerActionQuery { action, message }) =
        query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let message = shutdown_message(message.as_deref())?;
    let config = api.peer(&name).await?.config;
    let command = PeerCommand { place: config.place(), action, message };
    let done = api.ask_daemon(|answer| DaemonRequest::Administer(command, answer)).await?;
    let done = done.map_err(|reason| ApiError::conflict(format!("{}: {reason}", config.name)))?;
    Ok(Json(PeerActionReport { peer: config.name.clone(), done }))
}

async fn get_routes(
    State(api): State<Api>,
    query: Result<Query<RoutesQuery>, extract::rejection::QueryRejection>,
) -> Result<Json<RoutesPage>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    Ok(Json(routes(&api, query).await?))
}

async fn get_explanation(
    State(api): State<Api>,
    query: Result<Query<ExplainQuery>, extract::rejection::QueryRejection>,
) -> Result<Json<Explanation>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let destination = parse_destination(&query.prefix)?;
    let known = api.ask(|answer| SpeakerRequest::Explain(destination, answer)).await?;
    let known = known.ok_or_else(|| no_route(destination))?;
    let kernel = api.ask_kernel(|answer| KernelRequest::Describe(known.prefix, answer)).await;
    Ok(Json(explanation(&known, kernel.as_deref())))
}

fn no_route(destination: Destination) -> ApiError {
    ApiError::not_found(match destination {
        Destination::Address(address) => format!("no route covers {address}"),
        Destination::Prefix(prefix) => {
            let address = prefix.network();
            format!("there is no route to exactly {prefix}; ask for {address} to see which route covers it")
        }
    })
}

async fn get_kernel(State(api): State<Api>) -> Result<Json<KernelStatus>, ApiError> {
    let status = api.ask_daemon(DaemonRequest::Status).await?;
    Ok(Json(kernel_status(status.config.kernel(), api.ask_kernel(KernelRequest::Status).await)))
}

async fn get_bfd(State(api): State<Api>) -> Result<Json<BfdSessions>, ApiError> {
    let entries = api.ask_daemon(DaemonRequest::Peers).await?;
    Ok(Json(bfd_sessions(&api.bfd_statuses().await?, &entries)))
}

async fn get_state(State(api): State<Api>) -> Result<Json<RibState>, ApiError> {
    Ok(Json(RibState { text: api.ask(SpeakerRequest::Dump).await? }))
}

async fn get_turns(State(api): State<Api>) -> Result<Json<Turns>, ApiError> {
    Ok(Json(turns(&api.ask(SpeakerRequest::Turns).await?)))
}

async fn post_turns(State(api): State<Api>) -> Result<Json<Turns>, ApiError> {
    Ok(Json(turns(&api.ask(SpeakerRequest::TakeTurns).await?)))
}

async fn post_drain(State(api): State<Api>) -> Result<Json<MaintenanceReport>, ApiError> {
    let done = api.ask_daemon(|answer| DaemonRequest::Drain(true, answer)).await?;
    Ok(Json(MaintenanceReport { done }))
}

async fn post_undrain(State(api): State<Api>) -> Result<Json<MaintenanceReport>, ApiError> {
    let done = api.ask_daemon(|answer| DaemonRequest::Drain(false, answer)).await?;
    Ok(Json(MaintenanceReport { done }))
}

async fn post_shutdown(
    State(api): State<Api>,
    query: Result<Query<ShutdownQuery>, extract::rejection::QueryRejection>,
) -> Result<Json<MaintenanceReport>, ApiError> {
    let Query(ShutdownQuery { message }) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let message = shutdown_message(message.as_deref())?;
    api.ask_daemon(|answer| DaemonRequest::Shutdown(message, answer)).await?;
    Ok(Json(MaintenanceReport { done: "shutting down".to_owned() }))
}

/// The shutdown communication that the operator gave; empty without one.
fn shutdown_message(text: Option<&str>) -> Result<ShutdownMessage, ApiError> {
    ShutdownMessage::new(text.unwrap_or_default()).map_err(|error| ApiError::bad_request(error.to_string()))
}

async fn post_reload(
    State(api): State<Api>,
    query: Result<Query<ReloadQuery>, extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    if query.confirm_seconds.is_some_and(|seconds| !(1..=MAX_CONFIRM_SECONDS).contains(&seconds)) {
        let range = format!("confirm_seconds is not a number from 1 to {MAX_CONFIRM_SECONDS}");
        return Err(ApiError::bad_request(range));
    }
    let report = api.ask_daemon(|answer| DaemonRequest::Reload(query, answer)).await?;
    let status = if report.is_refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, Json(report)).into_response())
}

async fn post_confirm(State(api): State<Api>) -> Result<Json<ConfirmReport>, ApiError> {
    let left = api.ask_daemon(DaemonRequest::ConfirmReload).await?;
    let left = left.ok_or_else(|| ApiError::conflict("no reload waits to be confirmed".to_owned()))?;
    Ok(Json(ConfirmReport { seconds_left: left.as_secs() }))
}

async fn get_configuration(State(api): State<Api>) -> Result<Json<ConfigurationFiles>, ApiError> {
    let files = api.ask_daemon(DaemonRequest::Configuration).await?;
    let files = files.into_iter().map(|file| ConfigurationFile { name: file.name, text: file.text });
    Ok(Json(ConfigurationFiles { files: files.collect() }))
}

/// A week: who does not confirm until then has forgotten it.
const MAX_CONFIRM_SECONDS: u64 = 7 * 24 * 60 * 60;
