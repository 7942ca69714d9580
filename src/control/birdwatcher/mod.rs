//! What the program birdwatcher makes of BIRD's replies, as JSON: the looking glass alice-lg reads it.

mod envelope;
mod protocols;
mod routes;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::envelope::{Clock, Envelope};
use super::api::Api;
use super::error::ApiError;
use crate::daemon::DaemonRequest;

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
