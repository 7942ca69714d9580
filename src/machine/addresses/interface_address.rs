//! One address of an interface, and whether it can be used.

use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

/// An address of an interface of this node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InterfaceAddress {
    /// The number of the interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// The subnet that it attaches the node to: that of the other end, on a point-to-point link.
    pub subnet: Option<Prefix>,
    /// Whether it is in use.
    pub state: AddressState,
}

/// Whether an address can be given to peers, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AddressState {
    /// It is in use, and meant to stay.
    Preferred,
    /// It is in use, but others should be chosen where there are any: a further address of its subnet, or a temporary one
    /// (RFC 8981).
    Secondary,
    /// It is still in use, and will not be for long (RFC 4862 §5.5.4).
    Deprecated,
    /// It is not in use: duplicate address detection goes on, or found that it belongs to another node (RFC 4862 §5.4).
    Unusable,
}

impl InterfaceAddress {
    /// The subnet of `length_bits` around an address; `None` when its family has no such length.
    pub fn subnet(address: IpAddr, length_bits: u8) -> Option<Prefix> {
        match address {
            IpAddr::V4(address) if length_bits <= 32 => {
                Some(Ipv4Prefix::truncating(address, length_bits).erase())
            }
            IpAddr::V6(address) if length_bits <= 128 => {
                Some(Ipv6Prefix::truncating(address, length_bits).erase())
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    /// Whether a peer may use it as next hop: it is in use, and valid beyond the link.
    pub(super) fn is_next_hop(&self) -> bool {
        let is_global = match self.address {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
            IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
        };
        is_global && self.state != AddressState::Unusable
    }
}
