//! The addresses of this node: what a peer may use as next hop where its session runs over the other family.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::NextHop;
use nix::ifaddrs::getifaddrs;

/// Own next hops as one peer reaches them, by family.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct OwnNextHops {
    /// For IPv4 routes.
    pub(crate) ipv4: Option<NextHop>,
    /// For IPv6 routes.
    pub(crate) ipv6: Option<NextHop>,
}

impl OwnNextHops {
    /// The session's own address for its family, and for the other family the first address of the same interface that
    /// is valid beyond the link.
    ///
    /// # Errors
    ///
    /// The system does not say which addresses there are.
    pub(crate) fn of_session(local_address: IpAddr) -> io::Result<Self> {
        let addresses = interface_addresses()?;
        let interface = addresses.iter().find(|(_, address)| *address == local_address).map(|(name, _)| name);
        let others = || {
            let same = addresses.iter().filter(|(name, _)| Some(name) == interface);
            same.map(|&(_, address)| address)
        };
        Ok(match local_address {
            IpAddr::V4(address) => Self {
                ipv4: Some(NextHop::Ipv4(address)),
                ipv6: others().find_map(global_ipv6).map(NextHop::Ipv6),
            },
            IpAddr::V6(address) => {
                Self { ipv4: others().find_map(ipv4).map(NextHop::Ipv4), ipv6: Some(NextHop::Ipv6(address)) }
            }
        })
    }
}

fn interface_addresses() -> io::Result<Vec<(String, IpAddr)>> {
    let addresses = getifaddrs()?.filter_map(|interface| {
        let address = interface.address?;
        let ipv4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let ipv6 = || address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        Some((interface.interface_name, ipv4.or_else(ipv6)?))
    });
    Ok(addresses.collect())
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn global_ipv6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) if !address.is_unicast_link_local() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_s_own_address_is_the_next_hop_of_its_family() {
        let own = OwnNextHops::of_session(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert_eq!(own.ipv4, Some(NextHop::Ipv4(Ipv4Addr::LOCALHOST)));
        let own = OwnNextHops::of_session(Ipv6Addr::LOCALHOST.into()).unwrap();
        assert_eq!(own.ipv6, Some(NextHop::Ipv6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn an_address_that_is_not_ours_has_no_companion() {
        let own = OwnNextHops::of_session(Ipv4Addr::new(192, 0, 2, 1).into()).unwrap();
        assert_eq!(own.ipv6, None);
    }
}
