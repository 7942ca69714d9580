//! Resolution of a next hop by longest match over the foreign routes and the static ones.
//!
//! Other own routes never count: resolving a next hop by a route that depends on it would be a loop. Static routes may lead to
//! each other's gateways, to a bounded depth.

use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, NextHop, Prefix};
use margay_forwarding::{ConnectedRoute, Hop, LinkName};

use super::{StaticWay, StaticWays};
use crate::{
    FibOptions,
    netlink::{KernelHop, ObjectContent, RouteKind, RouteShape, RouteTarget},
    table::{Entries, Links, RouteShapes, Tables},
    wanted::{ObjectLedger, Resolution},
};

/// Everything that a resolution depends on.
#[derive(Clone, Copy)]
pub(crate) struct Resolver<'m> {
    pub(crate) options: &'m FibOptions,
    pub(crate) tables: &'m Tables,
    pub(crate) entries: &'m Entries,
    pub(crate) shapes: &'m RouteShapes,
    pub(crate) objects: &'m ObjectLedger,
    pub(crate) links: &'m Links,
    pub(crate) statics: &'m StaticWays,
}

/// Static routes on the way to a next hop, at most: more are taken for a loop.
const MAX_STATICS: usize = 8;

/// The way that a prefix leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Directly connected over these interfaces.
    Attached(Vec<KernelHop>),
    /// Through gateways, at the cost of the route's metric.
    Through(Vec<KernelHop>, u32),
    /// Packets are discarded or delivered on this node.
    Nowhere,
}

