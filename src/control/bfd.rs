//! BFD sessions as the control API shows them.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use margay_bfd::Hops;
use margay_control::{BfdSession, BfdSessions, PathMonitoring};

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::bfd::{BfdStatus, interface_of};
use crate::daemon::{DaemonRequest, PeerEntry};

/// The BFD sessions, in the order of the peers' addresses.
#[utoipa::path(get, path = "/v1/bfd", responses((status = 200, body = BfdSessions), Unanswered))]
pub(super) async fn get_bfd(State(api): State<Api>) -> Result<Json<BfdSessions>, ApiError> {
    let entries = api.ask_daemon(DaemonRequest::Peers).await?;
    Ok(Json(bfd_sessions(&api.bfd_statuses().await?, &entries)))
}

/// All sessions, with the names of the peers.
fn bfd_sessions(statuses: &[BfdStatus], entries: &[PeerEntry]) -> BfdSessions {
    let mut sessions: Vec<BfdSession> = statuses
        .iter()
        .map(|status| {
            let is_its = |entry: &&PeerEntry| is_of(status, entry);
            session(status, entries.iter().find(is_its).map(|entry| entry.config.name.clone()))
        })
        .collect();
    sessions.sort_by_key(|session| (session.remote_address, session.multihop));
    BfdSessions { sessions }
}

/// How the path to a peer is monitored; `None` when the configuration does not ask for it.
pub(super) fn path_monitoring(statuses: &[BfdStatus], entry: &PeerEntry) -> Option<PathMonitoring> {
    entry.config.bfd.as_ref()?;
    let running = statuses.iter().find(|status| is_of(status, entry));
    Some(PathMonitoring {
        session: running.map(|status| session(status, Some(entry.config.name.clone()))),
        error: entry.path_error.clone(),
    })
}

/// Whether a session monitors the path to a peer, and is not about to leave.
fn is_of(status: &BfdStatus, entry: &PeerEntry) -> bool {
    let established = entry.status.established.as_ref();
    let is_on_its_link =
        established.is_none_or(|session| interface_of(session.peer_address) == status.key.interface);
    status.key.remote == entry.config.address && is_on_its_link && !status.is_leaving
}

fn session(status: &BfdStatus, peer: Option<String>) -> BfdSession {
    let BfdStatus { key, local, path, session, since, is_leaving: _ } = status;
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    BfdSession {
        peer,
        remote_address: key.remote,
        local_address: *local,
        multihop: key.hops == Hops::Multiple,
        state: session.state.to_string(),
        since_seconds: since.as_secs(),
        failures: path.losses,
        diagnostic: session.diagnostic.to_string(),
        remote_state: session.remote_state.map(|state| state.to_string()),
        remote_diagnostic: session.remote_diagnostic.map(|diagnostic| diagnostic.to_string()),
        transmit_interval_microseconds: microseconds(session.transmit_interval),
        detection_time_microseconds: session.detection_time.map(microseconds),
        local_discriminator: session.discriminator.number(),
        remote_discriminator: session.remote_discriminator.map(|discriminator| discriminator.number()),
    }
}
