//! The answer to `GET /v1/status`.

use axum::Json;
use axum::extract::State;
use margay_control::{MemoryGuard, RibSizes, Status};

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::daemon::{DaemonRequest, DaemonStatus, left_out_object};
use crate::speaker::{MemoryGuardView, SpeakerCounts};

/// The daemon at a glance.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = Status), Unanswered))]
pub(super) async fn get_status(State(api): State<Api>) -> Result<Json<Status>, ApiError> {
    let status = api.ask_daemon(DaemonRequest::Status).await?;
    let DaemonStatus { config, config_file, uptime, config_age, peers, peers_established, .. } = status;
    let SpeakerCounts { rib, holds_back, memory_guard, .. } = api.counts().await?;
    let memory_guard = match memory_guard {
        Some(view) => Some(memory_guard_of(&api, view).await?),
        None => None,
    };
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
        memory_guard,
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

/// The memory guard, with the name of the peer.
async fn memory_guard_of(api: &Api, view: MemoryGuardView) -> Result<MemoryGuard, ApiError> {
    let MemoryGuardView { limit_octets, resident_octets, sessions_ended, last_ended } = view;
    let last_peer = match last_ended {
        Some((key, _)) => {
            let entries = api.ask_daemon(DaemonRequest::Peers).await?;
            entries.into_iter().find(|entry| entry.key == key).map(|entry| entry.config.name.clone())
        }
        None => None,
    };
    Ok(MemoryGuard {
        limit_bytes: limit_octets,
        resident_bytes: resident_octets,
        sessions_ended,
        last_peer,
        last_ended_seconds: last_ended.map(|(_, ago)| ago.as_secs()),
    })
}
