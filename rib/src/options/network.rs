//! What this node announces of its own: networks by configuration, and routes that the kernel has.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a network is originated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct NetworkOptions {
    /// What the forwarding table does with packets that no more specific route wants; `None` leaves it alone.
    pub hold: Option<Discard>,
    /// The routes of the kernel inside the network are not announced, unless they are of elevated priority.
    pub suppress_more_specific: bool,
    /// The network is announced only while the kernel has a route of somebody else to exactly this prefix.
    pub require_route: bool,
}

/// A route that the kernel has beside our own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct KernelRouteView {
    /// Its metric.
    pub metric: u32,
    /// Whether it is to be announced; otherwise it only counts for networks that require it.
    pub announced: bool,
}

/// Whether a route is preferred to ordinary ones: its metric is lower than theirs. A route without a metric is ordinary.
pub(crate) fn is_elevated(metric: u32, normal: u32) -> bool {
    (1..normal).contains(&metric)
}

/// How packets are dropped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum Discard {
    /// Without a word.
    Blackhole,
    /// The sender is told that the destination is unreachable.
    Unreachable,
    /// The sender is told that the destination is administratively prohibited.
    Prohibit,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
        })
    }
}
