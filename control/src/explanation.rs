//! Why a prefix is routed as it is.

use serde::{Deserialize, Serialize};

use crate::route::Route;

/// All that is known about one prefix: `GET /v1/explain`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The prefix.
    pub prefix: String,
    /// Every path to it, the chosen one first; rejected ones included.
    pub paths: Vec<ExplainedPath>,
    /// What the kernel was asked to do; `None` when the daemon runs without a kernel.
    pub installation: Option<Installation>,
    /// Every established peer, and whether it is told.
    pub advertisements: Vec<Advertisement>,
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
    /// A route through these next hops.
    Installed {
        /// One or, with multipath, several.
        next_hops: Vec<String>,
    },
    /// A blackhole route, which holds an aggregate of this node.
    Blackhole,
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
}
