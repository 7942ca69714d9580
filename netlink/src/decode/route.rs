//! Routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use margay_reconcile::{Key, Route, RouteKey, RouteScope as Scope, RouteTarget, Seen, Value};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteScope, RouteType,
};

use crate::LinkTable;

/// The attributes of a route that matter.
#[derive(Default)]
struct Attributes {
    destination: Option<IpAddr>,
    table: Option<u32>,
    metric: u32,
    link: Option<u32>,
    gateway: Option<IpAddr>,
    source: Option<IpAddr>,
    /// True when the way is more than a gateway and a link.
    is_other: bool,
}

/// A route of any owner; `None` for the kernel's local and multicast ones.
pub(super) fn decode(message: &RouteMessage, links: &LinkTable) -> Option<Seen> {
    let header = &message.header;
    let is_counted = !header.flags.contains(RouteFlags::Cloned)
        && !matches!(
            header.kind,
            RouteType::Local | RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast
        );
    let unspecified = match header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let attributes = Attributes::read(&message.attributes);
    let destination = attributes.destination.unwrap_or(unspecified);
    let destination =
        IpNet::new(destination, header.destination_prefix_length).ok().filter(|_| is_counted)?;
    let table = attributes.table.unwrap_or_else(|| header.table.into());
    let scope = match header.scope {
        RouteScope::Universe => Scope::Universe,
        RouteScope::Link => Scope::Link,
        other => Scope::Other(other.into()),
    };
    let target = attributes.target(header.kind, header.flags, links);
    let route = Route { target, source: attributes.source, scope };
    Some(Seen {
        key: Key::Route(RouteKey { table, destination, metric: attributes.metric }),
        value: Value::Route(route),
        protocol: Some(header.protocol.into()),
    })
}

impl Attributes {
    fn read(attributes: &[RouteAttribute]) -> Self {
        let mut read = Self::default();
        for attribute in attributes {
            match attribute {
                RouteAttribute::Destination(address) => read.destination = address_of(address),
                RouteAttribute::Table(table) => read.table = Some(*table),
                RouteAttribute::Priority(metric) => read.metric = *metric,
                RouteAttribute::Oif(link) => read.link = Some(*link),
                RouteAttribute::Gateway(address) => read.gateway = address_of(address),
                RouteAttribute::PrefSource(address) => read.source = address_of(address),
                RouteAttribute::MultiPath(_)
                | RouteAttribute::Via(_)
                | RouteAttribute::NhId(_)
                | RouteAttribute::Encap(_) => read.is_other = true,
                _ => (),
            }
        }
        read
    }

    fn target(&self, kind: RouteType, flags: RouteFlags, links: &LinkTable) -> RouteTarget {
        let link = self.link.and_then(|number| links.name(number).cloned());
        match (kind, self.gateway, link) {
            (RouteType::BlackHole, _, _) => RouteTarget::Blackhole,
            (RouteType::Unicast, Some(gateway), Some(link)) if !self.is_other => {
                RouteTarget::Gateway { gateway, link, is_onlink: flags.contains(RouteFlags::Onlink) }
            }
            (RouteType::Unicast, None, Some(link)) if !self.is_other => RouteTarget::Link(link),
            _ => RouteTarget::Other,
        }
    }
}

fn address_of(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
