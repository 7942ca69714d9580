//! A route as reported by the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{IpPrefix as _, Ipv4Prefix, Ipv6Prefix, Prefix};

use crate::netlink::wire::{AF_INET, AF_INET6, Attribute, address, attributes};

/// A route of any table, with everything needed to recognise it and to compare it with a wanted one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelRoute {
    /// The destination.
    pub prefix: Prefix,
    /// The number of the table.
    pub table: u32,
    /// All other properties.
    pub shape: RouteShape,
}

/// A route without its destination and table: few shapes serve a whole table.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RouteShape {
    /// The route protocol number.
    pub protocol: u8,
    /// What happens to packets.
    pub kind: RouteKind,
    /// The metric.
    pub metric: u32,
    /// Where packets are sent.
    pub target: RouteTarget,
    /// Source address of this node's own packets.
    pub source: Option<IpAddr>,
    /// Whether the route has a property that this daemon never sets: an MTU, an encapsulation...
    pub decorated: bool,
}

/// What the kernel does with a packet that matches the route (rtnetlink(7), `rtm_type`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RouteKind(pub u8);

impl RouteKind {
    /// Forwarded to one of the next hops.
    pub const UNICAST: Self = Self(1);
    /// Delivered on this node.
    pub const LOCAL: Self = Self(2);
    /// Sent to all hosts on the link.
    pub const BROADCAST: Self = Self(3);
    /// Sent to one of several nodes with the address.
    pub const ANYCAST: Self = Self(4);
    /// Sent to the members of a group.
    pub const MULTICAST: Self = Self(5);
    /// Discarded silently.
    pub const BLACKHOLE: Self = Self(6);
    /// Discarded as unreachable.
    pub const UNREACHABLE: Self = Self(7);
    /// Discarded as prohibited.
    pub const PROHIBIT: Self = Self(8);
}

/// Where packets are sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum RouteTarget {
    /// To the next hop object of this number.
    Object(u32),
    /// To these next hops, sorted; empty for kinds that do not forward.
    Hops(Vec<KernelHop>),
}

/// One next hop.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KernelHop {
    /// `None` for a directly connected destination.
    pub gateway: Option<IpAddr>,
    /// Index of the interface; 0 if the kernel names none.
    pub interface: u32,
    /// Whether the gateway is treated as directly connected, whatever the routes say.
    pub onlink: bool,
    /// Its share of the traffic relative to others.
    pub weight: u8,
}

impl KernelRoute {
    /// Decodes the payload of RTM_NEWROUTE or RTM_DELROUTE.
    ///
    /// `None` for routes that are irrelevant to this daemon: other families, cached clones, source-specific
    /// routes and routes for one type of service, those that every link has, and malformed payloads.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (header, rest) = payload.split_first_chunk::<RTMSG_OCTETS>()?;
        let [family, length, source_length, tos, table, protocol, _scope, kind, flags @ ..] = *header;
        let flags = u32::from_ne_bytes(flags);
        if tos != 0 || source_length != 0 || flags & RTM_F_CLONED != 0 {
            return None;
        }
        let mut read = Reading {
            destination: None,
            table: table.into(),
            metric: 0,
            object: None,
            source: None,
            decorated: false,
            hop: KernelHop { gateway: None, interface: 0, onlink: flags & RTNH_F_ONLINK != 0, weight: 1 },
            multipath: None,
        };
        attributes(rest).for_each(|attribute| read.take(&attribute));
        let prefix = prefix(family, read.destination, length).filter(|&prefix| !is_on_every_link(prefix))?;
        Some(read.route(prefix, protocol, RouteKind(kind)))
    }
}

/// Whether each link has a route to the prefix: link-local and multicast destinations of IPv6.
///
/// Such routes do not resolve next hops and are never announced, and on a node with a thousand links each of
/// these prefixes has a thousand routes.
pub(crate) fn is_on_every_link(prefix: Prefix) -> bool {
    match prefix {
        Prefix::Ipv4(_) => false,
        Prefix::Ipv6(prefix) => prefix.address().is_unicast_link_local() || prefix.address().is_multicast(),
    }
}

/// The attributes read so far.
struct Reading {
    destination: Option<IpAddr>,
    table: u32,
    metric: u32,
    object: Option<u32>,
    source: Option<IpAddr>,
    decorated: bool,
    hop: KernelHop,
    multipath: Option<Vec<KernelHop>>,
}

