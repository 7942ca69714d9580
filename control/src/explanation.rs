//! Why a prefix is routed as it is.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::route::Route;

/// All that is known about one prefix: `GET /v1/explain`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The prefix.
    pub prefix: IpNet,
    /// Every path to it, the chosen one first; rejected ones included.
    pub paths: Vec<ExplainedPath>,
    /// What the kernel was asked to do; `None` when the daemon runs without a kernel.
    pub installation: Option<Installation>,
    /// What the kernel holds for exactly this prefix, routes of others too.
    pub kernel_routes: Vec<KernelRoute>,
    /// Every established peer, and whether it is told.
    pub advertisements: Vec<Advertisement>,
    /// The way of its paths through filters: each path on import, and the chosen one on export.
    #[serde(default)]
    pub filters: Vec<FilterPass>,
}

/// The way of a path through the filters of a peer, or of several with equal ones.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FilterPass {
    /// Whether it came from the peers or is to go to them.
    pub direction: FilterDirection,
    /// The names of the peers that the filters work for.
    pub peers: Vec<String>,
    /// The number that the peer gave the path, where it gave one (RFC 7911).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_id: Option<u32>,
    /// The rules in the order in which they were asked.
    pub rules: Vec<AskedRule>,
    /// What became of the path, such as `rejected by filter tor-in, rule 2 (line 14)`.
    pub verdict: String,
}

/// The direction in which a filter works.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterDirection {
    /// For what a peer announces.
    Import,
    /// For what is advertised to a peer.
    Export,
}

/// A rule that was asked about a path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AskedRule {
    /// The filter that it stands in.
    pub filter: String,
    /// Its number there; the first is 1.
    pub rule: usize,
    /// The line of the configuration file on which it begins, where it is known.
    pub line: Option<u32>,
    /// Whether the path meets its condition.
    pub matches: bool,
}

/// A path and what became of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ExplainedPath {
    /// The path with its attributes.
    pub route: Route,
    /// What became of it.
    pub status: PathStatus,
}

/// What became of a path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum PathStatus {
    /// It was chosen.
    Best,
    /// It is as good as the chosen one for forwarding, and shares the traffic.
    Multipath,
    /// The chosen one is better.
    Lost {
        /// The step of the decision process that told them apart, such as `shorter AS path`.
        step: String,
    },
    /// A check or an import filter dropped it.
    Rejected {
        /// Which one and why.
        reason: String,
    },
    /// It was accepted but cannot be used, for instance because its next hop is unreachable.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// What the kernel has for a prefix.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Installation {
    /// A route that does this with packets.
    Installed {
        /// One or, with multipath, several, in the words of `ip route`: `via 172.16.0.1 dev eth0`, `blackhole`.
        next_hops: Vec<String>,
    },
    /// None from this daemon.
    NotInstalled {
        /// Why.
        reason: String,
    },
}

/// Whether a peer is told of a prefix.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Advertisement {
    /// The peer's name.
    pub peer: String,
    /// Why it is not told; `None` when it is.
    pub withheld: Option<String>,
    /// How many paths it is told, where it takes several (RFC 7911).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<u64>,
}

/// A route that the kernel holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KernelRoute {
    /// The routing table.
    pub table: u32,
    /// Whether it is the daemon's own.
    pub ours: bool,
    /// The route protocol, by number and name.
    pub protocol: String,
    /// The metric.
    pub metric: u32,
    /// The next hop object that it refers to.
    pub object: Option<u32>,
    /// Where its packets go, in the words of `ip route`.
    pub next_hops: Vec<String>,
}
