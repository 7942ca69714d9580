//! RPKI caches.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The caches that routes are validated with: `GET /v1/rpki`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RpkiCaches {
    /// The caches in the order of their addresses.
    pub caches: Vec<RpkiCache>,
}

/// A cache of validated payloads (RFC 8210).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RpkiCache {
    /// Address and port of the cache.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// Whether there is a connection.
    pub connected: bool,
    /// The version of the protocol that is in use, or tried.
    pub version: u8,
    /// The session of the cache, once a transfer was complete.
    pub session: Option<u16>,
    /// The number of the data.
    pub serial: Option<u32>,
    /// Payloads for IPv4.
    pub ipv4_payloads: u64,
    /// Payloads for IPv6.
    pub ipv6_payloads: u64,
    /// Seconds since the last complete transfer.
    pub updated_seconds_ago: Option<u64>,
    /// Seconds until the payloads are dropped, unless they are refreshed.
    pub expires_in_seconds: Option<u64>,
    /// Why the last connection ended, or could not be made.
    pub last_error: Option<String>,
}
