//! Peers and their sessions.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{LeftOutObject, PathMonitoring};

/// All peers, in the order of their names: `GET /v1/peers`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Peers {
    /// One summary a peer.
    pub peers: Vec<PeerSummary>,
    /// Peers and ranges that are left out of the configuration, because they have errors.
    #[serde(default)]
    pub left_out: Vec<LeftOutObject>,
}

/// A peer in one line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PeerSummary {
    /// The name in the configuration; the address where none is given.
    pub name: String,
    /// The peer's address.
    pub address: IpAddr,
    /// The AS the peer belongs to.
    pub remote_asn: u32,
    /// What the peer is to this speaker.
    pub role: PeerRole,
    /// The operator's words about it.
    pub description: Option<String>,
    /// Where the session stands.
    pub state: PeerState,
    /// Seconds since the session entered this state.
    pub since_seconds: u64,
    /// Seconds since the session was established; `None` while it is not.
    pub uptime_seconds: Option<u64>,
    /// Prefixes of all families.
    pub prefixes: PrefixCounts,
    /// Messages of all kinds since the daemon started.
    pub messages: MessageCounts,
    /// What ended the last session, or kept it from coming up.
    pub last_error: Option<String>,
    /// Why the session is not to come up: the operator disabled the peer, or it could not be started.
    pub held_down: Option<String>,
    /// The export group it belongs to in each family; empty while the session is down.
    pub export_groups: Vec<ExportGroupMember>,
}

/// How many prefixes a peer may announce in each family.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PrefixLimit {
    /// The most received, refused ones included.
    pub received: Option<u32>,
    /// The most accepted.
    pub accepted: Option<u32>,
    /// At which share of a limit a warning is logged, in percent.
    pub warn_percent: u8,
    /// Seconds that the session stays down after it was ended for the limit.
    pub restart_seconds: u64,
}

/// Everything about one peer: `GET /v1/peers/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PeerDetail {
    /// What the list of peers says of it.
    #[serde(flatten)]
    pub summary: PeerSummary,
    /// The peer group its settings come from.
    pub group: Option<String>,
    /// The range that a dynamic peer dialed in from; `None` for one that is configured itself.
    pub dynamic_range: Option<String>,
    /// The cluster of a client.
    pub cluster_id: Option<Ipv4Addr>,
    /// Whether it waits for the peer to dial.
    pub passive: bool,
    /// Names of the import filters.
    pub import: Vec<String>,
    /// Names of the export filters.
    pub export: Vec<String>,
    /// Families the configuration asks for, such as `ipv4-unicast`.
    pub families: Vec<String>,
    /// The most paths to a prefix that are sent where several are (RFC 7911), the best ones; `None` for all.
    pub max_paths_sent: Option<u16>,
    /// How many prefixes it may announce in each family; `None` for any number.
    pub prefix_limit: Option<PrefixLimit>,
    /// Routes that are withheld from the peer because they do not fit into its messages.
    #[serde(default)]
    pub too_long: u64,
    /// Families of which the peer has told its whole table (End-of-RIB, RFC 4724 §2).
    pub end_of_rib_received: Vec<String>,
    /// Families of which the peer has been told the whole table.
    pub end_of_rib_sent: Vec<String>,
    /// What both sides agreed on; `None` while the session is not established.
    pub negotiated: Option<NegotiatedSession>,
    /// The peer's restart, while its routes are kept without a session.
    #[serde(default)]
    pub absence: Option<PeerAbsence>,
    /// How the path to the peer is monitored; `None` when that is left to the session.
    #[serde(default)]
    pub path: Option<PathMonitoring>,
    /// Timers as configured and as they run.
    pub timers: SessionTimers,
    /// This end of the TCP connection.
    pub local_address: Option<SocketAddr>,
    /// The peer's end of the TCP connection.
    pub remote_address: Option<SocketAddr>,
}

/// A peer that restarts: its routes are kept without a session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PeerAbsence {
    /// Seconds until routes of it go.
    pub seconds_left: u64,
    /// Its routes are a last resort, since it did not come back within its restart time (RFC 9494).
    pub long_lived: bool,
}

/// What a peer is to this speaker.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// It belongs to another AS.
    External,
    /// It belongs to this AS, and is no client of this reflector.
    NonClient,
    /// It is a client of this reflector (RFC 4456).
    Client,
}

/// The states of a session (RFC 4271 §8.2.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// Not trying: administratively down, or waiting after an error.
    Idle,
    /// Dialing.
    Connect,
    /// Waiting for the peer to dial, or to dial again.
    Active,
    /// Connected; the peer's OPEN is awaited.
    OpenSent,
    /// OPENs are exchanged; the peer's KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

/// Numbers of prefixes a session carries.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PrefixCounts {
    /// Paths the peer has announced and not withdrawn.
    pub received: u64,
    /// Those that passed the checks and the import filters.
    pub accepted: u64,
    /// Prefixes announced to the peer.
    pub advertised: u64,
}

/// Numbers of messages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct MessageCounts {
    /// Messages from the peer.
    pub received: u64,
    /// Messages to the peer.
    pub sent: u64,
    /// UPDATEs among the received.
    pub updates_received: u64,
    /// UPDATEs among the sent.
    pub updates_sent: u64,
}

/// A peer's place in an export group.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ExportGroupMember {
    /// The family, such as `ipv4-unicast`.
    pub family: String,
    /// The group's number; peers with the same one are sent the same octets.
    pub group: u64,
    /// How many peers there are in it.
    pub members: u64,
}

/// What both sides of an established session agreed on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NegotiatedSession {
    /// The peer's BGP identifier.
    pub router_id: Ipv4Addr,
    /// Families both announced.
    pub families: Vec<String>,
    /// Families in which the peer's routes come with path identifiers (ADD-PATH).
    pub path_ids_received: Vec<String>,
    /// Families in which routes are sent to the peer with path identifiers (ADD-PATH).
    pub path_ids_sent: Vec<String>,
    /// The hold time in force; zero means that silence never ends the session.
    pub hold_time_seconds: u64,
    /// The interval of our KEEPALIVEs; zero means none.
    pub keepalive_seconds: u64,
    /// Capabilities in force, such as `4-octet AS numbers` or `route refresh`.
    pub capabilities: Vec<String>,
    /// Capabilities the peer announced.
    pub peer_capabilities: Vec<String>,
}

/// Timers of a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionTimers {
    /// The configured hold time.
    pub hold_time_seconds: u64,
    /// The configured time between attempts to connect.
    pub connect_retry_seconds: u64,
    /// Seconds until the next thing happens on its own: a retry, a KEEPALIVE, the end of the hold time.
    pub next_timeout_seconds: Option<u64>,
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::External => "external",
            Self::NonClient => "internal",
            Self::Client => "client",
        })
    }
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `pad`, so that a table may ask for a width.
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
