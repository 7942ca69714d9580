//! The requests about peers and their sessions.

use axum::Json;
use axum::extract::State;
use margay_config::{LeftOut, ObjectName};
use margay_control::{PeerActionQuery, PeerActionReport, PeerDetail, Peers};

use super::api::Api;
use super::error::{ApiError, BadRequest, Conflict, NotFound, Unanswered};
use super::maintenance::shutdown_message;
use super::peers::{detail, summary};
use super::query::{NameInPath, QueryOf};
use crate::daemon::{DaemonRequest, PeerCommand, left_out_object};

/// All peers, in the order of their names.
#[utoipa::path(get, path = "/v1/peers", responses((status = 200, body = Peers), Unanswered))]
pub(super) async fn get_peers(State(api): State<Api>) -> Result<Json<Peers>, ApiError> {
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

/// Everything about one peer, by its name or address.
#[utoipa::path(
    get,
    path = "/v1/peers/{name}",
    params(("name" = String, Path, description = "Name or address of the peer.")),
    responses((status = 200, body = PeerDetail), BadRequest, NotFound, Conflict, Unanswered),
)]
pub(super) async fn get_peer(
    State(api): State<Api>,
    NameInPath(name): NameInPath,
) -> Result<Json<PeerDetail>, ApiError> {
    let entry = api.peer(&name).await?;
    let (counts, bfd) = (api.counts().await?, api.bfd_statuses().await?);
    Ok(Json(detail(&entry, &counts, &bfd)))
}

/// Does something with the session of a peer.
#[utoipa::path(
    post,
    path = "/v1/peers/{name}",
    params(("name" = String, Path, description = "Name or address of the peer."), PeerActionQuery),
    responses((status = 200, body = PeerActionReport), BadRequest, NotFound, Conflict, Unanswered),
)]
pub(super) async fn post_peer(
    State(api): State<Api>,
    NameInPath(name): NameInPath,
    QueryOf(PeerActionQuery { action, message }): QueryOf<PeerActionQuery>,
) -> Result<Json<PeerActionReport>, ApiError> {
    let message = shutdown_message(message.as_deref())?;
    let config = api.peer(&name).await?.config;
    let command = PeerCommand { place: config.place(), action, message };
    let done = api.ask_daemon(|answer| DaemonRequest::Administer(command, answer)).await?;
    let done = done.map_err(|reason| ApiError::conflict(format!("{}: {reason}", config.name)))?;
    Ok(Json(PeerActionReport { peer: config.name.clone(), done }))
}
