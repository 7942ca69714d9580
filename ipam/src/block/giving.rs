//! Giving out addresses of a block.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_cluster::ipam::AllocationAttributes;

use super::{AddressBlock, AddressOwner, attributes_of};
use crate::IpamError;
use crate::prefix_set::PrefixSet;

/// Conditions and new values for the owners of an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnerChange {
    /// The handle that the address must belong to.
    pub handle: String,
    /// Change of the active owner.
    pub active: AttributeChange,
    /// Change of the owner before or after, while a virtual machine moves.
    pub alternate: AttributeChange,
}

/// A condition and a new value for one set of attributes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AttributeChange {
    /// What must stand there; an empty map for nothing.
    pub expected: Option<BTreeMap<String, String>>,
    /// What is to stand there; an empty map clears it.
    pub new: Option<BTreeMap<String, String>>,
}

impl AddressBlock {
    /// Gives out up to `count` free addresses that are not reserved, those that are free for longest first.
    pub(crate) fn give(
        &mut self,
        count: usize,
        owner: &AddressOwner,
        reservations: &PrefixSet,
    ) -> Vec<IpAddr> {
        let free = self.0.unallocated.iter().copied();
        let ordinals: Vec<usize> =
            free.filter(|&ordinal| !self.is_reserved(ordinal, reservations)).take(count).collect();
        self.assign_ordinals(&ordinals, owner);
        ordinals.iter().filter_map(|&ordinal| self.0.address(ordinal)).collect()
    }

    /// Gives out an address that is named; reservations do not matter.
    ///
    /// # Errors
    ///
    /// When it is in use, rests after its release, or is not in the block.
    pub(crate) fn give_named(&mut self, address: IpAddr, owner: &AddressOwner) -> Result<(), IpamError> {
        let ordinal = self.0.ordinal(address).ok_or_else(|| IpamError::NotInPool(address.into()))?;
        if !self.0.unallocated.contains(&ordinal) {
            return Err(IpamError::InUse(address));
        }
        self.assign_ordinals(&[ordinal], owner);
        Ok(())
    }

    /// Changes the owners of an address.
    ///
    /// # Errors
    ///
    /// When the address is not in use, belongs to another handle, or has other owners than expected.
    pub(crate) fn change_owner(&mut self, address: IpAddr, change: &OwnerChange) -> Result<(), IpamError> {
        let not_found = || IpamError::NotFound(address.to_string());
        let mut attributes = self.attributes_of(address).ok_or_else(not_found)?.clone();
        if attributes.handle_id.as_deref() != Some(change.handle.as_str()) {
            return Err(IpamError::WrongHandle { address, handle: change.handle.clone() });
        }
        let sides = [(&change.active, &attributes.owner), (&change.alternate, &attributes.alternate_owner)];
        if sides
            .iter()
            .any(|(change, current)| change.expected.as_ref().is_some_and(|expected| expected != *current))
        {
            return Err(IpamError::Conflict(format!("{address} has another owner than expected")));
        }
        if let Some(new) = &change.active.new {
            attributes.owner.clone_from(new);
        }
        if let Some(new) = &change.alternate.new {
            attributes.alternate_owner.clone_from(new);
        }
        let index = self.index_of(attributes);
        let ordinal = self.0.ordinal(address).ok_or_else(not_found)?;
        if let Some(slot) = self.0.allocations.get_mut(ordinal) {
            *slot = Some(index);
        }
        Ok(())
    }

    fn assign_ordinals(&mut self, ordinals: &[usize], owner: &AddressOwner) {
        if ordinals.is_empty() {
            return;
        }
        let index = self.index_of(attributes_of(owner));
        self.0.unallocated.retain(|ordinal| !ordinals.contains(ordinal));
        for &ordinal in ordinals {
            if let Some(slot) = self.0.allocations.get_mut(ordinal) {
                *slot = Some(index);
            }
            let sequence = self.0.sequence_number;
            self.0.sequence_number_for_allocation.insert(ordinal.to_string(), sequence);
        }
    }

    /// The index of attributes, which several addresses may share.
    pub(super) fn index_of(&mut self, attributes: AllocationAttributes) -> usize {
        let known = self.0.attributes.iter().position(|known| *known == attributes);
        known.unwrap_or_else(|| {
            self.0.attributes.push(attributes);
            self.0.attributes.len() - 1
        })
    }
}
