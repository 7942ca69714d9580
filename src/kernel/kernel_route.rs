//! A route as the kernel tells it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{Ipv4Prefix, Ipv6Prefix, Prefix};
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RouteType,
        RouteVia,
    },
};

use super::path::Path;

/// A route of any table, with what is needed to recognise it and to compare it with a wanted one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KernelRoute {
    pub(super) prefix: Prefix,
    pub(super) table: u32,
    pub(super) protocol: u8,
    pub(super) metric: u32,
    pub(super) kind: RouteKind,
    /// In the kernel's order; empty for kinds that forward nothing.
    pub(super) hops: Vec<KernelHop>,
    /// Whether the route has something this daemon never sets: a source address, weights, an encapsulation...
    pub(super) decorated: bool,
}

/// What the kernel does with a packet that meets the route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RouteKind {
    Unicast,
    Blackhole,
    /// Local, broadcast, unreachable and whatever this daemon never installs.
    Other,
}

/// One next hop of a [`KernelRoute`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct KernelHop {
    /// `None`: the destination is attached to the interface.
    pub(super) gateway: Option<IpAddr>,
    /// The interface's index; 0 where the kernel names none.
    pub(super) interface: u32,
}

impl KernelRoute {
    /// Decodes the payload of RTM_NEWROUTE or RTM_DELROUTE.
    ///
    /// `None` for what cannot concern this daemon: other families, cached clones, source-specific routes and routes
    /// for one type of service, and payloads that cannot be read.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let message = RouteMessage::parse(payload)
            .inspect_err(|error| tracing::debug!(%error, "a route message of the kernel cannot be read"))
            .ok()?;
        let header = &message.header;
        if header.tos != 0 || header.source_prefix_length != 0 || header.flags.contains(RouteFlags::Cloned) {
            return None;
        }
        let prefix = prefix(header, &message.attributes)?;
        let kind = match header.kind {
            RouteType::Unicast => RouteKind::Unicast,
            RouteType::BlackHole => RouteKind::Blackhole,
            _ => RouteKind::Other,
        };
        let mut route = Self {
            prefix,
            table: u32::from(header.table),
            protocol: u8::from(header.protocol),
            metric: 0,
            kind,
            hops: Vec::new(),
            decorated: false,
        };
        route.take_attributes(&message.attributes);
        Some(route)
    }

    /// Whether the route forwards exactly as `path` says.
    pub(super) fn follows(&self, path: &Path) -> bool {
        if self.decorated {
            return false;
        }
        match path {
            Path::Blackhole => self.kind == RouteKind::Blackhole,
            Path::Hops(hops) => {
                self.kind == RouteKind::Unicast
                    && hops.len() == self.hops.len()
                    && hops.iter().all(|hop| self.hops.iter().any(|held| hop.is_followed_by(held)))
            }
        }
    }

    fn take_attributes(&mut self, attributes: &[RouteAttribute]) {
        let mut hop = KernelHop { gateway: None, interface: 0 };
        let mut multipath = None;
        for attribute in attributes {
            match attribute {
                RouteAttribute::Table(table) => self.table = *table,
                RouteAttribute::Priority(metric) => self.metric = *metric,
                RouteAttribute::MultiPath(hops) => multipath = Some(hops),
                attribute => self.decorated |= !hop.take(attribute),
            }
        }
        if self.kind != RouteKind::Unicast {
            return;
        }
        match multipath {
            Some(hops) => {
                self.decorated |= hops.iter().any(|hop| hop.hops != 0);
                self.hops = hops.iter().map(|hop| self.multipath_hop(hop)).collect();
            }
            None => self.hops.push(hop),
        }
    }

    fn multipath_hop(&mut self, message: &RouteNextHop) -> KernelHop {
        let mut hop = KernelHop { gateway: None, interface: message.interface_index };
        for attribute in &message.attributes {
            self.decorated |= !hop.take(attribute);
        }
        hop
    }
}

impl KernelHop {
    /// Takes over what the attribute says of the next hop; `false` when it says something this daemon never sets.
    fn take(&mut self, attribute: &RouteAttribute) -> bool {
        match attribute {
            RouteAttribute::Oif(interface) => self.interface = *interface,
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => self.gateway = Some(IpAddr::V4(*address)),
            RouteAttribute::Gateway(RouteAddress::Inet6(address)) => {
                self.gateway = Some(IpAddr::V6(*address))
            }
            RouteAttribute::Via(RouteVia::Inet6(address)) => self.gateway = Some(IpAddr::V6(*address)),
            RouteAttribute::Destination(_) | RouteAttribute::CacheInfo(_) | RouteAttribute::Preference(_) => {
            }
            _ => return false,
        }
        true
    }
}

fn prefix(header: &RouteHeader, attributes: &[RouteAttribute]) -> Option<Prefix> {
    let destination = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => Some(address),
        _ => None,
    });
    let length = header.destination_prefix_length;
    match (header.address_family, destination) {
        (AddressFamily::Inet, Some(RouteAddress::Inet(address))) => ipv4_prefix(*address, length),
        (AddressFamily::Inet6, Some(RouteAddress::Inet6(address))) => ipv6_prefix(*address, length),
        (AddressFamily::Inet, None) => ipv4_prefix(Ipv4Addr::UNSPECIFIED, length),
        (AddressFamily::Inet6, None) => ipv6_prefix(Ipv6Addr::UNSPECIFIED, length),
        _ => None,
    }
}

fn ipv4_prefix(address: Ipv4Addr, length: u8) -> Option<Prefix> {
    Ipv4Prefix::new(address, length).ok().map(Prefix::Ipv4)
}

fn ipv6_prefix(address: Ipv6Addr, length: u8) -> Option<Prefix> {
    Ipv6Prefix::new(address, length).ok().map(Prefix::Ipv6)
}
