//! Claiming blocks for a node, and giving them up.

use ipnet::IpNet;
use margay_cluster::ipam::{AffinityState, BlockOwner, read_block_affinity};
use margay_cluster::key::{BlockAffinityKey, BlockKey};
use margay_watch::{Current, Expected, KeyRange, Revision, Stamp, Store};

use super::{ATTEMPTS, Ipam, Swapped, affinities, leave_for_later};
use crate::block::{AddressBlock, HostReservation};
use crate::block_order::blocks_in;
use crate::{IpamError, pool_of, stored};

/// What became of the blocks of a prefix.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claimed {
    /// Blocks that the node has now.
    pub claimed: Vec<IpNet>,
    /// Blocks that belong to other nodes.
    pub of_others: Vec<IpNet>,
}

impl<S: Store> Ipam<'_, S> {
    /// Claims a block for a node.
    ///
    /// # Errors
    ///
    /// [`IpamError::AffinityMismatch`] when another node has it, [`IpamError::Conflict`] when the claim met a release of the same
    /// block and has to be tried again.
    pub async fn claim_block(
        &self,
        host: &str,
        block: IpNet,
        reserved: Option<&HostReservation>,
    ) -> Result<(), IpamError> {
        let key = BlockAffinityKey::of_host(host, block);
        let Some(pending) = self.write_pending(&key).await? else { return Ok(()) };
        let owner = BlockOwner { owner_type: key.owner_type.clone(), name: key.owner.clone() };
        if !self.create_block(&owner, block, reserved).await? {
            leave_for_later(self.swap(&key.to_string(), Expected::At(pending), None).await);
            return Err(IpamError::AffinityMismatch { block });
        }
        let confirmed = stored::affinity(AffinityState::Confirmed);
        match self.swap(&key.to_string(), Expected::At(pending), Some(confirmed)).await? {
            Swapped::Written(_) => Ok(()),
            // Another program of the node claims the same block, and was faster.
            Swapped::Lost(Some(current)) if state_of(&key, &current)? == AffinityState::Confirmed => Ok(()),
            Swapped::Lost(_) | Swapped::Doubtful => {
                Err(IpamError::Conflict(format!("the block {block} is being released")))
            }
        }
    }

    /// Claims all blocks of a prefix for a node.
    ///
    /// # Errors
    ///
    /// When the prefix is in no pool or smaller than a block, or the store cannot be reached.
    pub async fn claim_prefix(&self, host: &str, prefix: IpNet) -> Result<Claimed, IpamError> {
        let pool = pool_of(&self.cluster.pools, prefix.addr());
        let pool = pool.filter(|pool| pool.cidr.contains(&prefix)).ok_or(IpamError::NotInPool(prefix))?;
        if prefix.prefix_len() > pool.block_length {
            return Err(IpamError::TooSmall(prefix));
        }
        let mut claimed = Claimed::default();
        for block in blocks_in(prefix, pool.block_length) {
            match self.claim_block_again(host, block, None).await {
                Ok(()) => claimed.claimed.push(block),
                Err(IpamError::AffinityMismatch { .. }) => claimed.of_others.push(block),
                Err(error) => return Err(error),
            }
        }
        Ok(claimed)
    }

    /// Claims a block, again if the claim meets a release.
    pub(super) async fn claim_block_again(
        &self,
        host: &str,
        block: IpNet,
        reserved: Option<&HostReservation>,
    ) -> Result<(), IpamError> {
        for attempt in 1..=ATTEMPTS {
            match self.claim_block(host, block, reserved).await {
                Err(IpamError::Conflict(_)) => self.store.pause(attempt).await,
                other => return other,
            }
        }
        Err(IpamError::Busy(block.to_string()))
    }

    /// Takes a block from a node. Its addresses stay in use, and the block goes when the last of them is released; an empty block goes
    /// at once.
    ///
    /// # Errors
    ///
    /// [`IpamError::AffinityMismatch`] when the block belongs to another node, [`IpamError::NotEmpty`] when it must be empty and is
    /// not. Nothing has changed then.
    pub async fn release_affinity(
        &self,
        key: &BlockAffinityKey,
        must_be_empty: bool,
    ) -> Result<(), IpamError> {
        for attempt in 1..=ATTEMPTS {
            match self.release_affinity_once(key, must_be_empty).await {
                Err(IpamError::Conflict(_)) => self.store.pause(attempt).await,
                other => return other,
            }
        }
        Err(IpamError::Busy(key.to_string()))
    }

    /// Takes all blocks from a node. Goes on after a block that cannot be taken.
    ///
    /// # Errors
    ///
    /// The last reason why a block could not be taken.
    pub async fn release_affinities_of_host(&self, host: &str, must_be_empty: bool) -> Result<(), IpamError> {
        let mut result = Ok(());
        for (key, _) in self.affinities_of(host).await? {
            result = self.release_affinity(&key, must_be_empty).await.and(result);
        }
        result
    }

    /// Takes all blocks in a prefix from their nodes.
    ///
    /// # Errors
    ///
    /// The last reason why a block could not be taken.
    pub async fn release_affinities_in(&self, prefix: IpNet, must_be_empty: bool) -> Result<(), IpamError> {
        let mut result = Ok(());
        let listed = self.store.list(&KeyRange::of_prefix(BlockAffinityKey::PREFIX)).await?;
        for (key, _) in affinities(listed).into_iter().filter(|(key, _)| prefix.contains(&key.block)) {
            result = self.release_affinity(&key, must_be_empty).await.and(result);
        }
        result
    }

    /// Takes a block from its owner if it has not changed since it was read.
    ///
    /// # Errors
    ///
    /// [`IpamError::Conflict`] when it has changed; otherwise as for [`release_affinity`](Self::release_affinity).
    pub async fn release_affinity_of_block(
        &self,
        read: &AddressBlock,
        must_be_empty: bool,
    ) -> Result<(), IpamError> {
        let block = read.cidr();
        let changed = || IpamError::Conflict(format!("the block {block} has changed"));
        let stored = self.block(block).await?.ok_or_else(changed)?;
        if stored.value.value().sequence_number != read.value().sequence_number {
            return Err(changed());
        }
        let owner = read.owner().ok_or(IpamError::AffinityMismatch { block })?;
        let key = BlockAffinityKey { owner_type: owner.owner_type, owner: owner.name, block };
        self.release_affinity(&key, must_be_empty).await
    }

    async fn release_affinity_once(
        &self,
        key: &BlockAffinityKey,
        must_be_empty: bool,
    ) -> Result<(), IpamError> {
        let affinity = self.store.get(&key.to_string()).await?;
        let block = self.block(key.block).await?;
        let is_own = block.as_ref().is_some_and(|stored| is_of(&stored.value, key));
        match (&affinity, &block) {
            // A block of an old version without an owner goes with its affinity.
            (Some(_), Some(stored)) if stored.value.owner().is_none() => (),
            (Some(current), _) if !is_own => return self.delete_affinity(key, current.stamp).await,
            (None, Some(_)) if !is_own => return Err(IpamError::AffinityMismatch { block: key.block }),
            (None, None) => return Ok(()),
            _ => (),
        }
        if must_be_empty && block.is_some_and(|stored| !stored.value.is_empty()) {
            return Err(IpamError::NotEmpty(key.block));
        }
        let leaving = match affinity {
            Some(current) => Some(self.write_pending_deletion(key, &current).await?),
            None => None,
        };
        if !self.disown_block(key, leaving).await? {
            return Ok(());
        }
        match leaving {
            Some(stamp) => self.delete_affinity(key, stamp).await,
            None => Ok(()),
        }
    }

    /// Deletes an empty block, or takes the owner from one that is not, while the affinity is as it was written. Returns false when a
    /// claim has come between.
    async fn disown_block(&self, key: &BlockAffinityKey, leaving: Option<Stamp>) -> Result<bool, IpamError> {
        for attempt in 1..=ATTEMPTS {
            let Some(mut stored) = self.block(key.block).await? else { return Ok(true) };
            // A claim writes the affinity before the block: one that is not seen here makes the write below fail.
            let affinity = self.store.get(&key.to_string()).await?;
            if affinity.map(|current| current.stamp.revision) != leaving.map(|stamp| stamp.revision) {
                return Ok(false);
            }
            let has_other_owner = stored.value.owner().is_some() && !is_of(&stored.value, key);
            let is_ownerless = stored.value.owner().is_none() && !stored.value.is_empty();
            if has_other_owner || is_ownerless {
                return Ok(true);
            }
            let swapped = if stored.value.is_empty() {
                self.delete_block(&stored).await?
            } else {
                stored.value.remove_owner();
                self.write_block(stored).await?
            };
            match swapped {
                Swapped::Written(_) => return Ok(true),
                Swapped::Lost(_) | Swapped::Doubtful => self.store.pause(attempt).await,
            }
        }
        Err(IpamError::Busy(key.block.to_string()))
    }

    async fn delete_affinity(&self, key: &BlockAffinityKey, stamp: Stamp) -> Result<(), IpamError> {
        // A node that claims the block again meanwhile keeps its affinity.
        self.swap(&key.to_string(), Expected::At(stamp), None).await.map(drop)
    }

    async fn write_pending_deletion(
        &self,
        key: &BlockAffinityKey,
        current: &Current,
    ) -> Result<Stamp, IpamError> {
        let value = stored::affinity(AffinityState::PendingDeletion);
        match self.swap(&key.to_string(), Expected::At(current.stamp), Some(value)).await? {
            Swapped::Written(revision) => Ok(stamp_after(Some(current.stamp), revision)),
            Swapped::Lost(_) | Swapped::Doubtful => Err(IpamError::Conflict(format!("{key} has changed"))),
        }
    }

    /// Writes that a node wants a block, unless that is written already. `None` when it has the block.
    async fn write_pending(&self, key: &BlockAffinityKey) -> Result<Option<Stamp>, IpamError> {
        let (text, value) = (key.to_string(), stored::affinity(AffinityState::Pending));
        let mut found: Option<Current> = None;
        for attempt in 1..=ATTEMPTS {
            let before = found.map(|current| current.stamp);
            let expected = before.map_or(Expected::Absent, Expected::At);
            found = match self.swap(&text, expected, Some(value.clone())).await? {
                Swapped::Written(revision) => return Ok(Some(stamp_after(before, revision))),
                Swapped::Lost(current) => current,
                Swapped::Doubtful => self.store.get(&text).await?,
            };
            if let Some(current) = &found {
                match state_of(key, current)? {
                    AffinityState::Pending => return Ok(Some(current.stamp)),
                    AffinityState::Confirmed if self.is_block_of(key).await? => return Ok(None),
                    AffinityState::Confirmed | AffinityState::PendingDeletion => (),
                }
            }
            if attempt > 1 {
                self.store.pause(attempt).await;
            }
        }
        Err(IpamError::Busy(text))
    }

    async fn is_block_of(&self, key: &BlockAffinityKey) -> Result<bool, IpamError> {
        Ok(self.block(key.block).await?.is_some_and(|stored| is_of(&stored.value, key)))
    }

    /// Creates a block, or writes the one that the owner has, so that a release which has read it fails. False when the block belongs to
    /// another owner or to none.
    async fn create_block(
        &self,
        owner: &BlockOwner,
        block: IpNet,
        reserved: Option<&HostReservation>,
    ) -> Result<bool, IpamError> {
        let new = AddressBlock::new(block, Some(owner.clone()), reserved, self.now);
        let key = BlockKey { block }.to_string();
        for attempt in 1..=ATTEMPTS {
            let swapped = match self.block(block).await? {
                None => self.swap(&key, Expected::Absent, Some(new.encode())).await?,
                Some(stored) if stored.value.owner().as_ref() == Some(owner) => {
                    self.write_block(stored).await?
                }
                Some(_) => return Ok(false),
            };
            match swapped {
                Swapped::Written(_) => return Ok(true),
                Swapped::Lost(_) | Swapped::Doubtful if attempt == 1 => (),
                Swapped::Lost(_) | Swapped::Doubtful => self.store.pause(attempt).await,
            }
        }
        Err(IpamError::Busy(key))
    }
}

fn is_of(block: &AddressBlock, key: &BlockAffinityKey) -> bool {
    block.owner().is_some_and(|owner| owner.name == key.owner && owner.owner_type == key.owner_type)
}

/// The stamp of a write over what had the stamp `before`.
fn stamp_after(before: Option<Stamp>, revision: Revision) -> Stamp {
    match before {
        Some(before) => {
            Stamp { revision, created: before.created, version: before.version.saturating_add(1) }
        }
        None => Stamp { revision, created: revision, version: 1 },
    }
}

fn state_of(key: &BlockAffinityKey, current: &Current) -> Result<AffinityState, IpamError> {
    let affinity = read_block_affinity(&current.value)
        .map_err(|error| IpamError::Unreadable { key: key.to_string(), problem: error.to_string() })?;
    Ok(affinity.state.unwrap_or(AffinityState::Confirmed))
}
