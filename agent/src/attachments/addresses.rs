//! Addresses of containers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_cluster::object::AllowedUse;
use margay_cni::{CniError, Environment, NetworkConfiguration, code};
use margay_datastore::Client;
use margay_ipam::{AddressFamily, AddressOwner, AssignRequest, ClusterState, Ipam, IpamError, NamedRequest};

use super::{Attachments, Identity};
use crate::wall_clock;

impl Attachments {
    /// Gives a container its addresses: all that it is to have, or none.
    ///
    /// # Errors
    ///
    /// When one cannot be had.
    pub(super) async fn assign(
        &self,
        environment: &Environment,
        configuration: &NetworkConfiguration,
        identity: &Identity,
    ) -> Result<Vec<IpAddr>, CniError> {
        let fixed = configuration.fixed_addresses(environment.arguments.get("IP"))?;
        let _alone = self.ipam.lock().await;
        let cluster = ClusterState::load(&self.client).await.map_err(ipam_error)?;
        let ipam = Ipam { store: &self.client, cluster: &cluster, now: wall_clock::now() };
        let assigned = match fixed.is_empty() {
            true => self.assign_any(&ipam, environment, configuration, identity).await,
            false => self.assign_fixed(&ipam, &fixed, identity).await,
        };
        if assigned.is_err() {
            // What was given out before the failure goes back; the failure itself is what matters to the runtime.
            if let Err(error) = release(&ipam, &identity.handle).await {
                tracing::warn!(handle = identity.handle, %error, "addresses cannot be released");
            }
        }
        assigned
    }

    /// Takes all addresses of a handle back, and does nothing if it has none.
    ///
    /// # Errors
    ///
    /// When the datastore cannot be reached.
    pub(super) async fn release(&self, handle: &str) -> Result<(), IpamError> {
        let _alone = self.ipam.lock().await;
        let cluster = ClusterState::load(&self.client).await?;
        release(&Ipam { store: &self.client, cluster: &cluster, now: wall_clock::now() }, handle).await
    }

    async fn assign_any(
        &self,
        ipam: &Ipam<'_, Client>,
        environment: &Environment,
        configuration: &NetworkConfiguration,
        identity: &Identity,
    ) -> Result<Vec<IpAddr>, CniError> {
        let management = &configuration.ipam;
        let (v4, v6) = (usize::from(management.wants_ipv4()), usize::from(management.wants_ipv6()));
        let owner = self.owner(identity);
        let mut request = AssignRequest::new(&self.node, AllowedUse::Workload, owner, v4, v6);
        let named = |argument: &str, configured: &[String]| match environment.arguments.get(argument) {
            Some(names) => names.split(',').map(str::to_owned).collect(),
            None => configured.to_vec(),
        };
        request.v4.pools = named("IPV4POOLS", &management.ipv4_pools);
        request.v6.pools = named("IPV6POOLS", &management.ipv6_pools);
        let mut addresses = Vec::new();
        for (family, wanted) in [(AddressFamily::V4, v4), (AddressFamily::V6, v6)] {
            let assigned = ipam.assign(&request, family).await.map_err(ipam_error)?;
            if assigned.addresses.len() < wanted {
                let limit = assigned.limit.map(|limit| limit.to_string());
                let why = assigned.shortfall.or(limit).unwrap_or_else(|| "all are in use".to_owned());
                return Err(CniError::failed(format!("there is no {family} address: {why}")));
            }
            addresses.extend(assigned.addresses.iter().map(ipnet::IpNet::addr));
        }
        match addresses.is_empty() {
            true => {
                let message = "neither an IPv4 nor an IPv6 address is wanted";
                Err(CniError::new(code::INVALID_CONFIGURATION, message))
            }
            false => Ok(addresses),
        }
    }

    async fn assign_fixed(
        &self,
        ipam: &Ipam<'_, Client>,
        addresses: &[IpAddr],
        identity: &Identity,
    ) -> Result<Vec<IpAddr>, CniError> {
        for &address in addresses {
            let request = NamedRequest {
                address,
                node: self.node.clone(),
                wanted_for: Some(AllowedUse::Workload),
                owner: self.owner(identity),
                most_per_handle: None,
            };
            ipam.assign_named(&request).await.map_err(ipam_error)?;
        }
        Ok(addresses.to_vec())
    }

    fn owner(&self, identity: &Identity) -> AddressOwner {
        let mut attributes = BTreeMap::from([
            ("node".to_owned(), self.node.clone()),
            ("timestamp".to_owned(), wall_clock::now().to_string()),
        ]);
        if let Some((namespace, pod)) = &identity.note.pod {
            attributes.insert("namespace".to_owned(), namespace.clone());
            attributes.insert("pod".to_owned(), pod.clone());
        }
        AddressOwner { handle: Some(identity.handle.clone()), attributes }
    }
}

async fn release(ipam: &Ipam<'_, Client>, handle: &str) -> Result<(), IpamError> {
    match ipam.release_handle(handle).await {
        Ok(_) | Err(IpamError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn ipam_error(error: IpamError) -> CniError {
    match error {
        IpamError::Store(_) | IpamError::OutcomeUnknown(_) | IpamError::Busy(_) => {
            CniError::new(code::TRY_AGAIN, error.to_string())
        }
        error => CniError::failed(error.to_string()),
    }
}
