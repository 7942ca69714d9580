//! The daemon's routes in the kernel's routing table.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// State of the kernel's routing table: `GET /v1/kernel`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct KernelStatus {
    /// Whether the configuration has a `[kernel]` section; if not, everything else is zero or empty.
    pub enabled: bool,
    /// The routing table.
    pub table: u32,
    /// The route protocol number that marks the daemon's routes.
    pub protocol: u8,
    /// The metric of the daemon's routes.
    pub metric: u32,
    /// Highest number of next hops of a route.
    pub multipath: u32,
    /// Further routing tables in which every route is installed.
    pub more_tables: Vec<u32>,
    /// Number of wanted routes.
    pub wanted: u64,
    /// Number of wanted routes that the kernel has.
    pub installed: u64,
    /// Number of prefixes with a pending request to the kernel.
    pub pending: u64,
    /// Some of these prefixes.
    #[schema(value_type = Vec<String>)]
    pub pending_prefixes: Vec<IpNet>,
    /// Number of prefixes at which the kernel refused a route, or another route is in the way.
    pub refused: u64,
    /// Some of these prefixes. Each is tried again when links, addresses or routes change, and at growing
    /// intervals.
    pub failed: Vec<FailedRoute>,
    /// Number of routes of an earlier run that are not needed so far; they are removed when the restart
    /// window ends.
    pub stale: u64,
    /// Number of foreign routes in the same tables.
    pub foreign: u64,
    /// Number of the daemon's next hop objects in the kernel; `None` if routes name their gateways.
    pub nexthop_objects: Option<u64>,
    /// How often another program changed or removed a route of the daemon, which was then restored.
    pub disturbances: u64,
    /// How often all routes of the kernel were read: once at the start, and after events were lost.
    pub readings: u64,
    /// Subnets directly connected to this node: next hops inside them are reachable.
    pub connected: Vec<ConnectedSubnet>,
}

/// A prefix at which the kernel does not hold what is wanted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FailedRoute {
    /// The destination.
    #[schema(value_type = String)]
    pub prefix: IpNet,
    /// The reason, from the kernel or from the daemon.
    pub reason: String,
}

/// A subnet directly connected to an interface that is up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ConnectedSubnet {
    /// The subnet.
    #[schema(value_type = String)]
    pub prefix: IpNet,
    /// The kernel's index of the interface.
    pub interface: u32,
}
