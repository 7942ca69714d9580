//! The address blocks of nodes, by number.

use std::net::Ipv4Addr;

use bgp_codec::{Ipv4Prefix, Prefix};

/// A block, by its number.
pub(crate) fn prefix(number: usize) -> Prefix {
    let number = u32::try_from(number).expect("few blocks");
    let address = Ipv4Addr::from_bits(FIRST_BLOCK + (number << 6));
    bgp_codec::IpPrefix::erase(Ipv4Prefix::truncating(address, 26))
}

/// The number of a block, by its address.
pub(crate) fn number_of(prefix: Ipv4Prefix) -> usize {
    let std::net::IpAddr::V4(address) = bgp_codec::IpPrefix::erase(prefix).network() else { return 0 };
    (address.to_bits().saturating_sub(FIRST_BLOCK) >> 6) as usize
}

/// Number of blocks of each node.
pub const BLOCKS: usize = 4;

/// 10.64.0.0
const FIRST_BLOCK: u32 = 0x0a40_0000;
