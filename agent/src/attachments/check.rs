//! CHECK: everything that ADD has made is still there.

use std::net::IpAddr;

use margay_cni::{CniError, Environment, NetworkConfiguration, code};
use margay_ipam::{ClusterState, Ipam};
use std::time::Duration;

use super::Attachments;
use super::add::{again, failed};
use super::addresses::ipam_error;
use super::endpoint_object::is_of;
use crate::node_plan::route_keys;
use crate::wall_clock;

/// A CHECK may come right after an ADD, while a chained plugin still works.
const KERNEL_TIMEOUT: Duration = Duration::from_secs(5);

impl Attachments {
    /// Checks an attachment.
    ///
    /// # Errors
    ///
    /// What is missing first.
    pub(crate) async fn check(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
    ) -> Result<(), CniError> {
        let identity = self.identity(environment, &configuration.name)?;
        let _alone = self.lock(&environment.container_id).await;
        let missing = |what: &str| CniError::failed(format!("the attachment lacks {what}"));
        let endpoint = self.endpoint(&identity).await.map_err(again)?;
        let endpoint = endpoint
            .filter(|endpoint| is_of(endpoint, &identity))
            .ok_or_else(|| missing(&format!("the endpoint object {}", identity.endpoint.name)))?;
        let addresses: Vec<IpAddr> = endpoint.spec.ip_networks.iter().map(|network| network.addr()).collect();
        check_result(configuration, &addresses)?;
        let cluster = ClusterState::load(&self.client).await.map_err(ipam_error)?;
        let ipam = Ipam { store: &self.client, cluster: &cluster, now: wall_clock::now() };
        let held = ipam.addresses_of_handle(&identity.handle).await.map_err(ipam_error)?;
        if let Some(address) = addresses.iter().find(|address| !held.contains(address)) {
            return Err(missing(&format!("the assignment of {address}")));
        }
        let network = self.pod_network(environment, configuration, &identity, &addresses)?;
        let inside = tokio::task::spawn_blocking(move || network.missing()).await;
        if let Some(what) = inside.map_err(failed)?.map_err(failed)? {
            return Err(missing(&what));
        }
        self.kernel.wait_held(route_keys(&endpoint), KERNEL_TIMEOUT).await.map_err(|what| missing(&what))
    }
}

/// Checks that the addresses of the result that the runtime has kept are those of the endpoint.
fn check_result(configuration: &NetworkConfiguration, addresses: &[IpAddr]) -> Result<(), CniError> {
    let invalid = |message: String| CniError::new(code::INVALID_CONFIGURATION, message);
    let result =
        configuration.previous.as_ref().ok_or_else(|| invalid("prevResult is missing".to_owned()))?;
    for entry in result["ips"].as_array().into_iter().flatten() {
        let text = entry["address"].as_str().unwrap_or_default();
        let network: ipnet::IpNet =
            text.parse().map_err(|_| invalid(format!("prevResult has the address {text:?}")))?;
        if !addresses.contains(&network.addr()) {
            return Err(CniError::failed(format!(
                "the endpoint does not have the address {}",
                network.addr()
            )));
        }
    }
    Ok(())
}
