//! Peers and their sessions.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{LeftOutObject, PathMonitoring};

/// All peers, in the order of their names: `GET /v1/peers`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Peers {
    /// One summary a peer.
    pub peers: Vec<PeerSummary>,
    /// Peers and ranges that are left out of the configuration, because they have errors.
    #[serde(default)]
    pub left_out: Vec<LeftOutObject>,
}

/// A peer in one line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PeerSummary {
    /// The name in the configuration; the address if it has no name.
    pub name: String,
    /// The peer's address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// The interface of a link-local address; `None` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The port that is connected to.
    #[serde(default)]
    pub port: u16,
    /// Own address of the session; `None` leaves it to the system.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub source_address: Option<IpAddr>,
    /// The peer's AS number; `None` if the configuration has none and the session is down.
    pub remote_asn: Option<u32>,
    /// The AS that the configuration expects: a number, `external`, `internal` or `any`.
    #[serde(default)]
    pub expected_asn: String,
    /// The peer's role towards this speaker.
    pub role: PeerRole,
    /// The operator's description of it.
    pub description: Option<String>,
    /// State of the session.
    pub state: PeerState,
    /// Seconds since the session entered this state.
    pub since_seconds: u64,
    /// Seconds since the session was established; `None` while it is not.
    pub uptime_seconds: Option<u64>,
    /// Prefix counts of all families.
    pub prefixes: PrefixCounts,
    /// Messages of all kinds since the daemon started.
    pub messages: MessageCounts,
    /// Why the last session ended, or why it does not come up.
    pub last_error: Option<String>,
    /// Why the session is kept down: the operator disabled the peer, or it could not be started.
    pub held_down: Option<String>,
    /// The export group it belongs to in each family; empty while the session is down.
    pub export_groups: Vec<ExportGroupMember>,
}

impl PeerSummary {
    /// The address as operators write it: with its interface if it is link-local, as in `fe80::1%eth0`.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{}%{interface}", self.address),
            None => self.address.to_string(),
        }
    }
}

/// Limits on the prefixes that a peer may announce in each family.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PrefixLimit {
    /// Highest number of received prefixes, including refused ones.
    pub received: Option<u32>,
    /// Highest number of accepted prefixes.
    pub accepted: Option<u32>,
    /// Percentage of a limit at which a warning is logged.
    pub warn_percent: u8,
    /// Seconds that the session stays down after the limit ended it; `None` if further prefixes are refused instead.
    pub restart_seconds: Option<u64>,
}

/// Everything about one peer: `GET /v1/peers/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PeerDetail {
    /// The peer's entry in the list of peers.
    #[serde(flatten)]
    pub summary: PeerSummary,
    /// The peer group that it takes settings from.
    pub group: Option<String>,
    /// The range from which a dynamic peer connected; `None` for a configured peer.
    pub dynamic_range: Option<String>,
    /// The cluster of a client.
    #[schema(value_type = Option<String>)]
    pub cluster_id: Option<Ipv4Addr>,
    /// Whether the daemon waits for the peer to connect.
    pub passive: bool,
    /// This speaker's role towards it (RFC 9234): such as `provider`.
    #[serde(default)]
    pub our_role: Option<String>,
    /// Directions in which nothing is exchanged with the peer, because it is external and has no filters there (RFC 8212):
    /// `import`, `export`.
    #[serde(default)]
    pub denied: Vec<String>,
    /// Names of the import filters.
    pub import: Vec<String>,
    /// Names of the export filters.
    pub export: Vec<String>,
    /// Configured families, such as `ipv4-unicast`.
    pub families: Vec<String>,
    /// Highest number of paths to a prefix that are sent, the best ones, if several are sent (RFC 7911);
    /// `None` for all.
    pub max_paths_sent: Option<u16>,
    /// This speaker's AS number towards the peer, if it is another than its own.
    #[serde(default)]
    pub local_asn: Option<LocalAsn>,
    /// What becomes of private AS numbers in routes to it: `removed` or `replaced`; `None` for nothing.
    #[serde(default)]
    pub private_asns: Option<String>,
    /// Whether it is a client of this route server (RFC 7947).
    #[serde(default)]
    pub route_server_client: bool,
    /// How the next hop of routes to it is set: `auto`, `self`, `keep`, or addresses.
    #[serde(default)]
    pub next_hop: String,
    /// Limits on the prefixes that it may announce in each family; `None` for no limit.
    pub prefix_limit: Option<PrefixLimit>,
    /// Prefixes of the peer that are refused because as many are accepted as its limit allows.
    #[serde(default)]
    pub over_limit: u64,
    /// Announcements in this session that were dropped because as many prefixes were received as the limit allows.
    #[serde(default)]
    pub dropped: u64,
    /// Routes that are withheld from the peer because they exceed its longest message.
    #[serde(default)]
    pub too_long: u64,
    /// Families for which the peer has sent End-of-RIB (RFC 4724 §2).
    pub end_of_rib_received: Vec<String>,
    /// Families for which End-of-RIB has been sent to the peer.
    pub end_of_rib_sent: Vec<String>,
    /// Terms that both sides agreed on; `None` while the session is not established.
    pub negotiated: Option<NegotiatedSession>,
    /// The peer's restart, while its routes are kept without a session.
    #[serde(default)]
    pub absence: Option<PeerAbsence>,
    /// How the path to the peer is monitored; `None` when that is left to the session.
    #[serde(default)]
    pub path: Option<PathMonitoring>,
    /// Timers as configured and as they run.
    pub timers: SessionTimers,
    /// Own end of the TCP connection.
    #[schema(value_type = Option<String>)]
    pub local_address: Option<SocketAddr>,
    /// The peer's end of the TCP connection.
    #[schema(value_type = Option<String>)]
    pub remote_address: Option<SocketAddr>,
}

