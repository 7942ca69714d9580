//! The requests about the log.

use axum::Json;
use axum::extract::State;
use margay_control::{LogQuery, LogState};

use super::api::Api;
use super::error::{ApiError, BadRequest, Conflict, NotFound, Unanswered};
use super::query::QueryOf;
use crate::daemon::DaemonRequest;

/// What is logged, and what was lost.
#[utoipa::path(get, path = "/v1/log", responses((status = 200, body = LogState), Unanswered))]
pub(super) async fn get_log(State(api): State<Api>) -> Result<Json<LogState>, ApiError> {
    Ok(Json(state(&api).await?))
}

/// Changes what is logged, until the next start of the daemon.
#[utoipa::path(
    post,
    path = "/v1/log",
    params(LogQuery),
    responses((status = 200, body = LogState), BadRequest, NotFound, Conflict, Unanswered),
)]
pub(super) async fn post_log(
    State(api): State<Api>,
    QueryOf(query): QueryOf<LogQuery>,
) -> Result<Json<LogState>, ApiError> {
    let debugged = match &query.debug {
        Some(name) => Some(api.peer(name).await?.config.name.clone()),
        None => None,
    };
    let filter = match query.filter.as_deref() {
        Some(LogQuery::CONFIGURED) => Some(configured(&api).await?),
        filter => filter.map(str::to_owned),
    };
    if let Some(filter) = filter {
        api.log.set_filter(&filter).map_err(ApiError::bad_request)?;
    }
    if let Some(peer) = debugged {
        api.log.set_peer(&peer, true).map_err(ApiError::bad_request)?;
    }
    if let Some(name) = query.undebug {
        // It may be a peer that is gone, and must be known by its name then.
        let name = match api.peer(&name).await {
            Ok(peer) => peer.config.name.clone(),
            Err(_) => name,
        };
        api.log.set_peer(&name, false).map_err(ApiError::bad_request)?;
    }
    Ok(Json(state(&api).await?))
}

async fn state(api: &Api) -> Result<LogState, ApiError> {
    let state = api.log.state();
    Ok(LogState {
        filter: state.filter,
        configured: configured(api).await?,
        debugged_peers: state.peers,
        lines_dropped: api.log.dropped(),
        lines_limited: api.log.limited(),
    })
}

/// The filter of the configuration that was read last.
async fn configured(api: &Api) -> Result<String, ApiError> {
    Ok(api.ask_daemon(DaemonRequest::Status).await?.log_filter)
}
