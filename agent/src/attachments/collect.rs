//! GC: attachments of this node and network that the runtime does not know any more.

use std::collections::BTreeSet;

use margay_cni::spool::Note;
use margay_cni::{CniError, NetworkConfiguration};
use margay_datastore::KeyRange;
use margay_ipam::audit::Snapshot;

use super::Attachments;
use super::add::{again, failed};

impl Attachments {
    /// Removes the attachments of a network on this node that are not among the valid ones. Goes on after a failure.
    ///
    /// # Errors
    ///
    /// The last failure.
    pub(crate) async fn collect(&self, configuration: &NetworkConfiguration) -> Result<(), CniError> {
        let valid: BTreeSet<&str> = configuration
            .valid_attachments()
            .unwrap_or_default()
            .iter()
            .map(|attachment| attachment.container_id.as_str())
            .collect();
        let prefix = format!("{}.", configuration.name);
        let mut outcome = Ok(());
        for container_id in self.containers_on_node(&prefix).await? {
            if valid.contains(container_id.as_str()) {
                continue;
            }
            tracing::info!(container_id, network = configuration.name, "not valid any more");
            if let Err(error) = self.remove_stale(&configuration.name, &container_id).await {
                tracing::warn!(container_id, %error, "cannot be removed");
                outcome = Err(error);
            }
        }
        outcome
    }

    /// The containers of a network whose addresses are in use on this node.
    async fn containers_on_node(&self, prefix: &str) -> Result<BTreeSet<String>, CniError> {
        let snapshot = Snapshot::load(&self.client).await.map_err(failed)?;
        let mut containers = BTreeSet::new();
        for block in &snapshot.blocks {
            for (_, attributes) in block.in_use() {
                let is_here = attributes.owner.get("node") == Some(&self.node);
                let handle = attributes.handle_id.as_deref().unwrap_or_default();
                containers.extend(handle.strip_prefix(prefix).filter(|_| is_here).map(str::to_owned));
            }
        }
        Ok(containers)
    }

    /// Removes a container's addresses, and its endpoint and interface if that is known to be of the container.
    async fn remove_stale(&self, network: &str, container_id: &str) -> Result<(), CniError> {
        let _alone = self.lock(container_id).await;
        for note in self.notes_of_endpoints(network, container_id).await? {
            self.detach(&self.identity_of(note)?, None).await?;
        }
        self.release(&format!("{network}.{container_id}")).await.map_err(again)
    }

    /// The attachments of a container for which there are endpoint objects.
    async fn notes_of_endpoints(&self, network: &str, container_id: &str) -> Result<Vec<Note>, CniError> {
        let prefix =
            margay_cluster::key::ObjectKey::prefix(margay_cluster::object::Kind::WorkloadEndpoint, None);
        let listed = self.client.list(&KeyRange::of_prefix(prefix)).await.map_err(again)?;
        let mut notes = Vec::new();
        for key_value in listed.key_values {
            let Ok(endpoint) = crate::stored_object::decode::<margay_cluster::object::WorkloadEndpoint>(
                &key_value.entry.value,
            ) else {
                continue;
            };
            let spec = &endpoint.spec;
            let is_of_node = spec.node.as_deref() == Some(&self.node);
            if is_of_node && spec.container_id.as_deref() == Some(container_id) {
                let namespace = endpoint.metadata.namespace.as_deref().unwrap_or("default").to_owned();
                let pod = spec.pod.as_deref().map(|pod| (namespace, pod.to_owned()));
                notes.push(Note {
                    network: network.to_owned(),
                    container_id: container_id.to_owned(),
                    interface: spec.endpoint.as_deref().unwrap_or("eth0").to_owned(),
                    pod,
                    host_interface: None,
                });
            }
        }
        Ok(notes)
    }
}
