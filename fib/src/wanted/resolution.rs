//! Where a next hop is.

use crate::netlink::KernelHop;

/// Where a next hop is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Resolution {
    /// Where packets to it leave this node: sorted, each once; empty when it cannot be reached.
    pub(crate) hops: Vec<KernelHop>,
    /// Nothing but a default route leads there, which does not count.
    pub(crate) behind_default: bool,
}
