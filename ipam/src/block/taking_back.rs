//! Taking back addresses of a block.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_cluster::ipam::AllocationAttributes;

use super::AddressBlock;
use crate::IpamError;
use crate::wall_time::WallTime;

/// An address to be taken back, with what must be true of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Release {
    /// The address.
    pub address: IpAddr,
    /// The handle that it must belong to.
    pub handle: Option<String>,
    /// The sequence number that it must have been given out with, which protects its next owner from a late release.
    pub sequence: Option<u64>,
}

/// What was taken back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TakenBack {
    /// Addresses that were in use.
    pub released: Vec<IpAddr>,
    /// Addresses that were not in use.
    pub not_in_use: Vec<IpAddr>,
    /// How many addresses each handle has less.
    pub by_handle: BTreeMap<String, u64>,
}

impl Release {
    /// The release of an address, whoever has it.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        Self { address, handle: None, sequence: None }
    }
}

impl AddressBlock {
    /// Marks addresses as released at `now`. They rest until [`collect`](Self::collect) makes them free.
    ///
    /// # Errors
    ///
    /// When one of them has another handle or sequence number than expected; the block is unchanged then.
    pub fn take_back(&mut self, releases: &[Release], now: WallTime) -> Result<TakenBack, IpamError> {
        let mut taken = TakenBack::default();
        let mut ordinals = Vec::new();
        for release in releases {
            let address = release.address;
            match (self.attributes_of(address), self.0.ordinal(address)) {
                (Some(attributes), Some(ordinal)) if !ordinals.contains(&ordinal) => {
                    self.check_release(release, attributes)?;
                    if let Some(handle) = &attributes.handle_id {
                        *taken.by_handle.entry(handle.clone()).or_default() += 1;
                    }
                    ordinals.push(ordinal);
                    taken.released.push(address);
                }
                _ => taken.not_in_use.push(address),
            }
        }
        self.mark_released(&ordinals, now);
        Ok(taken)
    }

    /// Marks all addresses of a handle as released, and says which.
    pub fn take_back_handle(&mut self, handle: &str, now: WallTime) -> Vec<IpAddr> {
        let addresses = self.of_handle(handle);
        let ordinals: Vec<usize> = addresses.iter().filter_map(|&address| self.0.ordinal(address)).collect();
        self.mark_released(&ordinals, now);
        addresses
    }

    fn check_release(&self, release: &Release, attributes: &AllocationAttributes) -> Result<(), IpamError> {
        let address = release.address;
        if let Some(handle) = &release.handle
            && attributes.handle_id.as_ref() != Some(handle)
        {
            return Err(IpamError::WrongHandle { address, handle: handle.clone() });
        }
        if let Some(sequence) = release.sequence
            && self.sequence_of(address).unwrap_or(0) != sequence
        {
            return Err(IpamError::Conflict(format!("{address} has been given out again since")));
        }
        Ok(())
    }

    fn mark_released(&mut self, ordinals: &[usize], now: WallTime) {
        if ordinals.is_empty() {
            return;
        }
        let index = self.index_of(AllocationAttributes {
            handle_id: None,
            owner: BTreeMap::new(),
            alternate_owner: BTreeMap::new(),
            released_at: Some(now.to_string()),
        });
        for &ordinal in ordinals {
            if let Some(slot) = self.0.allocations.get_mut(ordinal) {
                *slot = Some(index);
            }
            self.0.sequence_number_for_allocation.remove(&ordinal.to_string());
        }
    }
}
