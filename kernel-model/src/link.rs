//! A link with its addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{IpPrefix as _, Ipv4Prefix, Ipv6Prefix, Prefix};
use margay_fib::LinkState;

/// One link. Addresses are kept with the length of their subnet.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) up: bool,
    pub(crate) carrier: bool,
    pub(crate) loopback: bool,
    pub(crate) ipv4: BTreeMap<Ipv4Addr, u8>,
    pub(crate) ipv6: BTreeMap<Ipv6Addr, u8>,
}

impl Link {
    pub(crate) fn loopback() -> Self {
        let (ipv4, ipv6) = (BTreeMap::new(), BTreeMap::new());
        Self { name: "lo".to_owned(), up: true, carrier: true, loopback: true, ipv4, ipv6 }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    pub(crate) fn has_carrier(&self) -> bool {
        self.up && self.carrier
    }

    pub(crate) fn state(&self) -> LinkState {
        LinkState { up: self.up, running: self.has_carrier(), loopback: self.loopback }
    }
}

/// The prefix of one address.
pub(crate) fn host(address: IpAddr) -> Prefix {
    match address {
        IpAddr::V4(address) => Ipv4Prefix::host(address).erase(),
        IpAddr::V6(address) => Ipv6Prefix::host(address).erase(),
    }
}
