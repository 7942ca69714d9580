//! Giving an address to an owner that names it.

use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::object::AllowedUse;
use margay_watch::Store;

use super::assign::is_of_host;
use super::{ATTEMPTS, Ipam};
use crate::block::AddressOwner;
use crate::pool::AddressFamily;
use crate::{IpamError, pool_of};

/// An address that an owner wants.
#[derive(Clone, Debug)]
pub struct NamedRequest {
    /// The address.
    pub address: IpAddr,
    /// The node that it is used on.
    pub node: String,
    /// What it is for; `None` skips the check of the pool's allowed uses.
    pub wanted_for: Option<AllowedUse>,
    /// Who gets it.
    pub owner: AddressOwner,
    /// The most addresses of the family that the handle may have. An address that it has already is granted again.
    pub most_per_handle: Option<usize>,
}

impl<S: Store> Ipam<'_, S> {
    /// Gives an address to an owner, also when it is reserved. Claims its block for the node when it belongs to none.
    ///
    /// # Errors
    ///
    /// When the address is in use or in no pool, its pool does not allow the use, its block belongs to another node and affinity is
    /// strict, or the handle has reached its limit.
    pub async fn assign_named(&self, request: &NamedRequest) -> Result<(), IpamError> {
        let address = request.address;
        let pool =
            pool_of(&self.cluster.pools, address).ok_or_else(|| IpamError::NotInPool(address.into()))?;
        let block = pool.block_of(address).ok_or_else(|| IpamError::NotInPool(address.into()))?;
        if let Some(wanted) = request.wanted_for.filter(|&wanted| !pool.allows(wanted)) {
            return Err(IpamError::UseNotAllowed { address, wanted: wanted.as_str() });
        }
        if self.has_already(request).await? {
            return Ok(());
        }
        for attempt in 1..=ATTEMPTS {
            if self.assign_named_once(request, block).await? {
                return Ok(());
            }
            self.store.pause(attempt).await;
        }
        Err(IpamError::Busy(block.to_string()))
    }

    async fn assign_named_once(&self, request: &NamedRequest, block: IpNet) -> Result<bool, IpamError> {
        let Some(mut stored) = self.block(block).await? else {
            return match self.claim_block_again(&request.node, block, None).await {
                // Another node was faster: the block is there now.
                Ok(()) | Err(IpamError::AffinityMismatch { .. }) => Ok(false),
                Err(error) => Err(error),
            };
        };
        let has_other_owner = stored.value.owner().is_some() && !is_of_host(&stored.value, &request.node);
        if self.cluster.settings.strict_affinity && has_other_owner {
            return Err(IpamError::AffinityMismatch { block });
        }
        stored.value.give_named(request.address, &request.owner)?;
        self.write_given(stored, &[request.address], &request.owner).await
    }

    /// True when the handle has the address, where a limit makes the request repeatable.
    async fn has_already(&self, request: &NamedRequest) -> Result<bool, IpamError> {
        let (Some(limit), Some(handle)) = (request.most_per_handle, &request.owner.handle) else {
            return Ok(false);
        };
        let held = match self.addresses_of_handle(handle).await {
            Err(IpamError::NotFound(_)) => return Ok(false),
            other => other?,
        };
        let family = AddressFamily::of(request.address);
        let in_family = held.iter().filter(|&&address| AddressFamily::of(address) == family).count();
        match held.contains(&request.address) {
            true => Ok(true),
            false if in_family >= limit => Err(IpamError::HandleLimit { handle: handle.clone(), limit }),
            false => Ok(false),
        }
    }
}
