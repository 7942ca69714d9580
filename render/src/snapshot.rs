//! The objects that a node's BGP follows from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use margay_cluster::ipam::BlockAffinity;
use margay_cluster::object::{AnyObject, BgpConfiguration, BgpFilter, BgpPeer, IpPool, Kind, Node};

use crate::{RouterIdSource, Secrets};

/// The objects that a node's BGP follows from, each under its name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All nodes.
    pub nodes: BTreeMap<String, Arc<Node>>,
    /// BGP configurations: `default`, and `node.NAME`.
    pub configurations: BTreeMap<String, Arc<BgpConfiguration>>,
    /// BGP peers.
    pub peers: BTreeMap<String, Arc<BgpPeer>>,
    /// BGP filters.
    pub filters: BTreeMap<String, Arc<BgpFilter>>,
    /// Pools.
    pub pools: BTreeMap<String, Arc<IpPool>>,
    /// The blocks of the node.
    pub blocks: BTreeMap<IpNet, BlockAffinity>,
    /// Service prefixes that the node advertises besides those of the cluster's settings.
    pub service_routes: BTreeSet<IpNet>,
    /// Workloads of the node that have a BGP peer.
    pub workloads: BTreeSet<LocalWorkload>,
    /// Passwords.
    pub secrets: Secrets,
    /// Where the BGP identifier comes from.
    pub router_id: RouterIdSource,
}

impl Snapshot {
    /// Takes an object over, or its absence. Returns false for a kind that BGP does not follow from.
    pub fn set(&mut self, kind: Kind, name: &str, object: Option<&AnyObject>) -> bool {
        match (kind, object) {
            (Kind::Node, Some(AnyObject::Node(object))) => put(&mut self.nodes, name, &**object),
            (Kind::BgpConfiguration, Some(AnyObject::BgpConfiguration(object))) => {
                put(&mut self.configurations, name, &**object);
            }
            (Kind::BgpPeer, Some(AnyObject::BgpPeer(object))) => put(&mut self.peers, name, &**object),
            (Kind::BgpFilter, Some(AnyObject::BgpFilter(object))) => put(&mut self.filters, name, &**object),
            (Kind::IpPool, Some(AnyObject::IpPool(object))) => put(&mut self.pools, name, &**object),
            (Kind::Node, None) => drop(self.nodes.remove(name)),
            (Kind::BgpConfiguration, None) => drop(self.configurations.remove(name)),
            (Kind::BgpPeer, None) => drop(self.peers.remove(name)),
            (Kind::BgpFilter, None) => drop(self.filters.remove(name)),
            (Kind::IpPool, None) => drop(self.pools.remove(name)),
            (_, _) => return false,
        }
        true
    }
}

fn put<T: Clone>(objects: &mut BTreeMap<String, Arc<T>>, name: &str, object: &T) {
    objects.insert(name.to_owned(), Arc::new(object.clone()));
}

/// A workload that a BGP peer was made for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LocalWorkload {
    /// The name of its `BGPPeer`.
    pub peer: String,
    /// Its addresses.
    pub networks: Vec<IpNet>,
}
