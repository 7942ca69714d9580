//! What the program birdwatcher makes of BIRD's replies, as JSON: the looking glass alice-lg reads it.

mod protocols;
mod routes;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use margay_bird_ctl::UnixTime;
use serde::Serialize;

use super::api::Api;
use super::error::ApiError;
use crate::daemon::{DaemonRequest, PeerEntry};

/// The paths, to be put below one of the daemon's own.
pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/status", get(get_status))
        .route("/protocols", get(protocols::get_protocols))
        .route("/protocols/bgp", get(protocols::get_protocols))
        .route("/protocols/short", get(protocols::get_short))
        .route("/routes/protocol/{protocol}", get(routes::get_accepted))
        .route("/routes/filtered/{protocol}", get(routes::get_rejected))
        .route("/routes/export/{protocol}", get(routes::get_advertised))
        .route("/routes/noexport/{protocol}", get(routes::get_withheld))
        .route("/routes/table/{table}", get(routes::get_table))
        .route("/routes/table/{table}/filtered", get(routes::get_all_rejected))
        .route("/route/net/{*network}", get(routes::get_network))
}

/// What every answer has besides its own content.
#[derive(Serialize)]
struct Envelope<T> {
    api: ApiStatus,
    /// Until when the answer may be kept; answers are always made anew.
    ttl: String,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct ApiStatus {
    #[serde(rename = "Version")]
    version: &'static str,
    result_from_cache: bool,
    cache_status: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

impl<T> Envelope<T> {
    fn new(content: T, clock: Clock) -> Self {
        let now = clock.now_rfc3339();
        let cache_status = BTreeMap::from([("cached_at", BTreeMap::from([("date", now.clone())]))]);
        let api = ApiStatus { version: env!("CARGO_PKG_VERSION"), result_from_cache: false, cache_status };
        Self { api, ttl: now, content }
    }
}

async fn get_status(State(api): State<Api>) -> Result<Response, ApiError> {
    let status = api.ask_daemon(DaemonRequest::Status).await?;
    let clock = Clock::now();
    let status = BTreeMap::from([
        ("router_id", status.config.global().router_id.to_string()),
        ("current_server", clock.before(Duration::ZERO)),
        ("last_reboot", clock.before(status.uptime)),
        ("last_reconfig", clock.before(status.config_age)),
        ("version", format!("margay-{}", env!("CARGO_PKG_VERSION"))),
        ("message", "Daemon is up and running".to_owned()),
    ]);
    Ok(axum::Json(Envelope::new(BTreeMap::from([("status", status)]), clock)).into_response())
}

/// The peer of this name, in the form that stands in paths.
async fn peer(api: &Api, protocol: &str) -> Result<PeerEntry, ApiError> {
    let peers = api.ask_daemon(DaemonRequest::Peers).await?;
    let is_meant = |peer: &PeerEntry| protocol_name(&peer.config.name) == protocol;
    peers
        .into_iter()
        .find(is_meant)
        .ok_or_else(|| ApiError::not_found(format!("{protocol} is not the name of a peer")))
}

/// The name of a peer as a segment of a path.
fn protocol_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The wall clock at an answer.
#[derive(Clone, Copy)]
struct Clock {
    now: UnixTime,
}

impl Clock {
    fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { now: UnixTime(since_epoch.as_secs()) }
    }

    /// The time this long ago, such as `2026-11-30 16:34:22`, in UTC.
    fn before(self, ago: Duration) -> String {
        UnixTime(self.now.0.saturating_sub(ago.as_secs())).to_string()
    }

    fn now_rfc3339(self) -> String {
        format!("{}Z", self.now.to_string().replace(' ', "T"))
    }
}
