//! The daemon as a whole.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::LeftOutObject;

/// The daemon at a glance: `GET /v1/status`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The AS number of this speaker.
    pub asn: u32,
    /// Its BGP identifier.
    #[schema(value_type = String)]
    pub router_id: Ipv4Addr,
    /// Seconds since the daemon started.
    pub uptime_seconds: u64,
    /// The configuration file in force.
    pub config_file: String,
    /// Seconds since that file was read.
    pub config_age_seconds: u64,
    /// Number of configured peers.
    pub peers: u64,
    /// Number of peers with an established session.
    pub peers_established: u64,
    /// What is left out of the configuration, because it has errors.
    #[serde(default)]
    pub left_out: Vec<LeftOutObject>,
    /// Seconds until the last reload is undone unless it is confirmed.
    #[serde(default)]
    pub reload_undone_in_seconds: Option<u64>,
    /// Peers are asked to prefer other paths (RFC 8326).
    pub draining: bool,
    /// Routes of peers are held back after the start, until the peers have announced them.
    #[serde(default)]
    pub holding_back: bool,
    /// The memory guard; `None` if there is none.
    #[serde(default)]
    pub memory_guard: Option<MemoryGuard>,
    /// Sizes of the routing tables.
    pub rib: RibSizes,
    /// Log lines lost because the log was full, closed or too slow.
    pub log_lines_dropped: u64,
    /// Log lines suppressed because there were too many of their kind.
    pub log_lines_limited: u64,
}

/// The bound on the memory of the daemon. When it is exceeded, the session of the peer that has announced most ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct MemoryGuard {
    /// The bound.
    pub limit_bytes: u64,
    /// Resident memory of the daemon when it was last measured.
    pub resident_bytes: u64,
    /// Number of sessions that the guard has ended since the daemon started.
    pub sessions_ended: u64,
    /// The name of the peer whose session it ended last, if that is still configured.
    pub last_peer: Option<String>,
    /// Seconds since the end of that session.
    pub last_ended_seconds: Option<u64>,
}

/// Sizes of the routing tables.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RibSizes {
    /// Number of prefixes with at least one path.
    pub prefixes: u64,
    /// Number of paths of all peers, including rejected ones, and own networks.
    pub paths: u64,
    /// Number of distinct attribute sets.
    pub attribute_sets: u64,
    /// Number of export groups: peers of one group are sent the same octets.
    pub export_groups: u64,
}
