//! The kernel's routing table as the daemon keeps it.

use serde::{Deserialize, Serialize};

/// What the daemon does in the kernel: `GET /v1/kernel`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KernelStatus {
    /// Whether the configuration has a `[kernel]` section; without it all else is zero or empty.
    pub enabled: bool,
    /// The routing table.
    pub table: u32,
    /// The route protocol number that marks the daemon's routes.
    pub protocol: u8,
    /// The metric of the daemon's routes.
    pub metric: u32,
    /// The most next hops a route has.
    pub multipath: u32,
    /// Routes the kernel has from the daemon.
    pub installed: u64,
    /// Routes an earlier run left behind and that are not needed so far; they go when the restart window ends.
    pub stale: u64,
    /// Routes the kernel refused. Each is tried again when links or addresses change.
    pub failed: Vec<FailedRoute>,
    /// Subnets attached to this node: next hops inside them are reachable.
    pub connected: Vec<ConnectedSubnet>,
}

/// A route that the kernel refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FailedRoute {
    /// The destination.
    pub prefix: String,
    /// Why, in the kernel's words or ours.
    pub reason: String,
}

/// A subnet attached to an interface that is up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectedSubnet {
    /// The subnet.
    pub prefix: String,
    /// The kernel's index of the interface.
    pub interface: u32,
}
