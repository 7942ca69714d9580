//! Blocks: what is free in one, who has which address, giving out and taking back.

mod collection;
mod giving;
mod taking_back;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::ipam::{AllocationAttributes, Block, BlockOwner};
use margay_cluster::value::Network;

use crate::prefix_set::PrefixSet;
use crate::wall_time::WallTime;

pub use self::giving::{AttributeChange, OwnerChange};
pub use self::taking_back::{Release, TakenBack};

/// A block of addresses, which are numbered from 0 (*ordinals*).
#[derive(Clone, Debug, PartialEq)]
pub struct AddressBlock(Block);

/// Who gets addresses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressOwner {
    /// The handle that the addresses are released by. Addresses without one can only be released one by one.
    pub handle: Option<String>,
    /// What else is known of the owner, in keys such as `node`, `namespace`, `pod`, `type`.
    pub attributes: BTreeMap<String, String>,
}

/// Addresses at both ends of each block that a node keeps for itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostReservation {
    /// How many at the start.
    pub start: usize,
    /// How many at the end.
    pub end: usize,
    /// How they are marked in the block.
    pub owner: AddressOwner,
}

impl HostReservation {
    /// True for a block that has addresses left beyond the reserved ones.
    #[must_use]
    pub fn fits(&self, block_size: usize) -> bool {
        self.start.checked_add(self.end).is_some_and(|reserved| reserved < block_size)
    }
}

impl AddressBlock {
    /// An empty block that was claimed at `now`.
    ///
    /// Its sequence numbers start at the time in microseconds, so that a block which is deleted and made again does not repeat them.
    #[must_use]
    pub fn new(
        cidr: IpNet,
        owner: Option<BlockOwner>,
        reserved: Option<&HostReservation>,
        now: WallTime,
    ) -> Self {
        let mut block = Block {
            cidr: Network::from(cidr),
            affinity_claim_time: owner.as_ref().map(|_| now.to_string()),
            affinity: owner,
            allocations: Vec::new(),
            unallocated: Vec::new(),
            attributes: Vec::new(),
            sequence_number: u64::try_from(now.0).unwrap_or(0).saturating_mul(1_000_000),
            sequence_number_for_allocation: BTreeMap::new(),
            deleted: false,
            old_strict_affinity: false,
            old_host_affinity: None,
        };
        let size = block.size();
        block.allocations = vec![None; size];
        if let Some(reserved) = reserved.filter(|reserved| reserved.fits(size)) {
            block.attributes.push(attributes_of(&reserved.owner));
            let is_reserved = |ordinal: usize| ordinal < reserved.start || ordinal >= size - reserved.end;
            block.allocations = (0..size).map(|ordinal| is_reserved(ordinal).then_some(0)).collect();
        }
        block.unallocated = positions_of_free(&block.allocations);
        Self(block)
    }

    /// The stored value.
    #[must_use]
    pub const fn value(&self) -> &Block {
        &self.0
    }

    /// Its addresses.
    #[must_use]
    pub const fn cidr(&self) -> IpNet {
        self.0.cidr.0
    }

    /// Its owner; an old version wrote the node alone.
    #[must_use]
    pub fn owner(&self) -> Option<BlockOwner> {
        let old = || {
            let name = self.0.old_host_affinity.clone()?;
            Some(BlockOwner { owner_type: "host".to_owned(), name })
        };
        self.0.affinity.clone().or_else(old)
    }

    /// Takes the block from its owner. The addresses in use stay in use.
    pub fn remove_owner(&mut self) {
        self.0.affinity = None;
        self.0.old_host_affinity = None;
        self.0.affinity_claim_time = None;
    }

    /// True when no address is in use or rests after its release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.allocations.iter().all(Option::is_none)
    }

    /// Addresses in use with their owners, in their order. Addresses that rest after their release are not in use.
    pub fn in_use(&self) -> impl Iterator<Item = (IpAddr, &AllocationAttributes)> {
        self.used_ordinals().filter_map(|(ordinal, attributes)| Some((self.0.address(ordinal)?, attributes)))
    }

    /// Addresses of a handle.
    #[must_use]
    pub fn of_handle(&self, handle: &str) -> Vec<IpAddr> {
        let own = self.in_use().filter(|(_, attributes)| attributes.handle_id.as_deref() == Some(handle));
        own.map(|(address, _)| address).collect()
    }

    /// The owner of an address that is in use.
    #[must_use]
    pub fn attributes_of(&self, address: IpAddr) -> Option<&AllocationAttributes> {
        let attributes = self.0.attributes_of(self.0.ordinal(address)?)?;
        attributes.released_at.is_none().then_some(attributes)
    }

    /// The sequence number that an address was given out with.
    #[must_use]
    pub fn sequence_of(&self, address: IpAddr) -> Option<u64> {
        let ordinal = self.0.ordinal(address)?;
        self.0.sequence_number_for_allocation.get(&ordinal.to_string()).copied()
    }

    /// How many addresses can be given out without being named.
    #[must_use]
    pub fn free_count(&self, reservations: &PrefixSet) -> usize {
        self.0.unallocated.iter().filter(|&&ordinal| !self.is_reserved(ordinal, reservations)).count()
    }

    /// Counts a write of the block.
    pub(crate) fn count_write(&mut self) {
        self.0.sequence_number = self.0.sequence_number.wrapping_add(1);
    }

    pub(crate) const fn from_value(block: Block) -> Self {
        Self(block)
    }

    fn used_ordinals(&self) -> impl Iterator<Item = (usize, &AllocationAttributes)> {
        let ordinals = 0..self.0.allocations.len();
        let taken = ordinals.filter_map(|ordinal| Some((ordinal, self.0.attributes_of(ordinal)?)));
        taken.filter(|(_, attributes)| attributes.released_at.is_none())
    }

    fn is_reserved(&self, ordinal: usize, reservations: &PrefixSet) -> bool {
        self.0.address(ordinal).is_some_and(|address| reservations.contains(address))
    }
}

fn positions_of_free(allocations: &[Option<usize>]) -> Vec<usize> {
    let numbered = allocations.iter().enumerate();
    numbered.filter(|(_, attributes)| attributes.is_none()).map(|(ordinal, _)| ordinal).collect()
}

fn attributes_of(owner: &AddressOwner) -> AllocationAttributes {
    AllocationAttributes {
        handle_id: owner.handle.clone(),
        owner: owner.attributes.clone(),
        alternate_owner: BTreeMap::new(),
        released_at: None,
    }
}
