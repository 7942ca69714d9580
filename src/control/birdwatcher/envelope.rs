//! What all answers have in common: their frame, the clock, and the names of peers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use margay_bird_ctl::UnixTime;
use serde::Serialize;

use crate::control::api::Api;
use crate::control::error::ApiError;
use crate::daemon::{DaemonRequest, PeerEntry};

/// What every answer has besides its own content.
#[derive(Serialize)]
pub(super) struct Envelope<T> {
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
    pub(super) fn new(content: T, clock: Clock) -> Self {
        let now = clock.now_rfc3339();
        let cache_status = BTreeMap::from([("cached_at", BTreeMap::from([("date", now.clone())]))]);
        let api = ApiStatus { version: env!("CARGO_PKG_VERSION"), result_from_cache: false, cache_status };
        Self { api, ttl: now, content }
    }
}

/// The peer of this name, in the form that stands in paths.
pub(super) async fn peer(api: &Api, protocol: &str) -> Result<PeerEntry, ApiError> {
    let peers = api.ask_daemon(DaemonRequest::Peers).await?;
    let is_meant = |peer: &PeerEntry| protocol_name(&peer.config.name) == protocol;
    peers
        .into_iter()
        .find(is_meant)
        .ok_or_else(|| ApiError::not_found(format!("{protocol} is not the name of a peer")))
}

/// The name of a peer as a segment of a path.
pub(super) fn protocol_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The wall clock at an answer.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    now: UnixTime,
}

impl Clock {
    pub(super) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { now: UnixTime(since_epoch.as_secs()) }
    }

    /// The time this long ago, such as `2026-11-30 16:34:22`, in UTC.
    pub(super) fn before(self, ago: Duration) -> String {
        UnixTime(self.now.0.saturating_sub(ago.as_secs())).to_string()
    }

    fn now_rfc3339(self) -> String {
        format!("{}Z", self.now.to_string().replace(' ', "T"))
    }
}
