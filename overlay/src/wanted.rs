//! What a node's kernel must have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::value::MacAddress;

/// A tunnel device.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tunnel {
    /// VXLAN over IPv4.
    VxlanV4,
    /// VXLAN over IPv6.
    VxlanV6,
    /// IPIP.
    Ipip,
}

/// How a tunnel device is set up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TunnelDevice {
    /// The node's address, which outer packets have as their source.
    pub local: IpAddr,
    /// The address of the device; the device waits for one where there is none.
    pub address: IpAddr,
    /// The hardware address; IPIP has none.
    pub mac: Option<MacAddress>,
}

/// Where packets to a destination go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hop {
    /// Into a VXLAN device, to a neighbour that is there although no subnet says so (*onlink*).
    Vxlan {
        /// The device.
        tunnel: Tunnel,
        /// The address of the other node's device.
        via: IpAddr,
    },
    /// Into the IPIP device, to another node.
    Ipip {
        /// The node's address.
        via: IpAddr,
    },
    /// To another node in the same subnet.
    Direct {
        /// The node's address.
        via: IpAddr,
    },
    /// Nowhere: addresses of an own block that are not in use must not leave by the default route.
    Blackhole,
}

/// What a node's kernel must have, by kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wanted {
    /// Tunnel devices.
    pub devices: BTreeMap<Tunnel, TunnelDevice>,
    /// Permanent neighbours: hardware addresses of the other nodes' devices.
    pub neighbours: BTreeMap<(Tunnel, IpAddr), MacAddress>,
    /// Permanent forwarding entries: the node behind a hardware address.
    pub forwarding: BTreeMap<(Tunnel, MacAddress), IpAddr>,
    /// Routes.
    pub routes: BTreeMap<IpNet, Hop>,
}

impl Tunnel {
    /// The name of the device. Calico's.
    #[must_use]
    pub const fn device_name(self) -> &'static str {
        match self {
            Self::VxlanV4 => "vxlan.calico",
            Self::VxlanV6 => "vxlan-v6.calico",
            Self::Ipip => "tunl0",
        }
    }

    /// How many octets it adds to a packet, by which its MTU is less than that of the interface below.
    #[must_use]
    pub const fn overhead_octets(self) -> u32 {
        match self {
            Self::VxlanV4 => 50,
            Self::VxlanV6 => 70,
            Self::Ipip => 20,
        }
    }
}
