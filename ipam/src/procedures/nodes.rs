//! Removing a node.

use margay_watch::Store;

use super::Ipam;
use crate::IpamError;

impl<S: Store> Ipam<'_, S> {
    /// Takes all blocks from a node that is gone. Addresses in use stay in use until their handles are released. A node that has
    /// nothing is no error.
    ///
    /// # Errors
    ///
    /// The last reason why a block could not be taken.
    pub async fn remove_node(&self, node: &str) -> Result<(), IpamError> {
        self.release_affinities_of_host(node, false).await
    }
}
