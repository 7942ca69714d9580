//! ADD: an attachment is made whole, or not at all.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use margay_cluster::object::WorkloadEndpoint;
use margay_cni::spool::{self, Purpose};
use margay_cni::{AddResult, AssignedAddress, CniError, Environment, NetworkConfiguration, code};
use margay_reconcile::HardwareAddress;

use super::endpoint_object::{ensure_profile, is_of};
use super::pod_network::{PodInterface, PodNetwork};
use super::{Attachments, Identity};
use crate::node_plan::route_keys;

/// How long the kernel may take, unless the configuration says so.
const KERNEL_TIMEOUT: Duration = Duration::from_secs(10);

impl Attachments {
    /// Attaches a container. Answers once the kernel has the routes to it.
    ///
    /// # Errors
    ///
    /// When something cannot be made; nothing is left then.
    pub(crate) async fn add(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
    ) -> Result<AddResult, CniError> {
        if !configuration.ipam.is_own() {
            let message = format!(
                "addresses of {} are not supported: use margay-ipam or calico-ipam",
                configuration.ipam.kind
            );
            return Err(CniError::new(code::INVALID_CONFIGURATION, message));
        }
        let identity = self.identity(environment, &configuration.name)?;
        let _alone = self.lock(&environment.container_id).await;
        self.check_ready().await?;
        if let Some(other) = self.other_interface(&identity).await.map_err(again)? {
            return Err(CniError::failed(format!("the container is attached by {other} already")));
        }
        let endpoint = self.endpoint(&identity).await.map_err(again)?;
        if let Some(endpoint) = endpoint.filter(|endpoint| is_of(endpoint, &identity))
            && let Some(result) = self.present(environment, configuration, &identity, &endpoint).await
        {
            return Ok(result);
        }
        spool::write(&self.spool, Purpose::Making, &identity.note)
            .map_err(|error| CniError::failed(format!("the spool folder: {error}")))?;
        // What an attempt before this one left is in the way, and what is owed of it is done here.
        if let Err(error) = spool::remove(&self.spool, Purpose::Owed, &identity.note) {
            tracing::warn!(%error, "a note cannot be removed");
        }
        let made = match self.detach(&identity, environment.namespace.as_ref()).await {
            Ok(()) => self.make(environment, configuration, &identity).await,
            Err(error) => Err(error),
        };
        if made.is_err()
            && let Err(error) = self.detach(&identity, environment.namespace.as_ref()).await
        {
            // The note stays, and with it what is owed.
            tracing::warn!(container = identity.note.container_id, %error, "an attachment cannot be undone yet");
            return made;
        }
        if let Err(error) = spool::remove(&self.spool, Purpose::Making, &identity.note) {
            tracing::warn!(%error, "a note cannot be removed");
        }
        made
    }

    async fn make(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
        identity: &Identity,
    ) -> Result<AddResult, CniError> {
        let addresses = self.assign(environment, configuration, identity).await?;
        let network = self.pod_network(environment, configuration, identity, &addresses)?;
        let made = tokio::task::spawn_blocking(move || network.make()).await;
        let interface = made.map_err(failed)?.map_err(failed)?;
        let has_profile = configuration.policy.kind.is_empty();
        if has_profile {
            ensure_profile(&self.client, &configuration.name).await.map_err(again)?;
        }
        let hardware_address = interface.hardware_address.to_string();
        self.write_endpoint(identity, &addresses, &hardware_address, has_profile).await.map_err(again)?;
        let endpoint = self.endpoint(identity).await.map_err(again)?;
        let endpoint = endpoint.ok_or_else(|| CniError::failed("the endpoint object was removed at once"))?;
        let seconds = u64::try_from(configuration.policy_setup_timeout_seconds).unwrap_or_default();
        let within = if seconds == 0 { KERNEL_TIMEOUT } else { Duration::from_secs(seconds) };
        self.kernel.wait_held(route_keys(&endpoint), within).await.map_err(|missing| {
            CniError::new(code::TRY_AGAIN, format!("the kernel is not ready in time: {missing}"))
        })?;
        Ok(result(environment, identity, &addresses, interface))
    }

    /// The result of an ADD that was carried out before; `None` when something of it is missing.
    async fn present(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
        identity: &Identity,
        endpoint: &WorkloadEndpoint,
    ) -> Option<AddResult> {
        let addresses: Vec<IpAddr> = endpoint.spec.ip_networks.iter().map(|network| network.addr()).collect();
        let network = self.pod_network(environment, configuration, identity, &addresses).ok()?;
        let missing = tokio::task::spawn_blocking(move || network.missing()).await;
        if !matches!(missing, Ok(Ok(None))) {
            tracing::info!(
                container = identity.note.container_id,
                ?missing,
                "attached before, and made again"
            );
            return None;
        }
        let hardware_address = HardwareAddress(endpoint.spec.mac?.0);
        Some(result(environment, identity, &addresses, PodInterface { hardware_address, mtu_octets: None }))
    }

    pub(super) fn pod_network(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
        identity: &Identity,
        addresses: &[IpAddr],
    ) -> Result<PodNetwork, CniError> {
        let invalid = |message: String| CniError::new(code::INVALID_ENVIRONMENT, message);
        let wanted = environment.arguments.get("MAC").or(configuration.runtime.mac.as_ref());
        let hardware_address = wanted
            .map(|text| text.parse::<margay_cluster::value::MacAddress>())
            .transpose()
            .map_err(|error| invalid(format!("the hardware address of the container is not {error}")))?;
        let namespace =
            environment.namespace.as_ref().ok_or_else(|| invalid("CNI_NETNS is missing".to_owned()))?;
        Ok(PodNetwork {
            namespace: PathBuf::from(namespace),
            interface: environment.interface.parse().map_err(failed)?,
            host_interface: identity.host_interface.parse().map_err(failed)?,
            addresses: addresses.to_vec(),
            hardware_address: hardware_address.map(|mac| HardwareAddress(mac.0)),
            mtu_octets: Some(configuration.mtu).filter(|mtu| *mtu != 0).or_else(|| *self.mtu.borrow()),
            forwards: configuration.container_settings.allow_ip_forwarding,
        })
    }
}

fn result(
    environment: &Environment,
    identity: &Identity,
    addresses: &[IpAddr],
    interface: PodInterface,
) -> AddResult {
    AddResult {
        host_interface: identity.host_interface.clone(),
        interface: environment.interface.clone(),
        hardware_address: interface.hardware_address.to_string(),
        mtu_octets: interface.mtu_octets,
        sandbox: environment.namespace.clone().unwrap_or_default(),
        addresses: addresses.iter().copied().map(AssignedAddress).collect(),
    }
}

pub(super) fn failed(error: impl std::fmt::Display) -> CniError {
    CniError::failed(error.to_string())
}

/// A failure of the datastore: it may work later.
pub(super) fn again(error: impl std::fmt::Display) -> CniError {
    CniError::new(code::TRY_AGAIN, error.to_string())
}
