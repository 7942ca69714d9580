//! What the parts of a plan look at.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use margay_cluster::object::Node;

use crate::node_settings::NodeSettings;
use crate::{Family, Snapshot};

/// Everything that the parts of a plan look at.
pub(crate) struct Context<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) name: &'a str,
    pub(crate) node: &'a Node,
    pub(crate) settings: NodeSettings<'a>,
    /// Service prefixes that the node advertises.
    pub(crate) services: BTreeSet<IpNet>,
    /// The nodes by their addresses, once one of them was asked for.
    addresses: OnceCell<BTreeMap<IpAddr, (&'a str, &'a Node)>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        name: &'a str,
        node: &'a Node,
        settings: NodeSettings<'a>,
        services: BTreeSet<IpNet>,
    ) -> Self {
        Self { snapshot, name, node, settings, services, addresses: OnceCell::new() }
    }

    /// The node with an address; of several, the first by name.
    pub(crate) fn node_with(&self, address: IpAddr) -> Option<(&'a str, &'a Node)> {
        let addresses = self.addresses.get_or_init(|| {
            let nodes = self.snapshot.nodes.iter().rev();
            let of_node = |(name, node): (&'a String, &'a Arc<Node>)| {
                let addresses = Family::ALL.map(|family| address_of(node, family)).into_iter().flatten();
                addresses.map(move |address| (address, (name.as_str(), node.as_ref())))
            };
            nodes.flat_map(of_node).collect()
        });
        addresses.get(&address).copied()
    }

    /// The node's own address.
    pub(crate) fn own_address(&self, family: Family) -> Option<IpAddr> {
        address_of(self.node, family)
    }
}

/// The address of a node.
pub(crate) fn address_of(node: &Node, family: Family) -> Option<IpAddr> {
    let bgp = node.spec.bgp.as_ref()?;
    let address = match family {
        Family::V4 => bgp.ipv4_address,
        Family::V6 => bgp.ipv6_address,
    };
    Some(address?.addr())
}
