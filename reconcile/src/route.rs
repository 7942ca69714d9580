//! Routes.

use std::net::IpAddr;

use crate::LinkName;

/// The kernel's main routing table.
pub const MAIN_TABLE: u32 = 254;

/// Where packets to a destination go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The way.
    pub target: RouteTarget,
    /// The source address of the node's own packets; the kernel chooses without one.
    pub source: Option<IpAddr>,
    /// The scope. The kernel has one for IPv4 only; an IPv6 route is always [`RouteScope::Universe`].
    pub scope: RouteScope,
}

/// The way of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteTarget {
    /// The destination is on the link.
    Link(LinkName),
    /// By a gateway.
    Gateway {
        /// The gateway.
        gateway: IpAddr,
        /// The link.
        link: LinkName,
        /// True when the gateway counts as reachable on the link although no subnet says so.
        is_onlink: bool,
    },
    /// Packets are dropped.
    Blackhole,
    /// A way that is never wanted here, such as several next hops. Differs from every wanted one.
    Other,
}

/// How far away a destination is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteScope {
    /// Anywhere.
    Universe,
    /// On the link.
    Link,
    /// Another one, by number.
    Other(u8),
}

impl Route {
    /// The link that it leads over.
    #[must_use]
    pub const fn link(&self) -> Option<&LinkName> {
        match &self.target {
            RouteTarget::Link(link) | RouteTarget::Gateway { link, .. } => Some(link),
            RouteTarget::Blackhole | RouteTarget::Other => None,
        }
    }
}
