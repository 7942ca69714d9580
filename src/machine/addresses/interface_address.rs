//! An address of an interface, and its state.

use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

/// An address of an interface of this node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InterfaceAddress {
    /// The number of the interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// The connected subnet: that of the other end on a point-to-point link.
    pub subnet: Option<Prefix>,
    /// Whether it is in use.
    pub state: AddressState,
}

/// Suitability of an address as next hop, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AddressState {
    /// In use, and permanent.
    Preferred,
    /// In use, but others have precedence: a further address of its subnet, or a temporary one (RFC 8981).
    Secondary,
    /// Still in use, but not for long (RFC 4862 §5.5.4).
    Deprecated,
    /// Not in use: duplicate address detection is in progress, or found that it belongs to another node (RFC
    /// 4862 §5.4).
    Unusable,
}

impl InterfaceAddress {
    /// The subnet of `length_bits` that covers an address; `None` if its family has no such length.
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
