//! A route that the kernel holds, and how its next hops are lost.

use std::collections::BTreeSet;

use margay_fib::RouteShape;

/// A route that the kernel holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) shape: RouteShape,
    /// The interfaces whose next hops are dead.
    pub(crate) dead: BTreeSet<u32>,
}

/// How next hops over a link are lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    Down,
    /// IPv4 only.
    LastAddress,
    Deleted,
}
