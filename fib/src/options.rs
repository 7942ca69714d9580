//! Where routes are put, and how.

use std::net::IpAddr;

use bgp_codec::Prefix;

use crate::{import::ImportRule, version::Version};

/// Where this daemon's routes are put and how they are told from others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FibOptions {
    /// The routing tables that every route is put into; 254 is `main`.
    pub tables: Vec<u32>,
    /// The route protocol number that marks this daemon's routes.
    pub protocol: u8,
    /// The metric of routes that ask for no other. The kernel reads 0 as 1024 for IPv6.
    pub metric: u32,
    /// The preferred source addresses of IPv4 and IPv6 routes.
    pub sources: [Option<IpAddr>; 2],
    /// Next hops that are taken to be on a link whatever the routes say.
    pub onlink: Vec<OnlinkRule>,
    /// Which routes of others are announced.
    pub imports: Vec<ImportRule>,
    /// Whether routes share next hop objects, where the kernel has them.
    pub nexthop_objects: bool,
}

/// Next hops that are taken to be on a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnlinkRule {
    /// Where the next hops are.
    pub next_hops: Prefix,
    /// The name of the link.
    pub interface: String,
}

impl FibOptions {
    pub(crate) fn source(&self, version: Version) -> Option<IpAddr> {
        self.sources[version.index()]
    }
}
