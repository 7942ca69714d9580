//! The addresses of this node: what a peer may use as next hop, and whether it is on the same subnet.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, NextHop, Prefix};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// This node's addresses as they matter for one session.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OwnAddresses {
    /// The own next hop for IPv4 routes.
    pub ipv4: Option<NextHop>,
    /// The own next hop for IPv6 routes.
    pub ipv6: Option<NextHop>,
    /// The subnet that we share with the peer, if it is attached directly.
    pub shared_subnet: Option<Prefix>,
}

impl OwnAddresses {
    /// The session's own address for its family, and for the other family the first address of the same interface that
    /// is valid beyond the link.
    ///
    /// # Errors
    ///
    /// The system does not say which addresses there are.
    pub(super) fn of_session(local_address: IpAddr, peer_address: IpAddr) -> io::Result<Self> {
        let addresses = interface_addresses()?;
        let own = addresses.iter().find(|own| own.address == local_address);
        let others = || {
            let interface = own.map(|own| &own.interface);
            addresses
                .iter()
                .filter(move |other| Some(&other.interface) == interface)
                .map(|other| other.address)
        };
        let (ipv4, ipv6) = match local_address {
            IpAddr::V4(address) => {
                (Some(NextHop::Ipv4(address)), others().find_map(global_ipv6).map(NextHop::Ipv6))
            }
            IpAddr::V6(address) => {
                (others().find_map(global_ipv4).map(NextHop::Ipv4), Some(NextHop::Ipv6(address)))
            }
        };
        let shared_subnet =
            own.and_then(InterfaceAddress::subnet).filter(|&subnet| is_in(peer_address, subnet));
        Ok(Self { ipv4, ipv6, shared_subnet })
    }
}

struct InterfaceAddress {
    interface: String,
    address: IpAddr,
    mask: Option<IpAddr>,
}

impl InterfaceAddress {
    fn subnet(&self) -> Option<Prefix> {
        match (self.address, self.mask?) {
            (IpAddr::V4(address), IpAddr::V4(mask)) => {
                let length_bits = u8::try_from(mask.to_bits().count_ones()).ok()?;
                Some(Ipv4Prefix::truncating(address, length_bits).erase())
            }
            (IpAddr::V6(address), IpAddr::V6(mask)) => {
                let length_bits = u8::try_from(mask.to_bits().count_ones()).ok()?;
                Some(Ipv6Prefix::truncating(address, length_bits).erase())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }
}

fn interface_addresses() -> io::Result<Vec<InterfaceAddress>> {
    let addresses = getifaddrs()?.filter_map(|interface| {
        let address = ip_address(interface.address.as_ref()?)?;
        let mask = interface.netmask.as_ref().and_then(ip_address);
        Some(InterfaceAddress { interface: interface.interface_name, address, mask })
    });
    Ok(addresses.collect())
}

fn ip_address(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    ipv4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

fn is_in(address: IpAddr, subnet: Prefix) -> bool {
    match address {
        IpAddr::V4(address) => NextHop::Ipv4(address).is_in(subnet),
        IpAddr::V6(address) => NextHop::Ipv6(address).is_in(subnet),
    }
}

fn global_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) if !address.is_loopback() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

fn global_ipv6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) if !address.is_unicast_link_local() && !address.is_loopback() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_s_own_address_is_the_next_hop_of_its_family() {
        let neighbor = Ipv4Addr::new(127, 0, 0, 2);
        let own = OwnAddresses::of_session(Ipv4Addr::LOCALHOST.into(), neighbor.into()).unwrap();
        assert_eq!(own.ipv4, Some(NextHop::Ipv4(Ipv4Addr::LOCALHOST)));
        let own = OwnAddresses::of_session(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()).unwrap();
        assert_eq!(own.ipv6, Some(NextHop::Ipv6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_subnet_is_shared_with_who_is_in_it() {
        let shared = |peer: [u8; 4]| {
            let own = OwnAddresses::of_session(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::from(peer).into());
            own.unwrap().shared_subnet.map(|subnet| subnet.to_string())
        };
        assert_eq!(shared([127, 0, 0, 2]).as_deref(), Some("127.0.0.0/8"));
        assert_eq!(shared([192, 0, 2, 1]), None);
    }

    #[test]
    fn an_address_that_is_not_ours_has_no_companion() {
        let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
        let own = OwnAddresses::of_session(elsewhere.into(), elsewhere.into()).unwrap();
        assert_eq!((own.ipv6, own.shared_subnet), (None, None));
    }
}
