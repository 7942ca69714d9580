//! What the forwarding table shall hold, and which subnets are attached to this node.

use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};

/// Where packets for a prefix go.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Forwarding {
    /// They are dropped: the aggregate of a block whose addresses are not all in use.
    Blackhole,
    /// They go to one of these next hops: at least one, sorted, each reachable.
    Via(Arc<[NextHop]>),
}

/// One change of the wanted forwarding table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForwardingChange {
    /// The destination.
    pub prefix: Prefix,
    /// What replaces the present route; `None` removes it.
    pub forwarding: Option<Forwarding>,
}

/// A subnet attached to an interface that is up: next hops inside it are reachable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectedRoute {
    /// The subnet.
    pub prefix: Prefix,
    /// The kernel's index of the interface.
    pub interface: u32,
}
