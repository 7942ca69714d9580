//! From objects and uplinks to what the kernel must have. No file here does I/O.

mod claims;
mod endpoint;
mod tunnels;

use std::collections::BTreeMap;

use ipnet::IpNet;
use margay_cluster::ipam::Block;
use margay_cluster::object::{BgpConfiguration, FelixConfiguration, IpPool, Node, WorkloadEndpoint};
use margay_overlay::{BlockOwners, Change, NodeAddresses, Overlay, PoolRoutes, Programmers};
use margay_reconcile::{Key, LinkName, Ownership, Value};

use self::claims::{Claims, Owner};
use self::tunnels::TunnelSettings;
use crate::uplinks::Uplinks;

pub(crate) use self::endpoint::{EndpointId, endpoint_things, route_keys};

/// The protocol number of the agent's routes and rules. Calico's.
pub(crate) const ROUTE_PROTOCOL: u8 = 80;

/// What belongs to the agent: the tunnel devices, and what is on the IPIP device.
pub(crate) fn ownership() -> Ownership {
    let names = |names: &[&str]| names.iter().filter_map(|name| name.parse::<LinkName>().ok()).collect();
    Ownership {
        links: names(&["vxlan.calico", "vxlan-v6.calico"]),
        furnished_links: names(&["tunl0"]),
        protocol: ROUTE_PROTOCOL,
    }
}

/// What a node's kernel must have.
#[derive(Debug)]
pub(crate) struct NodePlan {
    node: String,
    overlay: Overlay,
    claims: Claims,
    settings: TunnelSettings,
    uplinks: Uplinks,
    bgp: ByScope<BgpConfiguration>,
    felix: ByScope<FelixConfiguration>,
    endpoints: BTreeMap<EndpointId, WorkloadEndpoint>,
}

/// A configuration for all nodes, and the one for this node.
#[derive(Debug)]
struct ByScope<T> {
    cluster: Option<T>,
    node: Option<T>,
}

impl<T> Default for ByScope<T> {
    fn default() -> Self {
        Self { cluster: None, node: None }
    }
}

impl<T> ByScope<T> {
    fn set(&mut self, node: &str, name: &str, object: Option<T>) {
        if name == "default" {
            self.cluster = object;
        } else if name.strip_prefix("node.") == Some(node) {
            self.node = object;
        }
    }

    /// A setting of the node, or else that of the cluster.
    fn find<V>(&self, get: impl Fn(&T) -> Option<V>) -> Option<V> {
        self.node.as_ref().and_then(&get).or_else(|| self.cluster.as_ref().and_then(&get))
    }
}

impl NodePlan {
    /// Nothing known yet of a node.
    pub(crate) fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            overlay: Overlay::new(node),
            claims: Claims::default(),
            settings: TunnelSettings::default(),
            uplinks: Uplinks::default(),
            bgp: ByScope::default(),
            felix: ByScope::default(),
            endpoints: BTreeMap::new(),
        }
    }

    pub(crate) fn set_node(&mut self, name: &str, node: Option<&Node>) {
        let addresses = node.map(NodeAddresses::of_object);
        if name == self.node {
            self.settings.set_addresses(addresses.as_ref(), &self.uplinks);
        }
        self.overlay.set_node(name, addresses);
        self.translate_all();
    }

    pub(crate) fn set_pool(&mut self, name: &str, pool: Option<&IpPool>) {
        self.overlay.set_pool(name, pool.and_then(PoolRoutes::of_object));
    }

    pub(crate) fn set_block(&mut self, cidr: IpNet, block: Option<&Block>) {
        self.overlay.set_block(cidr, block.map(BlockOwners::of_block));
    }

    pub(crate) fn set_bgp_configuration(&mut self, name: &str, object: Option<BgpConfiguration>) {
        self.bgp.set(&self.node, name, object);
        self.set_programmers();
    }

    pub(crate) fn set_felix_configuration(&mut self, name: &str, object: Option<FelixConfiguration>) {
        self.felix.set(&self.node, name, object);
        self.settings.set_configuration(
            self.felix.find(|felix| felix.spec.vxlan_vni),
            self.felix.find(|felix| felix.spec.vxlan_port),
            self.felix.find(|felix| felix.spec.vxlan_mtu.and_then(|mtu| u32::try_from(mtu).ok())),
            self.felix.find(|felix| felix.spec.ipip_mtu.and_then(|mtu| u32::try_from(mtu).ok())),
        );
        self.set_programmers();
        self.translate_all();
    }

    /// Sets the links by which the node reaches others.
    pub(crate) fn set_uplinks(&mut self, uplinks: Uplinks) {
        self.uplinks = uplinks;
        self.settings.find_uplinks(&self.uplinks);
        self.translate_all();
    }

    pub(crate) fn set_endpoint(&mut self, id: EndpointId, endpoint: Option<WorkloadEndpoint>) {
        let things = endpoint.as_ref().map(endpoint_things).unwrap_or_default();
        self.claims.replace(&Owner::Endpoint(id.clone()), things);
        match endpoint {
            Some(endpoint) => drop(self.endpoints.insert(id, endpoint)),
            None => drop(self.endpoints.remove(&id)),
        }
    }

    /// The endpoints of the node.
    pub(crate) const fn endpoints(&self) -> &BTreeMap<EndpointId, WorkloadEndpoint> {
        &self.endpoints
    }

    /// The largest packet of a workload in octets that every way to other nodes carries.
    pub(crate) fn workload_mtu(&self) -> Option<u32> {
        self.settings.workload_mtu(self.overlay.wanted())
    }

    /// What is wanted now and was not before.
    pub(crate) fn take_changes(&mut self) -> Vec<(Key, Option<Value>)> {
        let changes = self.overlay.take_changes();
        if changes.iter().any(|change| matches!(change, Change::Device(..))) {
            // Everything on a device may be different with it.
            self.claims.replace(&Owner::Overlay, self.settings.translate_whole(self.overlay.wanted()));
        } else {
            for (key, value) in changes.iter().filter_map(|change| self.settings.translate(change)) {
                self.claims.set(&Owner::Overlay, key, value);
            }
        }
        self.claims.take_changes()
    }

    fn set_programmers(&mut self) {
        let default = Programmers::default();
        let agent = self.felix.find(|felix| felix.spec.program_cluster_routes);
        let bgp_daemon = self.bgp.find(|bgp| bgp.spec.program_cluster_routes);
        self.overlay.set_programmers(Programmers {
            agent: agent.unwrap_or(default.agent),
            bgp_daemon: bgp_daemon.unwrap_or(default.bgp_daemon),
        });
    }

    /// Translates everything that the overlay wants anew: a setting that all of it rests on is different.
    fn translate_all(&mut self) {
        if !self.settings.take_changed() {
            return;
        }
        // What has changed meanwhile is in the whole.
        drop(self.overlay.take_changes());
        self.claims.replace(&Owner::Overlay, self.settings.translate_whole(self.overlay.wanted()));
    }
}
