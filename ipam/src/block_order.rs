//! The order in which a node looks at the blocks of a pool.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Pool;

/// All blocks of a pool, each once, in an order that differs from node to node.
///
/// Nodes that claim blocks at the same time rarely try the same one. The order is a walk with an odd step from a start that both
/// follow from the node's name; the number of blocks is a power of two, so that the walk reaches each of them.
#[derive(Clone, Debug)]
pub struct BlockOrder {
    pool: IpNet,
    block_length: u8,
    next: u128,
    step: u128,
    left: u128,
}

impl BlockOrder {
    /// The order of a node.
    #[must_use]
    pub fn new(pool: &Pool, node: &str) -> Self {
        let hash = fnv_1a(node.as_bytes());
        let bits = u32::from(pool.block_length.saturating_sub(pool.cidr.prefix_len()));
        let left = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
        let start = u128::from(hash) & (left - 1);
        let step = u128::from(fnv_1a(&hash.to_be_bytes())) | 1;
        Self { pool: pool.cidr.trunc(), block_length: pool.block_length, next: start, step, left }
    }
}

impl Iterator for BlockOrder {
    type Item = IpNet;

    fn next(&mut self) -> Option<IpNet> {
        self.left = self.left.checked_sub(1)?;
        let bits = u32::from(self.block_length.saturating_sub(self.pool.prefix_len()));
        let mask = 1_u128.checked_shl(bits).map_or(u128::MAX, |count| count - 1);
        let number = self.next & mask;
        self.next = self.next.wrapping_add(self.step) & mask;
        numbered_block(self.pool, self.block_length, number)
    }
}

/// The block with a number, counted from the start of the pool.
fn numbered_block(pool: IpNet, block_length: u8, number: u128) -> Option<IpNet> {
    let host_bits = u32::from(pool.max_prefix_len().checked_sub(block_length)?);
    let offset = number.checked_shl(host_bits)?;
    let address = match pool.addr() {
        IpAddr::V4(start) => IpAddr::V4(u32::from(start).checked_add(u32::try_from(offset).ok()?)?.into()),
        IpAddr::V6(start) => IpAddr::V6(u128::from(start).checked_add(offset)?.into()),
    };
    IpNet::new(address, block_length).ok()
}

/// The blocks of a prefix in their order. A prefix that is longer than a block has none.
pub(crate) fn blocks_in(prefix: IpNet, block_length: u8) -> impl Iterator<Item = IpNet> {
    let bits = block_length.checked_sub(prefix.prefix_len());
    let count = bits.map_or(0, |bits| 1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX));
    (0..count).map_while(move |number| numbered_block(prefix.trunc(), block_length, number))
}

/// A hash that is the same on every machine and in every version.
fn fnv_1a(octets: &[u8]) -> u64 {
    octets
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3))
}
