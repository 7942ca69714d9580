//! The kernel's routing table as the daemon keeps it.

use ipnet::IpNet;
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
    /// Further routing tables that every route is put into, too.
    pub more_tables: Vec<u32>,
    /// Routes the daemon wants in the kernel.
    pub wanted: u64,
    /// Those of them that the kernel has as wanted.
    pub installed: u64,
    /// Prefixes at which something is to be asked of the kernel.
    pub pending: u64,
    /// Some of them.
    pub pending_prefixes: Vec<IpNet>,
    /// Prefixes at which the kernel refused a route, or something stands in the way.
    pub refused: u64,
    /// Some of them. Each is tried again when links, addresses or routes change, and at growing intervals.
    pub failed: Vec<FailedRoute>,
    /// Routes an earlier run left behind and that are not needed so far; they go when the restart window ends.
    pub stale: u64,
    /// Routes of others in the same tables.
    pub foreign: u64,
    /// Next hop objects the kernel has from the daemon; `None` where routes name their gateways.
    pub nexthop_objects: Option<u64>,
    /// How often somebody else changed or removed a route of the daemon, which was then repaired.
    pub disturbances: u64,
    /// How often the kernel's routes were read as a whole: once at the start, and after events were lost.
    pub readings: u64,
    /// Subnets attached to this node: next hops inside them are reachable.
    pub connected: Vec<ConnectedSubnet>,
}

/// A prefix at which the kernel does not hold what is wanted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FailedRoute {
    /// The destination.
    pub prefix: IpNet,
    /// Why, in the kernel's words or ours.
    pub reason: String,
}

/// A subnet attached to an interface that is up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectedSubnet {
    /// The subnet.
    pub prefix: IpNet,
    /// The kernel's index of the interface.
    pub interface: u32,
}
