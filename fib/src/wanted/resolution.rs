//! Resolution of a next hop.

use crate::netlink::KernelHop;

/// Resolution of a next hop.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Resolution {
    /// Next hops of packets to it: sorted, without duplicates; empty if it is unreachable.
    pub(crate) hops: Vec<KernelHop>,
    /// Whether only a default route covers it, which does not count.
    pub(crate) behind_default: bool,
}
