//! What the calculation has to know of pools, nodes and blocks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use margay_cluster::ipam::Block;
use margay_cluster::object::{AllowedUse, EncapsulationMode, IpPool, Node};
use margay_cluster::value::MacAddress;

use crate::{Tunnel, tunnel_mac};

/// How packets to a pool's addresses on other nodes travel.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Encapsulation {
    /// As they are.
    None,
    /// In IPIP.
    Ipip,
    /// In IPIP if they leave the node's subnet.
    IpipCrossSubnet,
    /// In VXLAN.
    Vxlan,
    /// In VXLAN if they leave the node's subnet.
    VxlanCrossSubnet,
}

/// A pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolRoutes {
    /// Its addresses.
    pub cidr: IpNet,
    /// How packets to them travel.
    pub encapsulation: Encapsulation,
}

/// The addresses of a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeAddresses {
    /// Its IPv4 address with the length of its subnet.
    pub v4: Option<IpNet>,
    /// Its IPv6 address with the length of its subnet.
    pub v6: Option<IpNet>,
    /// The address of its IPIP device.
    pub ipip: Option<Ipv4Addr>,
    /// Address and hardware address of its VXLAN device.
    pub vxlan_v4: Option<(Ipv4Addr, MacAddress)>,
    /// Address and hardware address of its VXLAN device over IPv6.
    pub vxlan_v6: Option<(Ipv6Addr, MacAddress)>,
}

/// Which nodes have the addresses of a block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BlockOwners {
    /// The node that the block belongs to.
    pub owner: Option<String>,
    /// Addresses in use on other nodes.
    pub elsewhere: BTreeMap<IpAddr, String>,
}

impl Encapsulation {
    /// True for both kinds of IPIP.
    #[must_use]
    pub const fn is_ipip(self) -> bool {
        matches!(self, Self::Ipip | Self::IpipCrossSubnet)
    }

    /// True for both kinds of VXLAN.
    #[must_use]
    pub const fn is_vxlan(self) -> bool {
        matches!(self, Self::Vxlan | Self::VxlanCrossSubnet)
    }
}

impl PoolRoutes {
    /// The routes of a pool; `None` when it is for load balancers alone, which have no addresses on nodes.
    #[must_use]
    pub fn of_object(pool: &IpPool) -> Option<Self> {
        let spec = &pool.spec;
        let encapsulation = match (spec.vxlan_mode, spec.ipip_mode) {
            (EncapsulationMode::Always, _) => Encapsulation::Vxlan,
            (EncapsulationMode::CrossSubnet, _) => Encapsulation::VxlanCrossSubnet,
            (EncapsulationMode::Never, EncapsulationMode::Always) => Encapsulation::Ipip,
            (EncapsulationMode::Never, EncapsulationMode::CrossSubnet) => Encapsulation::IpipCrossSubnet,
            (EncapsulationMode::Never, EncapsulationMode::Never) => Encapsulation::None,
        };
        let is_for_nodes = spec.allows(AllowedUse::Workload) || spec.allows(AllowedUse::Tunnel);
        is_for_nodes.then_some(Self { cidr: spec.cidr.0, encapsulation })
    }
}

impl NodeAddresses {
    /// The addresses of a node.
    #[must_use]
    pub fn of_object(node: &Node) -> Self {
        let (name, spec, bgp) = (node.metadata.name.as_str(), &node.spec, node.spec.bgp.as_ref());
        let mac = |set: Option<MacAddress>, tunnel| set.unwrap_or_else(|| tunnel_mac(name, tunnel));
        Self {
            v4: bgp.and_then(|bgp| bgp.ipv4_address).map(|address| address.0),
            v6: bgp.and_then(|bgp| bgp.ipv6_address).map(|address| address.0),
            ipip: bgp.and_then(|bgp| bgp.ipv4_ipip_tunnel_address),
            vxlan_v4: spec
                .ipv4_vxlan_tunnel_address
                .map(|address| (address, mac(spec.vxlan_tunnel_mac, Tunnel::VxlanV4))),
            vxlan_v6: spec
                .ipv6_vxlan_tunnel_address
                .map(|address| (address, mac(spec.vxlan_tunnel_mac_v6, Tunnel::VxlanV6))),
        }
    }

    /// The address of the family of another one.
    #[must_use]
    pub(crate) fn like(&self, other: IpAddr) -> Option<IpNet> {
        if other.is_ipv4() { self.v4 } else { self.v6 }
    }

    /// Address and hardware address of a VXLAN device.
    pub(crate) fn vtep(&self, tunnel: Tunnel) -> Option<(IpAddr, MacAddress)> {
        match tunnel {
            Tunnel::VxlanV4 => self.vxlan_v4.map(|(address, mac)| (address.into(), mac)),
            Tunnel::VxlanV6 => self.vxlan_v6.map(|(address, mac)| (address.into(), mac)),
            Tunnel::Ipip => None,
        }
    }
}

impl BlockOwners {
    /// Which nodes have the addresses of a stored block: its owner, and, for addresses that it has lent, the node that they were given to.
    #[must_use]
    pub fn of_block(block: &Block) -> Self {
        let owner = block.host().map(ToOwned::to_owned);
        let ordinals = 0..block.allocations.len();
        let node_of = |ordinal: usize| {
            let attributes =
                block.attributes_of(ordinal).filter(|attributes| attributes.released_at.is_none())?;
            let node = attributes.owner.get("node").filter(|node| Some(*node) != owner.as_ref())?;
            Some((block.address(ordinal)?, node.clone()))
        };
        let elsewhere = ordinals.filter_map(node_of).collect();
        Self { owner, elsewhere }
    }
}
