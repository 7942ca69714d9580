//! Handles: counting the addresses of an owner.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::ipam::Handle;
use margay_cluster::key::HandleKey;
use margay_watch::{Expected, Revision, Store};

use super::{ATTEMPTS, Ipam, Swapped};
use crate::IpamError;
use crate::stored::{self, Stored};

/// Which handle a count was added to: one that is deleted and made again has another.
pub(super) type Incarnation = Revision;

impl<S: Store> Ipam<'_, S> {
    /// The addresses of a handle.
    ///
    /// # Errors
    ///
    /// When nothing has the handle, or the store cannot be reached.
    pub async fn addresses_of_handle(&self, handle: &str) -> Result<Vec<IpAddr>, IpamError> {
        let not_found = || IpamError::NotFound(format!("handle {handle}"));
        let stored = self.handle(handle).await?.ok_or_else(not_found)?;
        let mut addresses = Vec::new();
        for block in blocks_of(&stored.value) {
            if let Some(stored) = self.block(block).await? {
                addresses.extend(stored.value.of_handle(handle));
            }
        }
        Ok(addresses)
    }

    pub(super) async fn handle(&self, handle: &str) -> Result<Option<Stored<Handle>>, IpamError> {
        let key = key_of(handle);
        let current = self.store.get(&key).await?;
        current.map(|current| Stored::handle(&key, &current)).transpose()
    }

    /// Counts addresses that a block is about to get.
    pub(super) async fn add_to_handle(
        &self,
        handle: &str,
        block: IpNet,
        count: usize,
    ) -> Result<Incarnation, IpamError> {
        let key = key_of(handle);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        // Most handles are new.
        let only = BTreeMap::from([(block.to_string(), count)]);
        let mut swapped = self.swap(&key, Expected::Absent, Some(stored::new_handle(&only))).await?;
        let mut created = None;
        for attempt in 1..=ATTEMPTS {
            let found = match swapped {
                Swapped::Written(revision) => return Ok(created.unwrap_or(revision)),
                Swapped::Lost(found) => found,
                // Counting twice is harmless: the handle is looked up in vain later.
                Swapped::Doubtful => self.store.get(&key).await?,
            };
            self.pause_after(attempt).await;
            let (expected, value) = match found {
                Some(current) => {
                    let mut stored = Stored::handle(&key, &current)?;
                    let counted = stored.value.block.entry(block.to_string()).or_default();
                    *counted = counted.saturating_add(count);
                    created = Some(stored.stamp.created);
                    (Expected::At(stored.stamp), stored.encode())
                }
                None => {
                    created = None;
                    (Expected::Absent, stored::new_handle(&only))
                }
            };
            swapped = self.swap(&key, expected, Some(value)).await?;
        }
        Err(IpamError::Busy(key))
    }

    /// Counts addresses that a block has lost, or did not get after all. With an incarnation, only if the handle is still that one.
    pub(super) async fn subtract_from_handle(
        &self,
        handle: &str,
        block: IpNet,
        count: u64,
        incarnation: Option<Incarnation>,
    ) -> Result<(), IpamError> {
        let key = key_of(handle);
        for attempt in 1..=ATTEMPTS {
            let Some(mut stored) = self.handle(handle).await? else { return Ok(()) };
            if incarnation.is_some_and(|incarnation| incarnation != stored.stamp.created) {
                return Ok(());
            }
            let block = block.to_string();
            let Some(counted) = stored.value.block.get_mut(&block) else { return Ok(()) };
            *counted = counted.saturating_sub(count);
            if *counted == 0 {
                stored.value.block.remove(&block);
            }
            let value = (!stored.value.block.is_empty()).then(|| stored.encode());
            match self.swap(&key, Expected::At(stored.stamp), value).await? {
                // Counting once too little could hide an address from its handle.
                Swapped::Written(_) | Swapped::Doubtful => return Ok(()),
                Swapped::Lost(_) => self.store.pause(attempt).await,
            }
        }
        Err(IpamError::Busy(key))
    }

    /// Deletes a handle whose blocks have none of its addresses. Returns false when it has changed since it was read.
    pub(super) async fn delete_handle(&self, handle: &str, read: &Stored<Handle>) -> Result<bool, IpamError> {
        let swapped = self.swap(&key_of(handle), Expected::At(read.stamp), None).await?;
        Ok(matches!(swapped, Swapped::Written(_)))
    }

    /// Waits before another attempt; the first one follows at once.
    async fn pause_after(&self, attempt: u32) {
        if attempt > 1 {
            self.store.pause(attempt).await;
        }
    }
}

/// The blocks that a handle has addresses of. Blocks that cannot be read are left out.
pub(super) fn blocks_of(handle: &Handle) -> Vec<IpNet> {
    handle.block.keys().filter_map(|block| margay_cluster::value::parse_network(block)).collect()
}

fn key_of(handle: &str) -> String {
    HandleKey { id: handle.to_owned() }.to_string()
}
