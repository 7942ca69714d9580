//! The endpoint objects of containers, and the profiles that they name.

use std::net::IpAddr;

use anyhow::Result;
use ipnet::IpNet;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{EndpointName, Kind, WorkloadEndpoint};
use margay_datastore::{Client, KeyRange};
use serde_json::{Value, json};

use super::{Attachments, Identity};
use crate::stored_object;

impl Attachments {
    /// The endpoint of an attachment; `None` when there is none, or one that cannot be read.
    pub(super) async fn endpoint(&self, identity: &Identity) -> Result<Option<WorkloadEndpoint>> {
        let current = self.client.get(identity.endpoint.to_string().as_bytes()).await?;
        Ok(current.and_then(|current| stored_object::decode(&current.value).ok()))
    }

    /// The other interface by which a container is attached already; there is one for each container.
    pub(super) async fn other_interface(&self, identity: &Identity) -> Result<Option<String>> {
        let of_container = EndpointName { endpoint: String::new(), ..identity.name.clone() };
        let namespace = ObjectKey::prefix(Kind::WorkloadEndpoint, identity.endpoint.namespace.as_deref());
        let range = KeyRange::of_prefix(format!("{namespace}{}", of_container.build_prefix()?));
        let listed = self.client.list(&range).await?;
        let endpoints = listed
            .key_values
            .iter()
            .filter_map(|key_value| stored_object::decode(&key_value.entry.value).ok());
        let others = endpoints.filter(|endpoint: &WorkloadEndpoint| {
            is_of(endpoint, identity) && endpoint.spec.endpoint.as_deref() != Some(&identity.note.interface)
        });
        Ok(others.filter_map(|endpoint| Some(endpoint.spec.endpoint.as_deref()?.to_owned())).next())
    }

    /// Writes the endpoint of a container, in the place of that of a former container of the same pod.
    pub(super) async fn write_endpoint(
        &self,
        identity: &Identity,
        addresses: &[IpAddr],
        hardware_address: &str,
        network_has_profile: bool,
    ) -> Result<()> {
        let networks: Vec<String> =
            addresses.iter().map(|address| IpNet::from(*address).to_string()).collect();
        let (note, key) = (&identity.note, &identity.endpoint);
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let fields = json!({
            "orchestrator": identity.name.orchestrator,
            "node": self.node,
            "containerID": note.container_id,
            "pod": note.pod.as_ref().map(|(_, pod)| pod),
            "endpoint": note.interface,
            "ipNetworks": networks,
            "interfaceName": identity.host_interface,
            "mac": hardware_address,
            "profiles": if network_has_profile { json!([note.network]) } else { json!([format!("kns.{namespace}")]) },
        });
        stored_object::change(&self.client, key, |before| {
            let mut object = match before {
                Value::Null => stored_object::new_object(Kind::WorkloadEndpoint, Some(namespace), &key.name),
                before => before,
            };
            object["metadata"]["labels"]["projectcalico.org/namespace"] = json!(namespace);
            object["metadata"]["labels"]["projectcalico.org/orchestrator"] =
                json!(identity.name.orchestrator);
            for (field, value) in
                fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null())
            {
                object["spec"][field] = value.clone();
            }
            Some(object)
        })
        .await
    }

    /// Deletes the endpoint of a container. That of a later container of the same pod stays.
    pub(super) async fn delete_endpoint(&self, identity: &Identity) -> Result<()> {
        let container_id = &identity.note.container_id;
        stored_object::delete(&self.client, &identity.endpoint, |object| {
            let owner = object["spec"]["containerID"].as_str().unwrap_or_default();
            owner.is_empty() || owner == container_id
        })
        .await
    }
}

/// Whether an endpoint is that of this container, and not of a former one of the same pod.
pub(super) fn is_of(endpoint: &WorkloadEndpoint, identity: &Identity) -> bool {
    endpoint.spec.container_id.as_deref() == Some(&identity.note.container_id)
}

/// Makes the profile of a network, unless it is there: containers may send everything, and receive from each other.
pub(super) async fn ensure_profile(client: &Client, network: &str) -> Result<()> {
    let key = ObjectKey { kind: Kind::Profile, namespace: None, name: network.to_owned() };
    stored_object::change(client, &key, |before| {
        before.is_null().then(|| {
            let mut profile = stored_object::new_object(Kind::Profile, None, network);
            profile["spec"] = json!({
                "egress": [{"action": "Allow", "source": {}, "destination": {}}],
                "ingress": [{"action": "Allow", "source": {"selector": format!("has({network})")}, "destination": {}}],
                "labelsToApply": {network: ""},
            });
            profile
        })
    })
    .await
}
