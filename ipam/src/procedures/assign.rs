//! Giving addresses to an owner that does not name them.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::object::AllowedUse;
use margay_cluster::value::Labels;
use margay_watch::Store;

use super::{ATTEMPTS, Ipam, Swapped, leave_for_later};
use crate::IpamError;
use crate::block::{AddressBlock, AddressOwner, HostReservation};
use crate::block_order::BlockOrder;
use crate::pool::{AddressFamily, Pool, Selection, qualifying_pools};
use crate::stored::Stored;

/// Addresses that an owner wants.
#[derive(Clone, Debug)]
pub struct AssignRequest {
    /// The node that they are used on.
    pub node: String,
    /// What they are for.
    pub wanted_for: AllowedUse,
    /// Who gets them.
    pub owner: AddressOwner,
    /// Labels of the namespace of the workload; without them, namespace selectors of pools do not matter.
    pub namespace_labels: Option<Labels>,
    /// The most addresses of each family that the handle may have. A request beyond it gets addresses that the handle has.
    pub most_per_handle: Option<usize>,
    /// The most blocks of the node in each family, if it is less than the setting of the cluster.
    pub most_blocks: Option<u32>,
    /// IPv4 addresses.
    pub v4: FamilyRequest,
    /// IPv6 addresses.
    pub v6: FamilyRequest,
}

/// Addresses of one family that an owner wants.
#[derive(Clone, Debug, Default)]
pub struct FamilyRequest {
    /// How many.
    pub count: usize,
    /// Names or prefixes of the only pools that they may be from. Selectors of these do not matter.
    pub pools: Vec<String>,
    /// Addresses that the node keeps for itself in each block that it claims. Such a node does not borrow.
    pub host_reservation: Option<HostReservation>,
}

/// What an owner got of one family.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Assigned {
    /// The addresses, with the prefix length of their pool.
    pub addresses: Vec<IpNet>,
    /// Why there are not as many as wanted, for people.
    pub shortfall: Option<String>,
    /// The limit that prevented more.
    pub limit: Option<IpamError>,
}

impl AssignRequest {
    /// A request for addresses of one family or both.
    #[must_use]
    pub fn new(node: &str, wanted_for: AllowedUse, owner: AddressOwner, v4: usize, v6: usize) -> Self {
        let family = |count| FamilyRequest { count, ..FamilyRequest::default() };
        Self {
            node: node.to_owned(),
            wanted_for,
            owner,
            namespace_labels: None,
            most_per_handle: None,
            most_blocks: None,
            v4: family(v4),
            v6: family(v6),
        }
    }

    const fn of_family(&self, family: AddressFamily) -> &FamilyRequest {
        match family {
            AddressFamily::V4 => &self.v4,
            AddressFamily::V6 => &self.v6,
        }
    }
}

/// A request for one family while it is carried out.
struct Filling<'r, 'p> {
    request: &'r AssignRequest,
    family: AddressFamily,
    pools: Vec<&'p Pool>,
    assigned: Assigned,
    /// Blocks that were looked at.
    visited: Vec<IpNet>,
}

impl Filling<'_, '_> {
    fn missing(&self) -> usize {
        self.request.of_family(self.family).count.saturating_sub(self.assigned.addresses.len())
    }

    fn pool_of(&self, block: IpNet) -> Option<&Pool> {
        self.pools.iter().copied().find(|pool| pool.cidr.contains(&block))
    }

    /// Notes addresses of a block, with the prefix length of the pool.
    fn take(&mut self, block: IpNet, addresses: &[IpAddr]) {
        let length = self.pool_of(block).map_or_else(|| block.prefix_len(), |pool| pool.cidr.prefix_len());
        let networks = addresses.iter().filter_map(|&address| IpNet::new(address, length).ok());
        self.assigned.addresses.extend(networks);
    }
}

