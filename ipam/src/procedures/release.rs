//! Taking addresses back.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::key::{BlockAffinityKey, BlockKey};
use margay_watch::{KeyRange, Store};

use super::handles::blocks_of;
use super::{ATTEMPTS, Ipam, Swapped, by_block, leave_for_later};
use crate::IpamError;
use crate::block::{AddressBlock, Release, TakenBack};
use crate::stored::Stored;

/// What a release did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Released {
    /// Addresses that were in use.
    pub released: Vec<IpAddr>,
    /// Addresses that were not in use.
    pub not_in_use: Vec<IpAddr>,
}

impl<S: Store> Ipam<'_, S> {
    /// Takes addresses back. Those of one block are taken back together or not at all.
    ///
    /// # Errors
    ///
    /// When an address has another handle or sequence number than expected, or the store cannot be reached. Addresses of blocks that
    /// came before are released then.
    pub async fn release(&self, releases: &[Release]) -> Result<Released, IpamError> {
        let mut result = Released::default();
        let mut located = Vec::new();
        for release in releases {
            match self.block_of_address(release.address).await? {
                Some(block) => located.push((block, release.clone())),
                None => result.not_in_use.push(release.address),
            }
        }
        for (block, releases) in by_block(located) {
            let taken = self.release_in_block(block, &releases).await?;
            for (handle, count) in &taken.by_handle {
                self.subtract_from_handle(handle, block, *count, None).await?;
            }
            result.released.extend(taken.released);
            result.not_in_use.extend(taken.not_in_use);
        }
        Ok(result)
    }

    /// Takes all addresses of a handle back, and deletes the handle.
    ///
    /// Addresses that another client is just giving to the handle are either among them, or are not given: a block is written even
    /// when it has none of the addresses that the handle counts, which makes the other client's write of the block fail.
    ///
    /// # Errors
    ///
    /// [`IpamError::NotFound`] when nothing has the handle.
    pub async fn release_handle(&self, handle: &str) -> Result<Vec<IpAddr>, IpamError> {
        let mut released = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let Some(stored) = self.handle(handle).await? else {
                let was_found = attempt > 1;
                return if was_found {
                    Ok(released)
                } else {
                    Err(IpamError::NotFound(format!("handle {handle}")))
                };
            };
            for block in blocks_of(&stored.value) {
                released.extend(self.release_handle_in_block(handle, block).await?);
            }
            if self.delete_handle(handle, &stored).await? {
                return Ok(released);
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(format!("handle {handle}")))
    }

    async fn release_in_block(&self, block: IpNet, releases: &[Release]) -> Result<TakenBack, IpamError> {
        for attempt in 1..=ATTEMPTS {
            let Some(mut stored) = self.block(block).await? else {
                let not_in_use = releases.iter().map(|release| release.address).collect();
                return Ok(TakenBack { not_in_use, ..TakenBack::default() });
            };
            let taken = stored.value.take_back(releases, self.now)?;
            if taken.released.is_empty() || self.write_after_release(stored).await? {
                return Ok(taken);
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(block.to_string()))
    }

    async fn release_handle_in_block(&self, handle: &str, block: IpNet) -> Result<Vec<IpAddr>, IpamError> {
        for attempt in 1..=ATTEMPTS {
            let Some(mut stored) = self.block(block).await? else { return Ok(Vec::new()) };
            let released = stored.value.take_back_handle(handle, self.now);
            if self.write_after_release(stored).await? {
                return Ok(released);
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(block.to_string()))
    }

    /// Writes a block that has lost addresses, or deletes it when it is empty and belongs to no node. Returns false when it has
    /// changed since it was read.
    async fn write_after_release(&self, mut stored: Stored<AddressBlock>) -> Result<bool, IpamError> {
        stored.value.collect(self.now, self.cooldown_seconds());
        let (is_empty, owner) = (stored.value.is_empty(), stored.value.owner());
        let block = stored.value.cidr();
        let swapped = match (is_empty, &owner) {
            (true, None) => self.delete_block(&stored).await?,
            _ => self.write_block(stored).await?,
        };
        if !matches!(swapped, Swapped::Written(_)) {
            return Ok(false);
        }
        if let (true, Some(owner)) = (is_empty, owner) {
            let key = BlockAffinityKey { owner_type: owner.owner_type, owner: owner.name, block };
            self.give_up_unwanted(&key).await;
        }
        Ok(true)
    }

    /// Takes an empty block from a node that its pool does not select any more.
    async fn give_up_unwanted(&self, key: &BlockAffinityKey) {
        if key.owner_type != "host" {
            return;
        }
        let pool = self.cluster.pools.iter().find(|pool| pool.cidr.contains(&key.block));
        let Ok(labels) = self.node_labels(&key.owner).await else { return };
        // A node that does not exist is removed by its own procedure.
        let is_wanted = labels.is_none() || pool.is_some_and(|pool| pool.selects_node(labels.as_ref()));
        if !is_wanted {
            leave_for_later(self.release_affinity(key, true).await);
        }
    }

    /// The block of an address: that of its pool, or a stored one when the pool is gone or has other blocks now.
    pub(super) async fn block_of_address(&self, address: IpAddr) -> Result<Option<IpNet>, IpamError> {
        let pools = self.cluster.pools.iter();
        for block in pools.filter_map(|pool| pool.block_of(address)) {
            if self.store.get(&BlockKey { block }.to_string()).await?.is_some() {
                return Ok(Some(block));
            }
        }
        let listed = self.store.list(&KeyRange::of_prefix(BlockKey::PREFIX)).await?;
        let keys = listed.iter().filter_map(|key_value| std::str::from_utf8(&key_value.key).ok());
        Ok(keys.filter_map(BlockKey::parse).map(|key| key.block).find(|block| block.contains(&address)))
    }
}