/// An AS number of this speaker towards one peer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct LocalAsn {
    /// The number.
    pub asn: u32,
    /// Whether it is prepended to the AS path of routes from the peer.
    pub prepend: bool,
    /// Whether routes to the peer carry it alone.
    pub replace: bool,
}

/// A peer that restarts: its routes are kept without a session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PeerAbsence {
    /// Seconds until routes of it go.
    pub seconds_left: u64,
    /// Its routes are a last resort, since it did not come back within its restart time (RFC 9494).
    pub long_lived: bool,
}

/// What a peer is to this speaker.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// It belongs to another AS.
    External,
    /// It belongs to another member AS of the same confederation (RFC 5065).
    Confederation,
    /// It may belong to any AS, and its session is down.
    Unknown,
    /// It belongs to this AS, and is not a client of this reflector.
    NonClient,
    /// It is a client of this reflector (RFC 4456).
    Client,
}

/// The states of a session (RFC 4271 §8.2.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// Not connecting: administratively down, or waiting after an error.
    Idle,
    /// Connecting.
    Connect,
    /// Waiting for the peer to connect, or for the next attempt.
    Active,
    /// Connected; the peer's OPEN is awaited.
    OpenSent,
    /// OPENs are exchanged; the peer's KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

/// Numbers of prefixes of a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PrefixCounts {
    /// Paths the peer has announced and not withdrawn.
    pub received: u64,
    /// Paths that passed the checks and the import filters.
    pub accepted: u64,
    /// Prefixes announced to the peer.
    pub advertised: u64,
}

/// Numbers of messages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct MessageCounts {
    /// Messages from the peer.
    pub received: u64,
    /// Messages to the peer.
    pub sent: u64,
    /// UPDATEs among the received messages.
    pub updates_received: u64,
    /// UPDATEs among the sent messages.
    pub updates_sent: u64,
}

/// A peer's membership in an export group.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ExportGroupMember {
    /// The family, such as `ipv4-unicast`.
    pub family: String,
    /// The group's number; peers of one group are sent the same octets.
    pub group: u64,
    /// Number of peers in it.
    pub members: u64,
}

/// Terms of an established session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct NegotiatedSession {
    /// The peer's BGP identifier.
    #[schema(value_type = String)]
    pub router_id: Ipv4Addr,
    /// Families that both sides announced.
    pub families: Vec<String>,
    /// Families in which the peer sends path identifiers (ADD-PATH).
    pub path_ids_received: Vec<String>,
    /// Families in which path identifiers are sent to the peer (ADD-PATH).
    pub path_ids_sent: Vec<String>,
    /// The hold time in force; with zero, silence never ends the session.
    pub hold_time_seconds: u64,
    /// The interval of our KEEPALIVEs; zero means none.
    pub keepalive_seconds: u64,
    /// Capabilities in force, such as `4-octet AS numbers` or `route refresh`.
    pub capabilities: Vec<String>,
    /// The peer refused an OPEN with capabilities, so that none are in force.
    #[serde(default)]
    pub capabilities_refused: bool,
    /// The name of the peer's host, if it says so.
    #[serde(default)]
    pub hostname: Option<String>,
    /// The software of the peer, if it says so.
    #[serde(default)]
    pub software_version: Option<String>,
    /// Capabilities the peer announced.
    pub peer_capabilities: Vec<String>,
}

/// Timers of a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct SessionTimers {
    /// The configured hold time.
    pub hold_time_seconds: u64,
    /// The least hold time that is accepted from the peer; `None` for any.
    #[serde(default)]
    pub min_hold_time_seconds: Option<u64>,
    /// The configured time between attempts to connect.
    pub connect_retry_seconds: u64,
    /// Seconds until the next timer: a retry, a KEEPALIVE, the end of the hold time.
    pub next_timeout_seconds: Option<u64>,
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::External => "external",
            Self::Confederation => "confederation",
            Self::Unknown => "unknown",
            Self::NonClient => "internal",
            Self::Client => "client",
        })
    }
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `pad`, so that tables can set a width.
        f.pad(match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        })
    }
}