impl<S: Store> Ipam<'_, S> {
    /// Gives addresses to an owner: from blocks of the node, then from blocks that it claims, then, unless affinity is strict, from
    /// blocks of others. Fewer than wanted are no error.
    ///
    /// # Errors
    ///
    /// When no pool can be used, or the store cannot be reached. Addresses may have been given to the handle then; releasing by
    /// handle takes them back.
    pub async fn assign(
        &self,
        request: &AssignRequest,
        family: AddressFamily,
    ) -> Result<Assigned, IpamError> {
        if request.of_family(family).count == 0 {
            return Ok(Assigned::default());
        }
        if let Some(held) = self.held_at_limit(request, family).await? {
            return Ok(held);
        }
        let labels = self.node_labels(&request.node).await?;
        let pools = self.pools_for(request, family, labels.as_ref())?;
        let mut filling =
            Filling { request, family, pools, assigned: Assigned::default(), visited: Vec::new() };
        let own_blocks = self.fill_from_own_blocks(&mut filling, labels.as_ref()).await?;
        self.fill_from_new_blocks(&mut filling, own_blocks).await?;
        if filling.missing() > 0 && filling.assigned.limit.is_none() {
            self.borrow(&mut filling).await?;
        }
        Ok(filling.assigned)
    }

    /// Makes sure that the node has a block with a free address in the pools that it may use, and returns it.
    ///
    /// # Errors
    ///
    /// When no pool can be used, no block is left, or the store cannot be reached.
    pub async fn ensure_block(
        &self,
        request: &AssignRequest,
        family: AddressFamily,
    ) -> Result<IpNet, IpamError> {
        let labels = self.node_labels(&request.node).await?;
        let pools = self.pools_for(request, family, labels.as_ref())?;
        for (key, _) in self.affinities_of(&request.node).await? {
            if pools.iter().any(|pool| pool.cidr.contains(&key.block))
                && let Some(stored) = self.block(key.block).await?
                && is_of_host(&stored.value, &request.node)
                && stored.value.free_count(&self.cluster.reservations) > 0
            {
                return Ok(key.block);
            }
        }
        let mut filling =
            Filling { request, family, pools, assigned: Assigned::default(), visited: Vec::new() };
        let claimed = self.claim_any_block(&mut filling).await?;
        claimed.ok_or_else(|| IpamError::NotFound(format!("a free {family} block")))
    }

    /// Addresses of a handle that has as many as it may have.
    async fn held_at_limit(
        &self,
        request: &AssignRequest,
        family: AddressFamily,
    ) -> Result<Option<Assigned>, IpamError> {
        let (Some(most), Some(handle)) = (request.most_per_handle, &request.owner.handle) else {
            return Ok(None);
        };
        let held = match self.addresses_of_handle(handle).await {
            Err(IpamError::NotFound(_)) => return Ok(None),
            other => other?,
        };
        let held: Vec<IpAddr> =
            held.into_iter().filter(|&address| AddressFamily::of(address) == family).collect();
        if held.len() < most {
            return Ok(None);
        }
        let length = |address: IpAddr| {
            let pool = self.cluster.pools.iter().find(|pool| pool.cidr.contains(&address));
            pool.map_or_else(|| IpNet::from(address).prefix_len(), |pool| pool.cidr.prefix_len())
        };
        let networks = held.into_iter().take(request.of_family(family).count);
        let addresses = networks.filter_map(|address| IpNet::new(address, length(address)).ok()).collect();
        Ok(Some(Assigned { addresses, ..Assigned::default() }))
    }

    fn pools_for(
        &self,
        request: &AssignRequest,
        family: AddressFamily,
        node_labels: Option<&Labels>,
    ) -> Result<Vec<&Pool>, IpamError> {
        let wanted = request.of_family(family);
        let selection = Selection { node_labels, namespace_labels: request.namespace_labels.as_ref() };
        let pools = qualifying_pools(&self.cluster.pools, family, &wanted.pools, selection)?;
        if let Some(small) = pools.iter().find(|pool| !fits_reservation(pool, wanted)) {
            return Err(IpamError::PoolNotUsable { pool: small.cidr.to_string() });
        }
        if pools.is_empty() {
            let is_any = |pool: &Pool| pool.is_enabled && pool.family() == family;
            return Err(match self.cluster.pools.iter().any(is_any) {
                true => IpamError::NoPoolsForNode { node: request.node.clone() },
                false => IpamError::NoPools,
            });
        }
        let allowed: Vec<&Pool> = pools.into_iter().filter(|pool| pool.allows(request.wanted_for)).collect();
        if allowed.is_empty() {
            return Err(IpamError::NoQualifiedPool { wanted: request.wanted_for.as_str() });
        }
        Ok(allowed)
    }

    /// Gives out addresses of blocks that the node has. Returns how many of the family it has.
    async fn fill_from_own_blocks(
        &self,
        filling: &mut Filling<'_, '_>,
        labels: Option<&Labels>,
    ) -> Result<u32, IpamError> {
        let node = filling.request.node.clone();
        let mut own_blocks: u32 = 0;
        for (key, _) in self.affinities_of(&node).await? {
            let block = key.block;
            if AddressFamily::of(block.addr()) != filling.family {
                continue;
            }
            let stored = self.block(block).await?;
            match stored.filter(|stored| is_of_host(&stored.value, &node)) {
                // The block of a claim that was not finished: it is claimed now, or the affinity goes.
                None if filling.pool_of(block).is_some() && filling.missing() > 0 => {
                    if self.claim_block_again(&node, block, None).await.is_err() {
                        continue;
                    }
                }
                None => {
                    leave_for_later(self.release_affinity(&key, true).await);
                    continue;
                }
                Some(stored) if filling.pool_of(block).is_none() => {
                    if self.is_unwanted(&stored, labels) {
                        leave_for_later(self.release_affinity(&key, true).await);
                    }
                    continue;
                }
                Some(_) => (),
            }
            own_blocks += 1;
            if filling.missing() > 0 {
                self.fill_from_block(filling, block, Some(&node)).await?;
            }
        }
        Ok(own_blocks)
    }

    /// True for an empty block of a pool that is disabled or gone, or does not select the node any more.
    fn is_unwanted(&self, stored: &Stored<AddressBlock>, labels: Option<&Labels>) -> bool {
        let cidr = stored.value.cidr();
        let pool = self.cluster.pools.iter().find(|pool| pool.is_enabled && pool.cidr.contains(&cidr));
        stored.value.is_empty() && pool.is_none_or(|pool| !pool.selects_node(labels))
    }

    async fn fill_from_new_blocks(
        &self,
        filling: &mut Filling<'_, '_>,
        mut own_blocks: u32,
    ) -> Result<(), IpamError> {
        let settings = &self.cluster.settings;
        let limits = [Some(settings.max_blocks_per_host), filling.request.most_blocks];
        let limit = limits.into_iter().flatten().filter(|&limit| limit > 0).min();
        while filling.missing() > 0 && settings.auto_allocate_blocks {
            if let Some(limit) = limit.filter(|&limit| own_blocks >= limit) {
                filling.assigned.shortfall = Some(format!("block limit {limit}"));
                filling.assigned.limit = Some(IpamError::BlockLimit(limit));
                return Ok(());
            }
            let node = filling.request.node.clone();
            let Some(block) = self.claim_any_block(filling).await? else { return Ok(()) };
            own_blocks += 1;
            self.fill_from_block(filling, block, Some(&node)).await?;
        }
        Ok(())
    }

    /// Claims a block of any of the pools; `None` when there is none left.
    async fn claim_any_block(&self, filling: &mut Filling<'_, '_>) -> Result<Option<IpNet>, IpamError> {
        for pool in filling.pools.clone() {
            if let Some(block) = self.claim_block_of(filling, pool).await? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    async fn claim_block_of(
        &self,
        filling: &mut Filling<'_, '_>,
        pool: &Pool,
    ) -> Result<Option<IpNet>, IpamError> {
        let node = filling.request.node.clone();
        let reserved = filling.request.of_family(filling.family).host_reservation.clone();
        // A list of all blocks is long, and most pools have room: a few blocks are tried first.
        let mut existing: Option<Vec<IpNet>> = None;
        let order = BlockOrder::new(pool, &node).take(LONGEST_SEARCH);
        for (number, block) in order.filter(|&block| !self.cluster.reservations.covers(block)).enumerate() {
            if existing.is_none() && number >= BLIND_TRIES {
                let blocks = self.blocks().await?;
                existing = Some(blocks.iter().map(AddressBlock::cidr).collect());
            }
            let is_taken = match &existing {
                Some(existing) => existing.contains(&block),
                None => self.block(block).await?.is_some(),
            };
            if is_taken {
                continue;
            }
            match self.claim_block_again(&node, block, reserved.as_ref()).await {
                Ok(()) => return Ok(Some(block)),
                Err(IpamError::AffinityMismatch { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Takes addresses of blocks that belong to other nodes or to none.
    async fn borrow(&self, filling: &mut Filling<'_, '_>) -> Result<(), IpamError> {
        let reserved = &filling.request.of_family(filling.family).host_reservation;
        if self.cluster.settings.strict_affinity || reserved.is_some() {
            filling.assigned.shortfall =
                Some("the blocks of the node are full, and it may not borrow: strict_affinity".to_owned());
            return Ok(());
        }
        for mut block in self.blocks().await? {
            let cidr = block.cidr();
            if filling.missing() == 0 {
                return Ok(());
            }
            block.collect(self.now, self.cooldown_seconds());
            let has_room = block.free_count(&self.cluster.reservations) > 0;
            if has_room && filling.pool_of(cidr).is_some() && !filling.visited.contains(&cidr) {
                self.fill_from_block(filling, cidr, None).await?;
            }
        }
        if filling.missing() > 0 {
            filling.assigned.shortfall = Some("the IP pools are full".to_owned());
        }
        Ok(())
    }

    /// Gives out addresses of one block; with a host, only while the block belongs to it.
    async fn fill_from_block(
        &self,
        filling: &mut Filling<'_, '_>,
        block: IpNet,
        host: Option<&str>,
    ) -> Result<(), IpamError> {
        filling.visited.push(block);
        for attempt in 1..=ATTEMPTS {
            let Some(mut stored) = self.block(block).await? else { return Ok(()) };
            if host.is_some_and(|host| !is_of_host(&stored.value, host)) {
                return Ok(());
            }
            let (missing, owner) = (filling.missing(), &filling.request.owner);
            let given = stored.value.give(missing, owner, &self.cluster.reservations);
            if given.is_empty() {
                return Ok(());
            }
            if self.write_given(stored, &given, owner).await? {
                filling.take(block, &given);
                return Ok(());
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(block.to_string()))
    }

    /// Counts given addresses for their handle, and writes the block. Returns false when the block has changed since it was read.
    pub(super) async fn write_given(
        &self,
        stored: Stored<AddressBlock>,
        given: &[IpAddr],
        owner: &AddressOwner,
    ) -> Result<bool, IpamError> {
        let block = stored.value.cidr();
        let counted = match &owner.handle {
            Some(handle) => Some((handle, self.add_to_handle(handle, block, given.len()).await?)),
            None => None,
        };
        let sequence = stored.value.value().sequence_number;
        let is_written = match self.write_block(stored).await? {
            Swapped::Written(_) => true,
            Swapped::Lost(_) => false,
            Swapped::Doubtful => self.has_given(block, given, owner, sequence).await?,
        };
        if let Some((handle, incarnation)) = counted.filter(|_| !is_written) {
            let count = u64::try_from(given.len()).unwrap_or(u64::MAX);
            self.subtract_from_handle(handle, block, count, Some(incarnation)).await?;
        }
        Ok(is_written)
    }

    /// Whether a write without an answer stood in the block: only one write of a block gives addresses out with a sequence number.
    async fn has_given(
        &self,
        block: IpNet,
        given: &[IpAddr],
        owner: &AddressOwner,
        sequence: u64,
    ) -> Result<bool, IpamError> {
        let Some(stored) = self.block(block).await? else { return Ok(false) };
        Ok(given.iter().all(|&address| {
            let attributes = stored.value.attributes_of(address);
            attributes.is_some_and(|attributes| {
                attributes.handle_id == owner.handle && attributes.owner == owner.attributes
            }) && stored.value.sequence_of(address) == Some(sequence)
        }))
    }
}

pub(super) fn is_of_host(block: &AddressBlock, host: &str) -> bool {
    block.owner().is_some_and(|owner| owner.owner_type == "host" && owner.name == host)
}

fn fits_reservation(pool: &Pool, wanted: &FamilyRequest) -> bool {
    let bits = u32::from(pool.cidr.max_prefix_len().saturating_sub(pool.block_length));
    let size = 1_usize.checked_shl(bits).unwrap_or(usize::MAX);
    wanted.host_reservation.as_ref().is_none_or(|reserved| reserved.fits(size))
}

/// Blocks that are read one by one before all are listed.
const BLIND_TRIES: usize = 8;

/// The most blocks of a pool that are considered: a bound for IPv6 pools of which most is reserved.
const LONGEST_SEARCH: usize = 1 << 20;
