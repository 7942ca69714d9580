//! Links, their addresses, and the routes that are added and removed with them.

use std::net::{IpAddr, Ipv4Addr};

use bgp_codec::{IpPrefix as _, Ipv4Prefix, Ipv6Prefix, Prefix};
use margay_fib::{KernelHop, LinkNotice, Notice, RouteKind, RouteShape, RouteTarget};

use crate::held_route::Loss;
use crate::link::{Link, host};
use crate::{Cause, KernelModel};

impl KernelModel {
    /// Adds a link that is up.
    pub fn add_link(&mut self, name: &str) -> u32 {
        let interface = self.links.keys().max().map_or(1, |last| last + 1);
        self.links.insert(interface, Link { name: name.to_owned(), loopback: false, ..Link::loopback() });
        self.tell_link(interface);
        interface
    }

    /// The interface with a name.
    #[must_use]
    pub fn interface(&self, name: &str) -> Option<u32> {
        self.links.iter().find(|(_, link)| link.name == name).map(|(&interface, _)| interface)
    }

    /// Whether packets can be sent over a link.
    #[must_use]
    pub fn is_usable(&self, interface: u32) -> bool {
        self.links.get(&interface).is_some_and(Link::has_carrier)
    }

    /// Whether any link has the address.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.links.values().any(|link| match address {
            IpAddr::V4(address) => link.ipv4.contains_key(&address),
            IpAddr::V6(address) => link.ipv6.contains_key(&address),
        })
    }

    /// Sets a link down. It keeps its IPv4 addresses and loses those of IPv6.
    pub fn set_down(&mut self, interface: u32) {
        let Some(link) = self.links.get_mut(&interface).filter(|link| link.up) else { return };
        link.up = false;
        link.ipv6.clear();
        self.tell_link(interface);
        self.remove_objects_on(interface);
        self.lose_hops(interface, Loss::Down);
    }

    /// Sets a link up.
    pub fn set_up(&mut self, interface: u32) {
        let Some(link) = self.links.get_mut(&interface).filter(|link| !link.up) else { return };
        link.up = true;
        let addresses: Vec<(Ipv4Addr, u8)> =
            link.ipv4.iter().map(|(&address, &length)| (address, length)).collect();
        self.tell_link(interface);
        for (address, length) in addresses {
            self.add_connected(interface, address.into(), length);
        }
        self.revive_hops(interface, true);
        self.revive_hops(interface, false);
    }

    /// Sets whether a link has a carrier.
    pub fn set_carrier(&mut self, interface: u32, carrier: bool) {
        let Some(link) = self.links.get_mut(&interface).filter(|link| link.carrier != carrier) else {
            return;
        };
        link.carrier = carrier;
        self.tell_link(interface);
        if !carrier {
            self.remove_objects_on(interface);
        }
    }

    /// Deletes a link.
    pub fn delete_link(&mut self, interface: u32) {
        self.set_down(interface);
        let Some(link) = self.links.get(&interface) else { return };
        let addresses: Vec<Ipv4Addr> = link.ipv4.keys().copied().collect();
        self.remove_objects_on(interface);
        self.lose_hops(interface, Loss::Deleted);
        for address in addresses {
            self.remove_address(interface, address.into());
        }
        self.links.remove(&interface);
        self.tell(Cause::Others, Notice::LinkGone { interface });
    }

    /// Adds an address with a subnet of this length to a link.
    pub fn add_address(&mut self, interface: u32, address: IpAddr, length: u8) {
        let Some(link) = self.links.get_mut(&interface) else { return };
        let up = link.up;
        let former = match address {
            IpAddr::V4(address) => link.ipv4.insert(address, length),
            IpAddr::V6(address) if up => link.ipv6.insert(address, length),
            IpAddr::V6(_) => return,
        };
        if former.is_some() {
            return;
        }
        if let IpAddr::V4(address) = address {
            self.tell(Cause::Others, Notice::Address { interface, address, removed: false });
        }
        self.insert_by_kernel(255, host(address), local(interface));
        if up {
            self.add_connected(interface, address, length);
            self.revive_hops(interface, address.is_ipv4());
        }
    }

    /// Removes an address.
    pub fn remove_address(&mut self, interface: u32, address: IpAddr) {
        let Some(link) = self.links.get_mut(&interface) else { return };
        let length = match address {
            IpAddr::V4(address) => link.ipv4.remove(&address),
            IpAddr::V6(address) => link.ipv6.remove(&address),
        };
        let Some(length) = length else { return };
        let is_last = address.is_ipv4() && link.ipv4.is_empty();
        if let IpAddr::V4(address) = address {
            self.tell(Cause::Others, Notice::Address { interface, address, removed: true });
        }
        self.remove_by_kernel(255, host(address), &local(interface));
        self.remove_by_kernel(254, subnet(address, length), &connected(interface, address));
        if is_last {
            self.lose_hops(interface, Loss::LastAddress);
        }
        if !self.has_address(address) {
            self.lose_source(address);
        }
    }

    pub(crate) fn dump_links(&self) -> Vec<Notice> {
        self.links.keys().filter_map(|&interface| self.link_notice(interface)).collect()
    }

    pub(crate) fn dump_addresses(&self) -> Vec<Notice> {
        let addresses = self.links.iter().flat_map(|(&interface, link)| {
            link.ipv4.keys().map(move |&address| Notice::Address { interface, address, removed: false })
        });
        addresses.collect()
    }

    fn add_connected(&mut self, interface: u32, address: IpAddr, length: u8) {
        self.insert_by_kernel(254, subnet(address, length), connected(interface, address));
    }

    fn tell_link(&mut self, interface: u32) {
        if let Some(notice) = self.link_notice(interface) {
            self.tell(Cause::Others, notice);
        }
    }

    fn link_notice(&self, interface: u32) -> Option<Notice> {
        let link = self.links.get(&interface)?;
        Some(Notice::Link(LinkNotice { interface, name: link.name.clone(), state: link.state() }))
    }
}

fn connected(interface: u32, address: IpAddr) -> RouteShape {
    let source = address.is_ipv4().then_some(address);
    let metric = if address.is_ipv4() { 0 } else { 256 };
    RouteShape { kind: RouteKind::UNICAST, metric, source, ..local(interface) }
}

fn local(interface: u32) -> RouteShape {
    let hop = KernelHop { gateway: None, interface, onlink: false, weight: 1 };
    RouteShape {
        protocol: RTPROT_KERNEL,
        kind: RouteKind::LOCAL,
        metric: 0,
        target: RouteTarget::Hops(vec![hop]),
        source: None,
        decorated: false,
    }
}

fn subnet(address: IpAddr, length: u8) -> Prefix {
    match address {
        IpAddr::V4(address) => Ipv4Prefix::truncating(address, length).erase(),
        IpAddr::V6(address) => Ipv6Prefix::truncating(address, length).erase(),
    }
}

const RTPROT_KERNEL: u8 = 2;
