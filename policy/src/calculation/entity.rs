//! Endpoints and network sets as members of sets: labels, addresses and named ports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use margay_cluster::object::{
    AnyObject, EndpointPort, Metadata, NAMESPACE_LABEL, NetworkSetSpec, SERVICE_ACCOUNT_LABEL,
    WorkloadEndpointPort, WorkloadEndpointSpec,
};
use margay_cluster::value::{Labels, Name};

use crate::set::{Member, PortMember, SetKey};
use crate::wanted::ObjectId;

/// The label of a workload: what made it.
const ORCHESTRATOR_LABEL: &str = "projectcalico.org/orchestrator";

/// Something that selectors of rules select.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    /// Its own labels.
    pub(super) labels: Arc<Labels>,
    /// The profiles that it inherits labels from.
    pub(super) profiles: Vec<Arc<str>>,
    addresses: Arc<Addresses>,
}

/// What an entity puts into sets.
#[derive(Debug, Eq, PartialEq)]
struct Addresses {
    networks: BTreeSet<IpNet>,
    ports: BTreeSet<NamedPort>,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct NamedPort {
    name: String,
    protocol: u8,
    port: u16,
}

impl Entity {
    /// The entity that an object is; `None` for other objects.
    pub(super) fn of(id: &ObjectId, object: &AnyObject) -> Option<Self> {
        let namespace = id.namespace.as_deref();
        match object {
            AnyObject::WorkloadEndpoint(endpoint) => {
                Some(Self::of_workload(&endpoint.metadata, namespace, &endpoint.spec))
            }
            AnyObject::HostEndpoint(endpoint) => Some(Self::new(
                labels_of(&endpoint.metadata, None),
                &endpoint.spec.profiles,
                endpoint.spec.expected_ips.iter().map(|&address| IpNet::from(address)).collect(),
                endpoint.spec.ports.iter().map(NamedPort::of_host).collect(),
            )),
            AnyObject::NetworkSet(set) => Some(Self::of_set(&set.metadata, namespace, &set.spec)),
            AnyObject::GlobalNetworkSet(set) => Some(Self::of_set(&set.metadata, None, &set.spec)),
            _ => None,
        }
    }

    fn of_workload(metadata: &Metadata, namespace: Option<&str>, spec: &WorkloadEndpointSpec) -> Self {
        let mut labels = labels_of(metadata, namespace);
        let identity =
            [(ORCHESTRATOR_LABEL, &spec.orchestrator), (SERVICE_ACCOUNT_LABEL, &spec.service_account_name)];
        for (label, value) in identity {
            if let Some(value) = value {
                labels.insert(label.to_owned(), value.as_str().to_owned());
            }
        }
        Self::new(
            labels,
            &spec.profiles,
            spec.ip_networks.iter().map(|network| network.0).collect(),
            spec.ports.iter().filter_map(NamedPort::of_workload).collect(),
        )
    }

    fn of_set(metadata: &Metadata, namespace: Option<&str>, spec: &NetworkSetSpec) -> Self {
        let networks = spec.nets.iter().map(|network| network.0).collect();
        Self::new(labels_of(metadata, namespace), &[], networks, BTreeSet::new())
    }

    fn new(labels: Labels, profiles: &[Name], networks: BTreeSet<IpNet>, ports: BTreeSet<NamedPort>) -> Self {
        Self {
            labels: Arc::new(labels),
            profiles: profiles.iter().map(|name| name.as_str().into()).collect(),
            addresses: Arc::new(Addresses { networks, ports }),
        }
    }

    /// Whether both put the same into sets that both belong to.
    pub(super) fn has_same_addresses(&self, other: &Self) -> bool {
        self.addresses == other.addresses
    }

    /// What it puts into a set.
    pub(super) fn members_in(&self, key: &SetKey) -> Vec<Member> {
        match key {
            SetKey::Addresses(_) => {
                self.addresses.networks.iter().map(|network| Member::Network(*network)).collect()
            }
            SetKey::NamedPort { protocol, name, .. } => self.ports(*protocol, name).collect(),
            SetKey::Service { .. } => Vec::new(),
        }
    }

    fn ports(&self, protocol: Option<u8>, name: &str) -> impl Iterator<Item = Member> {
        let is_named = move |port: &&NamedPort| {
            port.name == name && protocol.is_none_or(|protocol| protocol == port.protocol)
        };
        // Two names may stand for one port; without a protocol in the rule, one name for ports of several.
        let ports: BTreeSet<(u8, u16)> =
            self.addresses.ports.iter().filter(is_named).map(|port| (port.protocol, port.port)).collect();
        ports.into_iter().flat_map(|(protocol, port)| {
            self.addresses
                .networks
                .iter()
                .map(move |network| Member::Port(PortMember { address: network.addr(), protocol, port }))
        })
    }
}

impl NamedPort {
    fn of_host(port: &EndpointPort) -> Self {
        Self { name: port.name.as_str().to_owned(), protocol: port.protocol.number(), port: port.port }
    }

    fn of_workload(port: &WorkloadEndpointPort) -> Option<Self> {
        let name = port.name.as_ref()?.as_str().to_owned();
        Some(Self { name, protocol: port.protocol.number(), port: port.port })
    }
}

/// The labels of an object, with that of its namespace.
fn labels_of(metadata: &Metadata, namespace: Option<&str>) -> Labels {
    let mut labels: BTreeMap<String, String> = metadata.labels.0.clone();
    if let Some(namespace) = namespace {
        labels.insert(NAMESPACE_LABEL.to_owned(), namespace.to_owned());
    }
    Labels(labels)
}
