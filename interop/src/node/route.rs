//! A route as a router shows it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A route that a router has learned, in the words of no implementation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    pub(crate) prefix: IpNet,
    /// Whether the router uses it.
    pub(crate) best: bool,
    /// The global address, without an accompanying link-local one.
    pub(crate) next_hop: IpAddr,
    /// AS numbers with single spaces, the nearest one first.
    pub(crate) as_path: String,
    /// MULTI_EXIT_DISC; some routers show 0 where there is none.
    pub(crate) med: Option<u32>,
    /// LOCAL_PREF; some routers show their default where none was received.
    pub(crate) local_pref: Option<u32>,
    /// As `65001:100`; well-known ones by their numbers.
    pub(crate) communities: BTreeSet<String>,
    /// As `65001:1:2`.
    pub(crate) large_communities: BTreeSet<String>,
}
