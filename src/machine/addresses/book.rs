//! All addresses and running links of this node at one time, and the choice of a session's own next hops.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};
use margay_rib::OwnNextHops;

use super::InterfaceAddress;

/// The addresses of this node, and the links that carry packets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressBook {
    addresses: Vec<InterfaceAddress>,
    /// The numbers of the interfaces that are up and have a carrier; `None` if that is not known.
    running_links: Option<Arc<BTreeSet<u32>>>,
}

impl AddressBook {
    /// A book of these addresses.
    pub fn new(addresses: impl IntoIterator<Item = InterfaceAddress>) -> Self {
        Self { addresses: addresses.into_iter().collect(), running_links: None }
    }

    /// The same addresses with these running links.
    pub(super) fn with_running_links(self, links: Arc<BTreeSet<u32>>) -> Self {
        Self { running_links: Some(links), ..self }
    }

    /// Whether an interface is known to be down or away, or to have no carrier.
    pub(crate) fn is_link_down(&self, index: u32) -> bool {
        self.running_links.as_ref().is_some_and(|links| !links.contains(&index))
    }

    /// The own next hops of a session between two addresses; the own one with the index of its interface if it is
    /// link-local.
    ///
    /// For its own family it is the session's own address, on which the session depends. A link-local one
    /// accompanies a global address of the interface, if there is one, and stands alone otherwise. For the other family
    /// it is an address of the same interface that is in use and valid beyond the link: the former one as
    /// long as no other is better, so that an additional address changes nothing.
    pub(crate) fn own_next_hops(
        &self,
        (local, link): (IpAddr, Option<u32>),
        peer: IpAddr,
        former: OwnNextHops,
    ) -> OwnNextHops {
        let is_on_link = |own: &&InterfaceAddress| link.is_none_or(|index| own.interface == index);
        let own = self.addresses.iter().filter(is_on_link).find(|own| own.address == local);
        // Every link has the link-local subnet: it says nothing about who shares it.
        let shared_subnet =
            own.and_then(|own| own.subnet).filter(|&subnet| link.is_none() && is_in(peer, subnet));
        let interface = link.or_else(|| own.map(|own| own.interface));
        let (ipv4, ipv6) = match local {
            IpAddr::V4(address) => {
                (Some(NextHop::Ipv4(address)), self.choose(interface, former.ipv6, ipv6).map(NextHop::Ipv6))
            }
            IpAddr::V6(link_local) if link_local.is_unicast_link_local() => {
                let global = self.choose(interface, former.ipv6, ipv6);
                let alone = NextHop::Ipv6(link_local);
                let both = global.map(|global| NextHop::Ipv6LinkLocal { global, link_local });
                (self.choose(interface, former.ipv4, ipv4).map(NextHop::Ipv4), Some(both.unwrap_or(alone)))
            }
            IpAddr::V6(address) => {
                (self.choose(interface, former.ipv4, ipv4).map(NextHop::Ipv4), Some(NextHop::Ipv6(address)))
            }
        };
        OwnNextHops { ipv4, ipv6, shared_subnet }
    }

    /// The best address of an interface in one family.
    fn choose<A: Copy>(
        &self,
        interface: Option<u32>,
        former: Option<NextHop>,
        of_family: fn(IpAddr) -> Option<A>,
    ) -> Option<A> {
        let of_interface = self.addresses.iter().filter(|other| Some(other.interface) == interface);
        let usable = of_interface.filter(|other| other.is_next_hop());
        let candidates = usable.filter_map(|other| Some((other, of_family(other.address)?)));
        let is_former = |address: IpAddr| Some(address) == former.map(NextHop::address);
        let best = candidates.min_by_key(|(other, _)| (other.state, !is_former(other.address)));
        best.map(|(_, address)| address)
    }
}

fn next_hop(address: IpAddr) -> NextHop {
    match address {
        IpAddr::V4(address) => NextHop::Ipv4(address),
        IpAddr::V6(address) => NextHop::Ipv6(address),
    }
}

