//! The owners of an address that is in use.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_watch::Store;

use super::{ATTEMPTS, Ipam, Swapped};
use crate::IpamError;
use crate::block::OwnerChange;

/// What is known of an address that is in use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressInfo {
    /// The handle that it is released by.
    pub handle: Option<String>,
    /// Its owner.
    pub active_owner: BTreeMap<String, String>,
    /// The owner before or after, while a virtual machine moves.
    pub alternate_owner: BTreeMap<String, String>,
    /// The sequence number that it was given out with.
    pub sequence: Option<u64>,
}

impl<S: Store> Ipam<'_, S> {
    /// What is known of an address.
    ///
    /// # Errors
    ///
    /// [`IpamError::NotFound`] when it is not in use.
    pub async fn address_info(&self, address: IpAddr) -> Result<AddressInfo, IpamError> {
        let not_found = || IpamError::NotFound(address.to_string());
        let block = self.block_of_address(address).await?.ok_or_else(not_found)?;
        let stored = self.block(block).await?.ok_or_else(not_found)?;
        let attributes = stored.value.attributes_of(address).ok_or_else(not_found)?;
        Ok(AddressInfo {
            handle: attributes.handle_id.clone(),
            active_owner: attributes.owner.clone(),
            alternate_owner: attributes.alternate_owner.clone(),
            sequence: stored.value.sequence_of(address),
        })
    }

    /// Changes the owners of an address, if they are as expected.
    ///
    /// # Errors
    ///
    /// When the address is not in use, belongs to another handle, or has other owners than expected.
    pub async fn change_owner(&self, address: IpAddr, change: &OwnerChange) -> Result<(), IpamError> {
        let not_found = || IpamError::NotFound(address.to_string());
        let block = self.block_of_address(address).await?.ok_or_else(not_found)?;
        for attempt in 1..=ATTEMPTS {
            let mut stored = self.block(block).await?.ok_or_else(not_found)?;
            stored.value.change_owner(address, change)?;
            if matches!(self.write_block(stored).await?, Swapped::Written(_)) {
                return Ok(());
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(block.to_string()))
    }
}
