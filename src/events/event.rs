//! An event.

use std::net::SocketAddr;

use bgp_codec::Prefix;
use margay_rib::RouteView;
use tokio::time::Instant;

/// An event, and when it happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// The time.
    pub at: Instant,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A session was established.
    SessionUp {
        /// The peer's name.
        peer: String,
        /// The peer's end of the connection.
        address: SocketAddr,
    },
    /// An established session ended.
    SessionDown {
        /// The peer's name.
        peer: String,
        /// Why, in words.
        reason: String,
    },
    /// The best route to a watched prefix changed.
    BestRoute {
        /// The destination.
        prefix: Prefix,
        /// The best route; `None` if there is none any more.
        route: Option<Box<RouteView>>,
    },
    /// The configuration was read again.
    Reload {
        /// Whether it was refused, so that nothing changed.
        is_refused: bool,
        /// Number of errors.
        errors: usize,
        /// Number of changed objects.
        changes: usize,
    },
    /// The kernel does not hold what is wanted at a prefix.
    KernelRefused {
        /// The destination.
        prefix: Prefix,
        /// Why, in words.
        reason: String,
    },
    /// So many changes of best routes at once that this number of them was left out.
    Lost(u64),
}
