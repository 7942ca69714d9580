//! All values of address management at one moment, and what uses addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::ipam::{BlockAffinity, Handle, read_block_affinity};
use margay_cluster::key::Key;
use margay_cluster::object::{Kind, Node, WorkloadEndpoint};
use margay_watch::{Current, KeyRange, KeyValue, Stamp, Store};

use super::Finding;
use crate::block::AddressBlock;
use crate::cluster_state::read_object;
use crate::procedures::block_of;
use crate::stored::Stored;
use crate::{ClusterState, IpamError, Pool};

/// All values of address management, and what uses addresses.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Blocks in the order of their keys.
    pub blocks: Vec<AddressBlock>,
    /// Affinities by block and owner, `host:node1`.
    pub affinities: BTreeMap<(IpNet, String), BlockAffinity>,
    /// Handles by their identity.
    pub handles: BTreeMap<String, Handle>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Names of all nodes; `None` when they are not known.
    pub nodes: Option<BTreeSet<String>>,
    /// What uses addresses; `None` when it is not known.
    pub users: Option<Vec<AddressUser>>,
    /// Values that cannot be read.
    pub unreadable: Vec<Finding>,
}

/// Something that uses an address.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AddressUser {
    /// The address.
    pub address: IpAddr,
    /// What uses it, such as `workload endpoint default/pod`.
    pub what: String,
}

impl Snapshot {
    /// Reads everything from the store. Workload endpoints are read after addresses, so that those which were made meanwhile are known.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached.
    pub async fn load(store: &impl Store) -> Result<Self, IpamError> {
        let cluster = ClusterState::load(store).await?;
        let values = store.list(&KeyRange::of_prefix("/calico/ipam/v2/")).await?;
        let objects = [Kind::WorkloadEndpoint, Kind::Node]
            .map(|kind| KeyRange::of_prefix(margay_cluster::key::ObjectKey::prefix(kind, None)));
        let endpoints = store.list(&objects[0]).await?;
        let nodes = store.list(&objects[1]).await?;
        let mut snapshot = Self::of_values(&values);
        snapshot.pools = cluster.pools;
        snapshot.add_users(&endpoints, &nodes);
        Ok(snapshot)
    }

    /// The values of address management alone, out of keys that begin with `/calico/ipam/v2/`.
    #[must_use]
    pub fn of_values(values: &[KeyValue]) -> Self {
        let mut snapshot = Self::default();
        for key_value in values {
            if let Err(error) = snapshot.add_value(key_value) {
                snapshot.note_unreadable(error);
            }
        }
        snapshot
    }

    fn add_value(&mut self, key_value: &KeyValue) -> Result<(), IpamError> {
        let text = String::from_utf8_lossy(&key_value.key).into_owned();
        match text.parse() {
            Ok(Key::Block(_)) => self.blocks.push(block_of(key_value)?),
            Ok(Key::BlockAffinity(key)) => {
                let affinity = read_block_affinity(&key_value.entry.value)
                    .map_err(|error| IpamError::Unreadable { key: text, problem: error.to_string() })?;
                self.affinities.insert((key.block, format!("{}:{}", key.owner_type, key.owner)), affinity);
            }
            Ok(Key::Handle(key)) => {
                let stamp = Stamp {
                    revision: key_value.entry.revision,
                    created: key_value.entry.revision,
                    version: 0,
                };
                let current = Current { value: key_value.entry.value.clone(), stamp };
                self.handles.insert(key.id, Stored::handle(&text, &current)?.value);
            }
            _ => (),
        }
        Ok(())
    }

    fn add_users(&mut self, endpoints: &[KeyValue], nodes: &[KeyValue]) {
        let (mut users, mut names) = (Vec::new(), BTreeSet::new());
        for key_value in endpoints {
            match read_object::<WorkloadEndpoint>(key_value) {
                Ok(endpoint) => users.extend(users_of_endpoint(&endpoint)),
                Err(error) => self.note_unreadable(error),
            }
        }
        for key_value in nodes {
            match read_object::<Node>(key_value) {
                Ok(node) => {
                    users.extend(users_of_node(&node));
                    names.insert(node.metadata.name.as_str().to_owned());
                }
                Err(error) => self.note_unreadable(error),
            }
        }
        users.sort();
        self.users = Some(users);
        self.nodes = Some(names);
    }

    fn note_unreadable(&mut self, error: IpamError) {
        if let IpamError::Unreadable { key, problem } = error {
            self.unreadable.push(Finding::Unreadable { key, problem });
        }
    }
}

fn users_of_endpoint(endpoint: &WorkloadEndpoint) -> Vec<AddressUser> {
    let namespace = endpoint.metadata.namespace.as_deref().unwrap_or("default");
    let what = format!("workload endpoint {namespace}/{}", endpoint.metadata.name);
    let networks = endpoint.spec.ip_networks.iter();
    networks.map(|network| AddressUser { address: network.0.addr(), what: what.clone() }).collect()
}

fn users_of_node(node: &Node) -> Vec<AddressUser> {
    let bgp = node.spec.bgp.as_ref();
    let wireguard = node.spec.wireguard.as_ref();
    let addresses: [(Option<IpAddr>, &str); 5] = [
        (bgp.and_then(|bgp| bgp.ipv4_ipip_tunnel_address).map(IpAddr::V4), "IPIP tunnel"),
        (node.spec.ipv4_vxlan_tunnel_address.map(IpAddr::V4), "VXLAN tunnel"),
        (node.spec.ipv6_vxlan_tunnel_address.map(IpAddr::V6), "VXLAN tunnel over IPv6"),
        (wireguard.and_then(|wireguard| wireguard.ipv4_address).map(IpAddr::V4), "WireGuard tunnel"),
        (
            wireguard.and_then(|wireguard| wireguard.ipv6_address).map(IpAddr::V6),
            "WireGuard tunnel over IPv6",
        ),
    ];
    let users = addresses.into_iter().filter_map(|(address, what)| {
        Some(AddressUser { address: address?, what: format!("{what} of the node {}", node.metadata.name) })
    });
    users.collect()
}
