//! What this node announces of its own: networks by configuration, and routes that the kernel has.

use margay_forwarding::Discard;
use serde::{Deserialize, Serialize};

/// How a network is originated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct NetworkOptions {
    /// What the forwarding table does with packets that no more specific route wants; `None` leaves it alone.
    pub hold: Option<Discard>,
    /// The routes of the kernel inside the network are not announced, unless they are of elevated priority.
    pub suppress_more_specific: bool,
    /// The network is announced only while the kernel has a foreign route to exactly this prefix.
    pub require_route: bool,
}

/// Whether a route is preferred to ordinary ones: its metric is lower than theirs. A route without a metric is ordinary.
pub(crate) fn is_elevated(metric: u32, normal: u32) -> bool {
    (1..normal).contains(&metric)
}