impl Reading {
    fn take(&mut self, attribute: &Attribute<'_>) {
        match attribute.kind {
            RTA_DST => self.destination = attribute.address(),
            RTA_TABLE => self.table = attribute.number().unwrap_or(self.table),
            RTA_PRIORITY => self.metric = attribute.number().unwrap_or_default(),
            RTA_NH_ID => self.object = attribute.number(),
            RTA_PREFSRC => self.source = attribute.address(),
            RTA_MULTIPATH => {
                let (hops, decorated) = multipath(attribute.value);
                self.multipath = Some(hops);
                self.decorated |= decorated;
            }
            RTA_CACHEINFO | RTA_PREF => {}
            _ => self.decorated |= !self.hop.take(attribute),
        }
    }

    fn route(self, prefix: Prefix, protocol: u8, kind: RouteKind) -> KernelRoute {
        let mut hops = match self.multipath {
            _ if kind != RouteKind::UNICAST => Vec::new(),
            Some(hops) => hops,
            None => vec![self.hop],
        };
        hops.sort_unstable();
        let target = match self.object {
            Some(object) => RouteTarget::Object(object),
            None => RouteTarget::Hops(hops),
        };
        let Self { table, metric, source, decorated, .. } = self;
        let shape = RouteShape { protocol, kind, metric, target, source, decorated };
        KernelRoute { prefix, table, shape }
    }
}

impl KernelHop {
    /// Whether both lead to the same gateway over the same interface.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (self.gateway, self.interface) == (other.gateway, other.interface)
    }

    /// Reads an attribute of the next hop; `false` if it is one that this daemon never sets.
    fn take(&mut self, attribute: &Attribute<'_>) -> bool {
        match attribute.kind {
            RTA_OIF => self.interface = attribute.number().unwrap_or_default(),
            RTA_GATEWAY => self.gateway = attribute.address(),
            // The address follows its family.
            RTA_VIA => self.gateway = attribute.value.get(2..).and_then(address),
            _ => return false,
        }
        true
    }
}

/// The next hops of RTA_MULTIPATH, and whether any has a property that this daemon never sets.
fn multipath(mut rest: &[u8]) -> (Vec<KernelHop>, bool) {
    let (mut hops, mut decorated) = (Vec::new(), false);
    while let Some(header) = rest.first_chunk::<RTNEXTHOP_OCTETS>() {
        let [length_low, length_high, flags, weight, interface @ ..] = *header;
        let length = usize::from(u16::from_ne_bytes([length_low, length_high]));
        let Some(nested) = rest.get(RTNEXTHOP_OCTETS..length) else { break };
        let mut hop = KernelHop {
            gateway: None,
            interface: u32::from_ne_bytes(interface),
            onlink: u32::from(flags) & RTNH_F_ONLINK != 0,
            weight: weight.saturating_add(1),
        };
        for attribute in attributes(nested) {
            decorated |= !hop.take(&attribute);
        }
        hops.push(hop);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    (hops, decorated)
}

fn prefix(family: u8, destination: Option<IpAddr>, length: u8) -> Option<Prefix> {
    match (family, destination) {
        (AF_INET, Some(IpAddr::V4(address))) => Ipv4Prefix::new(address, length).ok().map(Prefix::Ipv4),
        (AF_INET6, Some(IpAddr::V6(address))) => Ipv6Prefix::new(address, length).ok().map(Prefix::Ipv6),
        (AF_INET, None) => Ipv4Prefix::new(Ipv4Addr::UNSPECIFIED, length).ok().map(Prefix::Ipv4),
        (AF_INET6, None) => Ipv6Prefix::new(Ipv6Addr::UNSPECIFIED, length).ok().map(Prefix::Ipv6),
        _ => None,
    }
}

pub(crate) const RTMSG_OCTETS: usize = 12;
pub(crate) const RTNEXTHOP_OCTETS: usize = 8;
const RTM_F_CLONED: u32 = 0x200;
pub(crate) const RTNH_F_ONLINK: u32 = 4;

pub(crate) const RTA_DST: u16 = 1;
pub(crate) const RTA_OIF: u16 = 4;
pub(crate) const RTA_GATEWAY: u16 = 5;
pub(crate) const RTA_PRIORITY: u16 = 6;
pub(crate) const RTA_PREFSRC: u16 = 7;
pub(crate) const RTA_MULTIPATH: u16 = 9;
const RTA_CACHEINFO: u16 = 12;
pub(crate) const RTA_TABLE: u16 = 15;
pub(crate) const RTA_VIA: u16 = 18;
const RTA_PREF: u16 = 20;
pub(crate) const RTA_NH_ID: u16 = 30;
