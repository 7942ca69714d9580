//! Who connects to whom: from what is typed to endpoints and addresses.

use std::net::IpAddr;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{AnyObject, WorkloadEndpointSpec};
use margay_policy::{ObjectId, Party};

use super::cluster::Cluster;
use crate::arguments::objects::FamilyArgument;
use crate::objects::query::typed_name;

/// The two ends of a connection, of one family.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Parties {
    pub(super) from: Party,
    pub(super) to: Party,
}

impl Parties {
    /// The parties that are meant, once for each version of IP that both have, IPv4 first.
    pub(super) fn find(
        cluster: &Cluster,
        from: &str,
        to: &str,
        family: Option<FamilyArgument>,
    ) -> Result<Vec<Self>, String> {
        let (sender, receiver) = (Candidate::find(cluster, from)?, Candidate::find(cluster, to)?);
        if sender.endpoint.is_none() && receiver.endpoint.is_none() {
            return Err(format!("neither {from} nor {to} is an endpoint: nothing is enforced between them"));
        }
        let families = match family {
            None => vec![FamilyArgument::Ipv4, FamilyArgument::Ipv6],
            Some(family) => vec![family],
        };
        let both = |family| Some(Self { from: sender.party(family)?, to: receiver.party(family)? });
        let found: Vec<Self> = families.into_iter().filter_map(both).collect();
        if found.is_empty() {
            let version = match family {
                Some(FamilyArgument::Ipv4) => "IPv4",
                Some(FamilyArgument::Ipv6) => "IPv6",
                None => "the same version of IP",
            };
            return Err(format!("{from} and {to} do not both have an address of {version}"));
        }
        Ok(found)
    }
}

/// An endpoint with all its addresses, or an address.
struct Candidate {
    endpoint: Option<ObjectId>,
    addresses: Vec<IpAddr>,
}

impl Candidate {
    fn find(cluster: &Cluster, text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Self::of_address(cluster, address);
        }
        let is_meant: &dyn Fn(&ObjectKey, &AnyObject) -> bool = match text.split_once('/') {
            Some(("hostendpoint" | "hep", name)) => {
                &move |key, object| matches!(object, AnyObject::HostEndpoint(_)) && key.name == name
            }
            Some((namespace, name)) => &move |key, object| is_workload(key, object, namespace, name),
            None => &move |key, object| is_workload(key, object, ObjectKey::DEFAULT_NAMESPACE, text),
        };
        let found = cluster.objects.iter().filter(|(key, object)| is_meant(key, object));
        Self::only_one(found, text)?.ok_or_else(|| format!("there is no endpoint {text}"))
    }

    /// The workload that has the address, or the address alone when none has it.
    fn of_address(cluster: &Cluster, address: IpAddr) -> Result<Self, String> {
        let has_it = |object: &AnyObject| {
            matches!(object, AnyObject::WorkloadEndpoint(_) | AnyObject::HostEndpoint(_))
                && addresses(object).contains(&address)
        };
        let found = cluster.objects.iter().filter(|(_, object)| has_it(object));
        let endpoint = Self::only_one(found, &address.to_string())?.and_then(|found| found.endpoint);
        Ok(Self { endpoint, addresses: vec![address] })
    }

    fn only_one<'c>(
        mut found: impl Iterator<Item = (&'c ObjectKey, &'c AnyObject)>,
        text: &str,
    ) -> Result<Option<Self>, String> {
        let Some((key, object)) = found.next() else { return Ok(None) };
        if let Some((other, _)) = found.next() {
            let (one, other) = (typed_name(key), typed_name(other));
            return Err(format!("{text} is {one} and {other}: give the name of one endpoint"));
        }
        Ok(Some(Self { endpoint: Some(ObjectId::new(key.clone())), addresses: addresses(object) }))
    }

    fn party(&self, family: FamilyArgument) -> Option<Party> {
        let is_of_family = |address: &&IpAddr| match family {
            FamilyArgument::Ipv4 => address.is_ipv4(),
            FamilyArgument::Ipv6 => address.is_ipv6(),
        };
        let address = *self.addresses.iter().find(is_of_family)?;
        Some(Party { endpoint: self.endpoint.clone(), address })
    }
}

/// Whether an object is the workload of this name: that of the pod, container or workload, or of the object itself.
fn is_workload(key: &ObjectKey, object: &AnyObject, namespace: &str, name: &str) -> bool {
    let AnyObject::WorkloadEndpoint(endpoint) = object else { return false };
    let WorkloadEndpointSpec { pod, workload, container_id, .. } = &endpoint.spec;
    let names = [pod.as_deref(), workload.as_deref(), container_id.as_deref(), Some(key.name.as_str())];
    key.namespace.as_deref() == Some(namespace) && names.contains(&Some(name))
}

fn addresses(object: &AnyObject) -> Vec<IpAddr> {
    match object {
        AnyObject::WorkloadEndpoint(endpoint) => {
            endpoint.spec.ip_networks.iter().map(|network| network.0.addr()).collect()
        }
        AnyObject::HostEndpoint(endpoint) => endpoint.spec.expected_ips.clone(),
        _ => Vec::new(),
    }
}
