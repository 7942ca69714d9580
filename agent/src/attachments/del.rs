//! DEL, and everything else that removes an attachment.

use std::path::PathBuf;

use margay_cni::spool::{self, Purpose};
use margay_cni::{CniError, Environment, NetworkConfiguration};

use super::add::{again, failed};
use super::endpoint_object::is_of;
use super::pod_network::PodNetwork;
use super::{Attachments, Identity};

impl Attachments {
    /// Detaches a container, and does nothing for one that was never attached. What the datastore has of it is removed later when the datastore
    /// cannot be reached.
    ///
    /// # Errors
    ///
    /// When the interface cannot be removed, or the note about what is owed cannot be written.
    pub(crate) async fn del(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
    ) -> Result<(), CniError> {
        let identity = self.identity(environment, &configuration.name)?;
        let _alone = self.lock(&environment.container_id).await;
        if let Ok(Some(other)) = self.other_interface(&identity).await {
            tracing::info!(
                container = identity.note.container_id,
                other,
                "attached by another interface, which stays"
            );
            return Ok(());
        }
        let detached = self.detach(&identity, environment.namespace.as_ref()).await;
        if let Err(error) = detached {
            tracing::warn!(container = identity.note.container_id, %error, "owed until the datastore is reached");
            spool::write(&self.spool, Purpose::Owed, &identity.note).map_err(failed)?;
            self.remove_interface(&identity, environment.namespace.as_ref(), None).await?;
        }
        spool::remove(&self.spool, Purpose::Making, &identity.note).map_err(failed)
    }

    /// Does what is owed: of attachments that were removed while the datastore or the agent was away, and of attachments that were
    /// being made when the agent ended. Returns whether nothing is left to do.
    pub(crate) async fn settle(&self) -> bool {
        let mut is_settled = true;
        for purpose in [Purpose::Making, Purpose::Owed] {
            let (notes, others) = match spool::list(&self.spool, purpose) {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::warn!(%error, folder = %self.spool.display(), "notes cannot be read");
                    return false;
                }
            };
            for other in others {
                tracing::warn!(file = %other.display(), "not a note that can be read");
            }
            for note in notes {
                let Ok(identity) = self.identity_of(note) else { continue };
                let _alone = self.lock(&identity.note.container_id).await;
                // A request of the same container may have come in between, and have done it.
                if !spool::is_there(&self.spool, purpose, &identity.note) {
                    continue;
                }
                let settled = match self.detach(&identity, None).await {
                    Ok(()) => spool::remove(&self.spool, purpose, &identity.note).map_err(failed),
                    Err(error) => Err(error),
                };
                match settled {
                    Ok(()) => tracing::info!(container = identity.note.container_id, ?purpose, "settled"),
                    Err(error) => {
                        tracing::warn!(container = identity.note.container_id, %error, "still owed");
                        is_settled = false;
                    }
                }
            }
        }
        is_settled
    }

    /// Removes everything of an attachment: addresses, endpoint object and interface. Nothing of it need be there.
    pub(super) async fn detach(
        &self,
        identity: &Identity,
        namespace: Option<&String>,
    ) -> Result<(), CniError> {
        let endpoint = self.endpoint(identity).await.map_err(again)?;
        let is_own = endpoint.is_none_or(|endpoint| is_of(&endpoint, identity));
        let released = self.release(&identity.handle).await;
        self.delete_endpoint(identity).await.map_err(again)?;
        self.remove_interface(identity, namespace, Some(is_own)).await?;
        released.map_err(again)
    }

    /// Removes the pair. By the host's end only if that is certainly this container's: that of a pod may be its next container's.
    async fn remove_interface(
        &self,
        identity: &Identity,
        namespace: Option<&String>,
        is_own: Option<bool>,
    ) -> Result<(), CniError> {
        let by_host = is_own.unwrap_or_else(|| identity.note.pod.is_none());
        let host_interface = by_host.then(|| identity.host_interface.parse()).transpose().map_err(failed)?;
        let interface = identity.note.interface.parse().map_err(failed)?;
        let namespace = namespace.map(PathBuf::from);
        let remove = move || PodNetwork::remove(namespace.as_ref(), &interface, host_interface.as_ref());
        tokio::task::spawn_blocking(remove).await.map_err(failed)?.map_err(failed)
    }
}