impl Resolver<'_> {
    pub(crate) fn resolve(&self, hop: Hop) -> Resolution {
        let next_hop = match hop {
            Hop::Gateway(next_hop) => next_hop,
            Hop::OnLink(next_hop, link) => return self.on_link(link, Some(gateway(next_hop))),
            Hop::Link(link) => return self.on_link(link, None),
        };
        let hops = self.hops(next_hop);
        let behind_default = hops.is_empty() && self.is_behind_default(next_hop.address());
        Resolution { hops, behind_default }
    }

    /// A gateway on a link, or the link itself.
    fn on_link(&self, link: LinkName, gateway: Option<IpAddr>) -> Resolution {
        let hop = |interface| KernelHop { gateway, interface, onlink: gateway.is_some(), weight: 1 };
        Resolution { hops: self.usable_link(link).map(hop).into_iter().collect(), behind_default: false }
    }

    /// The index of a link over which packets can be sent.
    pub(crate) fn usable_link(&self, link: LinkName) -> Option<u32> {
        self.links.index(link.as_str()).filter(|&index| self.links.is_usable(index))
    }

    fn is_behind_default(&self, address: IpAddr) -> bool {
        self.way(address).is_none()
            && self.entries.foreign.around(address).any(|(prefix, ())| {
                prefix.length() == 0
                    && matches!(self.way_by_routes(prefix), Some(Way::Attached(_) | Way::Through(..)))
            })
    }

    fn hops(&self, next_hop: NextHop) -> Vec<KernelHop> {
        self.hops_by(next_hop, self.way(next_hop.address()))
    }

    /// Where packets to a next hop are sent by the way to it.
    fn hops_by(&self, next_hop: NextHop, way: Option<Way>) -> Vec<KernelHop> {
        let gateway = gateway(next_hop);
        let mut hops = match way {
            Some(Way::Attached(interfaces)) => {
                // A next hop on several links is assumed to be on the first: it is one host.
                let first = interfaces.into_iter().min_by_key(|hop| hop.interface);
                first.map(|hop| KernelHop { gateway: Some(gateway), weight: 1, ..hop }).into_iter().collect()
            }
            // A link-local address has no meaning behind a gateway.
            Some(Way::Through(hops, _)) => hops,
            Some(Way::Nowhere) | None => Vec::new(),
        };
        hops.sort_unstable();
        hops.dedup();
        hops
    }

    /// The way to an address; `None` if no route that counts covers it.
    pub(crate) fn way(&self, address: IpAddr) -> Option<Way> {
        self.way_to(address, MAX_STATICS)
    }

    fn way_to(&self, address: IpAddr, statics: usize) -> Option<Way> {
        if let Some(rule) = self.options.onlink.iter().find(|rule| rule.next_hops.contains(host(address))) {
            let interface = self.links.index(&rule.interface).filter(|&index| self.links.is_usable(index));
            return Some(interface.map_or(Way::Nowhere, |interface| {
                Way::Attached(vec![KernelHop { gateway: None, interface, onlink: true, weight: 1 }])
            }));
        }
        self.way_by_match(address, statics)
    }

    /// The way of the longest prefix around an address that has one; a foreign route counts before a static one to the same
    /// prefix. `statics` is the number of static routes that it may lead over.
    fn way_by_match(&self, address: IpAddr, statics: usize) -> Option<Way> {
        let mut foreign = self.entries.foreign.around(address);
        let foreign = foreign.find_map(|(prefix, ())| Some((prefix.length(), self.way_of(prefix)?)));
        let longest = foreign.as_ref().map_or(0, |&(length, _)| length);
        if statics > 0 {
            let longer = self.statics.around(address).filter(|(prefix, _)| prefix.length() > longest);
            let way = longer.into_iter().find_map(|(_, way)| self.way_of_static(way, statics - 1));
            if way.is_some() {
                return way;
            }
        }
        foreign.map(|(_, way)| way)
    }

    /// The way of a static route; `None` while none of its next hops is usable.
    fn way_of_static(&self, way: &StaticWay, statics: usize) -> Option<Way> {
        if way.hops.is_empty() {
            return Some(Way::Nowhere);
        }
        let hops: Vec<KernelHop> = way.hops.iter().flat_map(|&hop| self.static_hops(hop, statics)).collect();
        if hops.is_empty() {
            None
        } else if hops.iter().all(|hop| hop.gateway.is_none()) {
            Some(Way::Attached(hops))
        } else {
            Some(Way::Through(hops.into_iter().filter(|hop| hop.gateway.is_some()).collect(), way.metric))
        }
    }

    fn static_hops(&self, hop: Hop, statics: usize) -> Vec<KernelHop> {
        match hop {
            Hop::Gateway(next_hop) => self.hops_by(next_hop, self.way_to(next_hop.address(), statics)),
            Hop::OnLink(next_hop, link) => self.on_link(link, Some(gateway(next_hop))).hops,
            Hop::Link(link) => self.on_link(link, None).hops,
        }
    }

    /// The way of the prefix's own route; `None` if it has no relevant one.
    pub(crate) fn way_of(&self, prefix: Prefix) -> Option<Way> {
        let counts = prefix.length() > 0 || self.options.resolve_via_default;
        counts.then(|| self.way_by_routes(prefix)).flatten()
    }

    fn way_by_routes(&self, prefix: Prefix) -> Option<Way> {
        self.tables.for_resolution().find_map(|table| {
            let entry = self.entries.get(self.entries.find(table, prefix)?);
            let shapes = entry.held().iter().map(|&id| self.shapes.get(id));
            let mut foreign: Vec<_> = shapes.filter(|shape| !self.tables.is_ours(table, shape)).collect();
            foreign.sort_by_key(|shape| shape.metric);
            foreign.into_iter().find_map(|shape| self.way_of_shape(shape))
        })
    }

    /// The way of a prefix as it is reported to the daemon.
    pub(crate) fn reported_way(&self, prefix: Prefix) -> Option<margay_forwarding::Way> {
        if self.options.onlink.iter().any(|rule| rule.next_hops == prefix) {
            return Some(reported(&self.way(prefix.network())?));
        }
        let by_static = || self.way_of_static(self.statics.get(prefix)?, MAX_STATICS - 1);
        self.way_of(prefix).or_else(by_static).map(|way| reported(&way))
    }

    /// All subnets on interfaces that are up, sorted, without duplicates.
    ///
    /// Loopback and default routes are left out.
    pub(crate) fn connected(&self) -> Vec<ConnectedRoute> {
        let mut connected: Vec<_> = self
            .entries
            .attached
            .iter()
            .filter_map(|&prefix| match self.way_of(prefix)? {
                Way::Attached(hops) => Some((prefix, hops)),
                Way::Through(..) | Way::Nowhere => None,
            })
            .flat_map(|(prefix, hops)| {
                hops.into_iter().map(move |hop| ConnectedRoute { prefix, interface: hop.interface })
            })
            .collect();
        connected.sort_unstable();
        connected.dedup();
        connected
    }

    /// The next hops of packets that match a route.
    pub(crate) fn shape_hops(&self, shape: &RouteShape) -> Vec<KernelHop> {
        match &shape.target {
            RouteTarget::Hops(hops) => hops.clone(),
            RouteTarget::Object(object) => {
                let hop = |(content, weight)| match content {
                    ObjectContent::Hop { gateway, interface, onlink } => {
                        Some(KernelHop { gateway: Some(gateway), interface, onlink, weight })
                    }
                    ObjectContent::Group(_) => None,
                };
                self.objects.held.hops(*object).into_iter().filter_map(hop).collect()
            }
        }
    }

    fn way_of_shape(&self, shape: &RouteShape) -> Option<Way> {
        match shape.kind {
            RouteKind::UNICAST => {}
            RouteKind::LOCAL | RouteKind::BLACKHOLE | RouteKind::UNREACHABLE | RouteKind::PROHIBIT => {
                return Some(Way::Nowhere);
            }
            // A gateway has an address of its own.
            RouteKind::BROADCAST | RouteKind::ANYCAST | RouteKind::MULTICAST => return Some(Way::Nowhere),
            // The look-up continues in the next table.
            _ => return None,
        }
        let mut hops = self.shape_hops(shape);
        hops.retain(|hop| self.links.is_usable(hop.interface));
        if hops.is_empty() {
            None
        } else if hops.iter().all(|hop| hop.gateway.is_none()) {
            Some(Way::Attached(hops))
        } else {
            hops.retain(|hop| hop.gateway.is_some());
            Some(Way::Through(hops, shape.metric))
        }
    }
}

fn reported(way: &Way) -> margay_forwarding::Way {
    match way {
        Way::Attached(_) => margay_forwarding::Way::Through { cost: 0 },
        Way::Through(_, metric) => margay_forwarding::Way::Through { cost: *metric },
        Way::Nowhere => margay_forwarding::Way::Nowhere,
    }
}

/// The address that packets are sent to on the link.
fn gateway(next_hop: NextHop) -> IpAddr {
    match next_hop {
        NextHop::Ipv4(address) => IpAddr::V4(address),
        NextHop::Ipv6(address) => IpAddr::V6(address),
        NextHop::Ipv6LinkLocal { link_local, .. } => IpAddr::V6(link_local),
    }
}

fn host(address: IpAddr) -> Prefix {
    match address {
        IpAddr::V4(address) => Ipv4Prefix::host(address).erase(),
        IpAddr::V6(address) => Ipv6Prefix::host(address).erase(),
    }
}
