//! Why a prefix is routed as it is.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::route::Route;

/// Everything known about one prefix: `GET /v1/explain`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The prefix.
    #[schema(value_type = String)]
    pub prefix: IpNet,
    /// All paths to it, including rejected ones, the chosen one first.
    pub paths: Vec<ExplainedPath>,
    /// State of its route in the kernel; `None` if the daemon runs without a kernel.
    pub installation: Option<Installation>,
    /// The kernel's routes for exactly this prefix, including foreign ones.
    pub kernel_routes: Vec<KernelRoute>,
    /// Every established peer, and whether the prefix is advertised to it.
    pub advertisements: Vec<Advertisement>,
    /// The evaluation of filters: of each path on import, and of the chosen one on export.
    #[serde(default)]
    pub filters: Vec<FilterPass>,
}

/// The evaluation of a path by the filters of a peer, or of several peers with equal filters.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FilterPass {
    /// Whether the peers announced it or it is to be advertised to them.
    pub direction: FilterDirection,
    /// The names of the peers with these filters.
    pub peers: Vec<String>,
    /// The path identifier that the peer assigned, if any (RFC 7911).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_id: Option<u32>,
    /// The rules in the order of their evaluation.
    pub rules: Vec<AskedRule>,
    /// The verdict, such as `rejected by filter tor-in, rule 2 (line 14)`.
    pub verdict: String,
}

/// Direction of a filter.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterDirection {
    /// Applied to routes from a peer.
    Import,
    /// Applied to routes for a peer.
    Export,
}

/// A rule that was evaluated for a path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AskedRule {
    /// Its filter.
    pub filter: String,
    /// Its number in the filter; the first is 1.
    pub rule: usize,
    /// The line of the configuration file on which it starts, if known.
    pub line: Option<u32>,
    /// Whether the path meets its condition.
    pub matches: bool,
}

/// A path and its status.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ExplainedPath {
    /// The path with its attributes.
    pub route: Route,
    /// Its status.
    pub status: PathStatus,
}

/// Status of a path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum PathStatus {
    /// Chosen.
    Best,
    /// As good as the chosen path for forwarding, and shares the traffic.
    Multipath,
    /// The chosen path is better.
    Lost {
        /// The step of the decision process that decided, such as `shorter AS path`.
        step: String,
    },
    /// Rejected by a check or an import filter.
    Rejected {
        /// Which one, and why.
        reason: String,
    },
    /// Accepted but unusable, for instance because its next hop is unreachable.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// State of a prefix's route in the kernel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Installation {
    /// A route with this effect on packets.
    Installed {
        /// One next hop or, with multipath, several, as in `ip route`: `via 172.16.0.1 dev eth0`,
        /// `blackhole`.
        next_hops: Vec<String>,
    },
    /// No route of this daemon.
    NotInstalled {
        /// Why.
        reason: String,
    },
}

/// Whether a prefix is advertised to a peer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Advertisement {
    /// The peer's name.
    pub peer: String,
    /// Why it is not advertised; `None` if it is.
    pub withheld: Option<String>,
    /// Number of paths that are advertised, if the peer accepts several (RFC 7911).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<u64>,
}

/// A route that the kernel holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct KernelRoute {
    /// The routing table.
    pub table: u32,
    /// Whether it is one of the daemon's own.
    pub ours: bool,
    /// The route protocol, by number and name.
    pub protocol: String,
    /// The metric.
    pub metric: u32,
    /// The next hop object that it refers to.
    pub object: Option<u32>,
    /// Destinations of its packets, as in `ip route`.
    pub next_hops: Vec<String>,
}
