//! Routes of the kernel other than the daemon's.

use std::sync::Arc;

use bgp_codec::Prefix;
use serde::{Deserialize, Serialize};

/// A foreign route of the kernel.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct KernelRouteView {
    /// Its metric.
    pub metric: u32,
    /// Whether it is to be announced; otherwise it only counts for networks that require it.
    pub announced: bool,
    /// The name of the interface that it leads over, of several the first; a route that drops packets has none.
    pub interface: Option<Arc<str>>,
}

/// A subnet directly connected to an interface that is up.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectedRoute {
    /// The subnet.
    pub prefix: Prefix,
    /// The kernel's index of the interface.
    pub interface: u32,
}
