//! RPKI caches as the control API shows them.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use margay_control::{RpkiCache, RpkiCaches};
use tokio::time::Instant;

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::daemon::DaemonRequest;
use crate::rpki::CacheStatus;

/// The RPKI caches, in the order of their addresses.
#[utoipa::path(get, path = "/v1/rpki", responses((status = 200, body = RpkiCaches), Unanswered))]
pub(super) async fn get_rpki(State(api): State<Api>) -> Result<Json<RpkiCaches>, ApiError> {
    let now = Instant::now();
    let statuses = api.ask_daemon(DaemonRequest::RpkiCaches).await?;
    Ok(Json(RpkiCaches {
        caches: statuses.into_iter().map(|(address, status)| cache(address, status, now)).collect(),
    }))
}

fn cache(address: SocketAddr, status: CacheStatus, now: Instant) -> RpkiCache {
    let CacheStatus { session, last_error, updated_at, expires_at } = status;
    let session = session.as_ref();
    let payloads = |family: usize| session.map_or(0, |session| session.payloads[family] as u64);
    RpkiCache {
        address,
        connected: session.is_some_and(|session| session.is_connected),
        version: session.map_or(0, |session| session.version.number()),
        session: session.and_then(|session| session.session),
        serial: session.and_then(|session| session.serial),
        ipv4_payloads: payloads(0),
        ipv6_payloads: payloads(1),
        updated_seconds_ago: updated_at.map(|at| (now - at).as_secs()),
        expires_in_seconds: expires_at.map(|at| (at - now).as_secs()),
        last_error,
    }
}