fn is_in(address: IpAddr, subnet: Prefix) -> bool {
    next_hop(address).is_in(subnet)
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn ipv6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::addresses::AddressState;

    use AddressState::{Deprecated, Preferred, Secondary, Unusable};

    fn book(addresses: &[(u32, &str, AddressState)]) -> AddressBook {
        AddressBook::new(addresses.iter().map(|&(interface, text, state)| {
            let (address, length) = text.split_once('/').unwrap();
            let address: IpAddr = address.parse().unwrap();
            let subnet = InterfaceAddress::subnet(address, length.parse().unwrap());
            InterfaceAddress { interface, address, subnet, state }
        }))
    }

    /// The IPv6 next hop of a session from 10.0.0.1 to 10.0.0.2 whose former one was `former`.
    fn ipv6_next_hop(addresses: &[(u32, &str, AddressState)], former: Option<&str>) -> Option<String> {
        let session = [(1, "10.0.0.1/24", Preferred)];
        let former = former.map(|address| NextHop::Ipv6(address.parse().unwrap()));
        let former = OwnNextHops { ipv6: former, ..OwnNextHops::default() };
        let book = book(&[&session, addresses].concat());
        let own = book.own_next_hops(([10, 0, 0, 1].into(), None), [10, 0, 0, 2].into(), former);
        assert_eq!(own.ipv4, Some(NextHop::Ipv4([10, 0, 0, 1].into())));
        own.ipv6.map(|next_hop| next_hop.to_string())
    }

    #[test]
    fn the_other_family_s_next_hop_is_in_use_and_on_the_session_s_interface() {
        for (addresses, expected) in [
            (&[][..], None),
            (&[(1, "fd99::1/64", Preferred)], Some("fd99::1")),
            (&[(2, "fd99::1/64", Preferred)], None),
            (&[(1, "fe80::1/64", Preferred)], None),
            (&[(1, "::1/128", Preferred)], None),
            (&[(1, "fd99::1/64", Unusable)], None),
            (&[(1, "fd99::1/64", Deprecated)], Some("fd99::1")),
            (&[(1, "fd99::1/64", Deprecated), (1, "fd99::2/64", Secondary)], Some("fd99::2")),
            (&[(1, "fd99::1/64", Secondary), (1, "fd99::2/64", Preferred)], Some("fd99::2")),
            (&[(1, "fd99::1/64", Unusable), (1, "fd99::2/64", Deprecated)], Some("fd99::2")),
        ] {
            assert_eq!(ipv6_next_hop(addresses, None).as_deref(), expected, "{addresses:?}");
        }
    }

    #[test]
    fn the_next_hop_in_use_stays_until_another_is_better() {
        let both = |state| [(1, "fd99::1/64", Preferred), (1, "fd99::2/64", state)];
        assert_eq!(ipv6_next_hop(&both(Preferred), Some("fd99::2")).as_deref(), Some("fd99::2"));
        assert_eq!(ipv6_next_hop(&both(Preferred), Some("fd99::1")).as_deref(), Some("fd99::1"));
        assert_eq!(ipv6_next_hop(&both(Deprecated), Some("fd99::2")).as_deref(), Some("fd99::1"));
        assert_eq!(ipv6_next_hop(&both(Preferred), Some("fd99::3")).as_deref(), Some("fd99::1"));
    }

    #[test]
    fn an_ipv6_session_has_an_ipv4_next_hop_likewise() {
        let book = book(&[
            (1, "fd99::1/64", Preferred),
            (1, "169.254.1.1/16", Preferred),
            (1, "10.0.0.1/24", Secondary),
        ]);
        let [local, peer] = ["fd99::1", "fd99::2"].map(|text| text.parse().unwrap());
        let own = book.own_next_hops((local, None), peer, OwnNextHops::default());
        assert_eq!(own.ipv4, Some(NextHop::Ipv4([10, 0, 0, 1].into())));
        assert_eq!(own.ipv6.map(|it| it.to_string()).as_deref(), Some("fd99::1"));
    }

    #[test]
    fn a_link_local_session_has_the_addresses_of_its_own_link() {
        let book = book(&[
            (1, "fe80::1/64", Preferred),
            (1, "fd99::1/64", Preferred),
            (2, "fe80::1/64", Preferred),
            (3, "10.0.0.1/24", Preferred),
            (3, "fe80::1/64", Preferred),
        ]);
        let [local, peer]: [IpAddr; 2] = ["fe80::1", "fe80::2"].map(|text| text.parse().unwrap());
        let own = |link| book.own_next_hops((local, Some(link)), peer, OwnNextHops::default());
        let shown = |link| {
            let OwnNextHops { ipv4, ipv6, shared_subnet } = own(link);
            assert_eq!(shared_subnet, None, "the subnet of every link");
            [ipv4, ipv6].map(|it| it.map_or_else(|| "-".to_owned(), |it| it.to_string()))
        };
        assert_eq!(shown(1), ["-", "fd99::1 (fe80::1)"]);
        assert_eq!(shown(2), ["-", "fe80::1"]);
        assert_eq!(shown(3), ["10.0.0.1", "fe80::1"]);
        // It stays as long as no other is better.
        let again = book.own_next_hops((local, Some(1)), peer, own(1));
        assert_eq!(again, own(1));
    }

    #[test]
    fn a_subnet_is_shared_with_the_peers_in_it() {
        let book = book(&[(1, "10.0.0.1/24", Preferred), (2, "10.9.0.1/32", Preferred)]);
        let shared = |local: [u8; 4], peer: [u8; 4]| {
            let own = book.own_next_hops((local.into(), None), peer.into(), OwnNextHops::default());
            own.shared_subnet.map(|subnet| subnet.to_string())
        };
        assert_eq!(shared([10, 0, 0, 1], [10, 0, 0, 2]).as_deref(), Some("10.0.0.0/24"));
        assert_eq!(shared([10, 0, 0, 1], [10, 0, 1, 2]), None);
        assert_eq!(shared([10, 9, 0, 1], [10, 0, 0, 2]), None);
        assert_eq!(shared([192, 0, 2, 1], [192, 0, 2, 2]), None, "not an address of this node");
    }
}
