//! The requests that change the daemon as a whole.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use margay_control::{
    ConfigurationFile, ConfigurationFiles, ConfirmReport, MaintenanceReport, ReloadQuery, ReloadReport,
    ShutdownQuery,
};
use margay_session::ShutdownMessage;

use super::api::Api;
use super::error::{ApiError, BadRequest, Conflict, Unanswered};
use super::query::QueryOf;
use crate::daemon::DaemonRequest;

/// Reads the configuration again.
#[utoipa::path(
    post,
    path = "/v1/reload",
    params(ReloadQuery),
    responses(
        (status = 200, description = "What changed.", body = ReloadReport),
        (status = 422, description = "The errors for which nothing changed.", body = ReloadReport),
        BadRequest,
        Unanswered,
    ),
)]
pub(super) async fn post_reload(
    State(api): State<Api>,
    QueryOf(query): QueryOf<ReloadQuery>,
) -> Result<Response, ApiError> {
    if query.confirm_seconds.is_some_and(|seconds| !(1..=MAX_CONFIRM_SECONDS).contains(&seconds)) {
        let range = format!("confirm_seconds is not a number from 1 to {MAX_CONFIRM_SECONDS}");
        return Err(ApiError::bad_request(range));
    }
    let report = api.ask_daemon(|answer| DaemonRequest::Reload(query, answer)).await?;
    let status = if report.is_refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, Json(report)).into_response())
}

/// Keeps what the last reload changed.
#[utoipa::path(
    post,
    path = "/v1/reload/confirm",
    responses((status = 200, body = ConfirmReport), Conflict, Unanswered),
)]
pub(super) async fn post_confirm(State(api): State<Api>) -> Result<Json<ConfirmReport>, ApiError> {
    let left = api.ask_daemon(DaemonRequest::ConfirmReload).await?;
    let left = left.ok_or_else(|| ApiError::conflict("no reload waits to be confirmed".to_owned()))?;
    Ok(Json(ConfirmReport { seconds_left: left.as_secs() }))
}

/// The files that the configuration in force was read from.
#[utoipa::path(get, path = "/v1/config", responses((status = 200, body = ConfigurationFiles), Unanswered))]
pub(super) async fn get_configuration(State(api): State<Api>) -> Result<Json<ConfigurationFiles>, ApiError> {
    let files = api.ask_daemon(DaemonRequest::Configuration).await?;
    let files = files.into_iter().map(|file| ConfigurationFile { name: file.name, text: file.text });
    Ok(Json(ConfigurationFiles { files: files.collect() }))
}

/// Asks all peers to prefer other paths (RFC 8326).
#[utoipa::path(post, path = "/v1/drain", responses((status = 200, body = MaintenanceReport), Unanswered))]
pub(super) async fn post_drain(State(api): State<Api>) -> Result<Json<MaintenanceReport>, ApiError> {
    let done = api.ask_daemon(|answer| DaemonRequest::Drain(true, answer)).await?;
    Ok(Json(MaintenanceReport { done }))
}

/// Takes back a drain.
#[utoipa::path(post, path = "/v1/undrain", responses((status = 200, body = MaintenanceReport), Unanswered))]
pub(super) async fn post_undrain(State(api): State<Api>) -> Result<Json<MaintenanceReport>, ApiError> {
    let done = api.ask_daemon(|answer| DaemonRequest::Drain(false, answer)).await?;
    Ok(Json(MaintenanceReport { done }))
}

/// Withdraws all routes from peers, and ends the daemon.
#[utoipa::path(
    post,
    path = "/v1/shutdown",
    params(ShutdownQuery),
    responses((status = 200, body = MaintenanceReport), BadRequest, Unanswered),
)]
pub(super) async fn post_shutdown(
    State(api): State<Api>,
    QueryOf(ShutdownQuery { message }): QueryOf<ShutdownQuery>,
) -> Result<Json<MaintenanceReport>, ApiError> {
    let message = shutdown_message(message.as_deref())?;
    api.ask_daemon(|answer| DaemonRequest::Shutdown(message, answer)).await?;
    Ok(Json(MaintenanceReport { done: "shutting down".to_owned() }))
}

/// The shutdown communication that the operator gave; empty without one.
pub(super) fn shutdown_message(text: Option<&str>) -> Result<ShutdownMessage, ApiError> {
    ShutdownMessage::new(text.unwrap_or_default()).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// A week: who does not confirm until then has forgotten it.
const MAX_CONFIRM_SECONDS: u64 = 7 * 24 * 60 * 60;
