//! Options of the routes that this node originates: configured networks, and routes of the kernel.

use margay_forwarding::Discard;
use serde::{Deserialize, Serialize};

/// How a network is originated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct NetworkOptions {
    /// What the forwarding table does with packets that match no more specific route; `None` leaves the
    /// prefix alone.
    pub hold: Option<Discard>,
    /// Whether kernel routes inside the network are not announced, unless their priority is elevated.
    pub suppress_more_specific: bool,
    /// Whether the network is announced only while the kernel has a foreign route to exactly this prefix.
    pub require_route: bool,
}

/// Whether a route has precedence over ordinary ones, by a lower metric. A route without a metric is
/// ordinary.
pub(crate) fn is_elevated(metric: u32, normal: u32) -> bool {
    (1..normal).contains(&metric)
}
