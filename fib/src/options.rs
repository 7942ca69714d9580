//! Options: the tables, marks and metrics of installed routes.

use std::net::IpAddr;

use bgp_codec::Prefix;

use crate::{import::ImportRule, version::Version};

/// Where this daemon installs routes, and how it recognises them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FibOptions {
    /// The routing tables that every route is put into; 254 is `main`.
    pub tables: Vec<u32>,
    /// The route protocol number that marks this daemon's routes.
    pub protocol: u8,
    /// The default metric of routes. The kernel reads 0 as 1024 for IPv6.
    pub metric: u32,
    /// The preferred source addresses of IPv4 and IPv6 routes.
    pub sources: [Option<IpAddr>; 2],
    /// Next hops that are treated as directly connected, whatever the routes say.
    pub onlink: Vec<OnlinkRule>,
    /// Which foreign routes are announced.
    pub imports: Vec<ImportRule>,
    /// Whether routes share next hop objects, if the kernel has them.
    pub nexthop_objects: bool,
    /// Whether a next hop that no other route covers is resolved through a default route.
    pub resolve_via_default: bool,
}

/// Next hops that are treated as directly connected to a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnlinkRule {
    /// The next hops.
    pub next_hops: Prefix,
    /// Name of the link.
    pub interface: String,
}

impl FibOptions {
    pub(crate) fn source(&self, version: Version) -> Option<IpAddr> {
        self.sources[version.index()]
    }
}
