//! How much of pools and blocks is in use.

use ipnet::IpNet;
use margay_watch::Store;

use super::Ipam;
use crate::IpamError;
use crate::block::AddressBlock;
use crate::pool::Pool;
use crate::prefix_set::{PrefixSet, address_count};

/// How much of a pool is in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PoolUse {
    /// The name of the pool.
    pub name: String,
    /// Its addresses.
    pub cidr: IpNet,
    /// How many there are.
    pub capacity: u128,
    /// How many are in use.
    pub in_use: u128,
    /// How many are reserved, whether in use or not.
    pub reserved: u128,
    /// How many can be given out.
    pub available: u128,
    /// Its blocks.
    pub blocks: Vec<BlockUse>,
}

/// How much of a block is in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlockUse {
    /// Its addresses.
    pub cidr: IpNet,
    /// The node that it belongs to.
    pub owner: Option<String>,
    /// How many addresses it has.
    pub capacity: u128,
    /// How many are in use.
    pub in_use: u128,
    /// How many are reserved, whether in use or not.
    pub reserved: u128,
    /// How many can be given out.
    pub available: u128,
}

impl<S: Store> Ipam<'_, S> {
    /// How much of each pool is in use.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached.
    pub async fn utilization(&self) -> Result<Vec<PoolUse>, IpamError> {
        let mut blocks = self.blocks().await?;
        for block in &mut blocks {
            block.collect(self.now, self.cooldown_seconds());
        }
        let pools = self.cluster.pools.iter();
        Ok(pools.map(|pool| PoolUse::new(pool, &blocks, &self.cluster.reservations)).collect())
    }
}

impl PoolUse {
    /// The use of a pool, out of all blocks.
    #[must_use]
    pub fn new(pool: &Pool, blocks: &[AddressBlock], reservations: &PrefixSet) -> Self {
        let own = blocks.iter().filter(|block| pool.cidr.contains(&block.cidr()));
        let blocks: Vec<BlockUse> = own.map(|block| BlockUse::new(block, reservations)).collect();
        let cidrs: Vec<IpNet> = blocks.iter().map(|block| block.cidr).collect();
        let outside = available_outside_blocks(pool.cidr, &cidrs, reservations);
        let in_blocks: u128 = blocks.iter().map(|block| block.available).sum();
        Self {
            name: pool.name.clone(),
            cidr: pool.cidr,
            capacity: address_count(pool.cidr),
            in_use: blocks.iter().map(|block| block.in_use).sum(),
            reserved: reservations.count_in(pool.cidr),
            available: outside.saturating_add(in_blocks),
            blocks,
        }
    }
}

impl BlockUse {
    /// The use of a block.
    #[must_use]
    pub fn new(block: &AddressBlock, reservations: &PrefixSet) -> Self {
        Self {
            cidr: block.cidr(),
            owner: block.owner().map(|owner| owner.name),
            capacity: address_count(block.cidr()),
            in_use: block.in_use().count() as u128,
            reserved: reservations.count_in(block.cidr()),
            available: block.free_count(reservations) as u128,
        }
    }
}

/// How many addresses of a pool are in none of its blocks and not reserved.
#[must_use]
pub fn available_outside_blocks(pool: IpNet, blocks: &[IpNet], reservations: &PrefixSet) -> u128 {
    let taken = PrefixSet::new(blocks.iter().chain(reservations.prefixes()).copied());
    address_count(pool).saturating_sub(taken.count_in(pool))
}
