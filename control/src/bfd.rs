//! BFD sessions, which monitor the paths to peers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All BFD sessions, in the order of the peers' addresses: `GET /v1/bfd`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct BfdSessions {
    /// One for each peer whose path is monitored now.
    pub sessions: Vec<BfdSession>,
}

/// One BFD session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct BfdSession {
    /// The name of the peer; `None` when its BGP session has ended and the remote system is being informed.
    pub peer: Option<String>,
    /// The address of the remote system.
    #[schema(value_type = String)]
    pub remote_address: IpAddr,
    /// The source address of packets.
    #[schema(value_type = String)]
    pub local_address: IpAddr,
    /// Whether the remote system may be several hops away (RFC 5883).
    pub multihop: bool,
    /// `up`, `init`, `down` or `admin down`.
    pub state: String,
    /// Seconds since the session came up or went down.
    pub since_seconds: u64,
    /// How often the path failed since the BGP session was established.
    pub failures: u64,
    /// Why this system's session last went down, in the words of RFC 5880 §4.1.
    pub diagnostic: String,
    /// The state that the remote system last sent; `None` while it is not heard.
    pub remote_state: Option<String>,
    /// The diagnostic that the remote system last sent.
    pub remote_diagnostic: Option<String>,
    /// The interval between packets sent, before jitter, in microseconds.
    pub transmit_interval_microseconds: u64,
    /// How long the remote system may be silent, in microseconds; `None` while it is not heard.
    pub detection_time_microseconds: Option<u64>,
    /// This system's discriminator of the session.
    pub local_discriminator: u32,
    /// The remote system's discriminator, once heard.
    pub remote_discriminator: Option<u32>,
}

/// How the path to a peer is monitored.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PathMonitoring {
    /// The session; `None` while the BGP session is not established.
    pub session: Option<BfdSession>,
    /// Why the path is not monitored as the configuration says.
    pub error: Option<String>,
}
