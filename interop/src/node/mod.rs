//! A BGP router, described without the words of any implementation.

mod network;
mod peer;
mod route;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

pub(crate) use self::network::Network;
pub(crate) use self::peer::{AddPath, Family, Peer, Restart, Role};
pub(crate) use self::route::Route;

/// A router and its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) asn: u32,
    pub(crate) router_id: Ipv4Addr,
    /// The cluster of its clients, if it is a reflector (RFC 4456).
    pub(crate) cluster_id: Option<Ipv4Addr>,
    /// Own addresses, one of each family first.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) networks: Vec<Network>,
    pub(crate) peers: Vec<Peer>,
    /// Peers of this range are accepted with these settings; the address in them has no meaning.
    pub(crate) range: Option<(IpNet, Peer)>,
    /// Whether it installs routes in the kernel.
    pub(crate) kernel: bool,
}

impl Node {
    /// Its first address of a family.
    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| Family::of(*address) == family)
    }

    /// Its networks of a family.
    pub(crate) fn networks_of(&self, family: Family) -> impl Iterator<Item = &Network> {
        self.networks.iter().filter(move |network| Family::of(network.prefix.addr()) == family)
    }

    /// All settings of peers, that of the range included.
    pub(crate) fn all_peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().chain(self.range.iter().map(|(_, peer)| peer))
    }
}
