//! Nodes: the machines of the cluster.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::object::object;
use crate::schema::{Report, choice, record};
use crate::value::{Asn, InterfaceAddress, LooseNetwork, MacAddress, Network, WireguardKey};

object! {
    /// A machine of the cluster.
    pub struct Node { spec: NodeSpec, status: NodeStatus }
}

record! {
    /// What a node is for the others.
    pub struct NodeSpec checked {
        /// Its addresses and AS number, for BGP and all routes to it.
        "bgp" => bgp: Option<NodeBgpSpec>,
        /// The address of its VXLAN device.
        "ipv4VXLANTunnelAddr" => ipv4_vxlan_tunnel_address: Option<Ipv4Addr>,
        /// The hardware address of its VXLAN device, when it is not the one that follows from its name.
        "vxlanTunnelMACAddr" => vxlan_tunnel_mac: Option<MacAddress>,
        /// The address of its VXLAN device over IPv6.
        "ipv6VXLANTunnelAddr" => ipv6_vxlan_tunnel_address: Option<Ipv6Addr>,
        /// The hardware address of its VXLAN device over IPv6.
        "vxlanTunnelMACAddrV6" => vxlan_tunnel_mac_v6: Option<MacAddress>,
        /// What orchestrators call it.
        "orchRefs" => orchestrator_references: Vec<OrchestratorReference>,
        /// WireGuard.
        "wireguard" => wireguard: Option<NodeWireguardSpec>,
        /// Addresses that it can be reached at.
        "addresses" => addresses: Vec<NodeAddress>,
        /// Its interfaces.
        "interfaces" => interfaces: Vec<NodeInterface>,
    }
}

record! {
    /// BGP of a node.
    pub struct NodeBgpSpec {
        /// Its AS number; that of `BGPConfiguration` `default` when it has none.
        "asNumber" => as_number: Option<Asn>,
        /// Its IPv4 address, with the length of its subnet.
        "ipv4Address" => ipv4_address: Option<InterfaceAddress>,
        /// Its IPv6 address, with the length of its subnet.
        "ipv6Address" => ipv6_address: Option<InterfaceAddress>,
        /// The address of its IPIP device.
        "ipv4IPIPTunnelAddr" => ipv4_ipip_tunnel_address: Option<Ipv4Addr>,
        /// Makes it a route reflector of this cluster (RFC 4456 §7).
        "routeReflectorClusterID" => route_reflector_cluster_id: Option<Ipv4Addr>,
    }
}

record! {
    /// WireGuard of a node.
    pub struct NodeWireguardSpec {
        /// The address of its IPv4 device.
        "interfaceIPv4Address" => ipv4_address: Option<Ipv4Addr>,
        /// The address of its IPv6 device.
        "interfaceIPv6Address" => ipv6_address: Option<Ipv6Addr>,
    }
}

record! {
    /// An address that a node can be reached at.
    pub struct NodeAddress {
        /// The address, with a length or without.
        "address" => address: LooseNetwork,
        /// What kind of address it is.
        "type" => address_type: Option<NodeAddressType>,
    }
}

choice! {
    /// What kind of address of a node it is.
    pub enum NodeAddressType {
        /// The one that is used for routes.
        CalicoNodeIp = "CalicoNodeIP",
        /// One that Kubernetes calls internal.
        InternalIp = "InternalIP",
        /// One that Kubernetes calls external.
        ExternalIp = "ExternalIP",
    }
}

record! {
    /// An interface of a node.
    pub struct NodeInterface {
        /// Its name.
        "name" => name: Option<String>,
        /// Its addresses.
        "addresses" => addresses: Vec<String>,
    }
}

record! {
    /// What an orchestrator calls a node.
    pub struct OrchestratorReference {
        /// The node's name there.
        "nodeName" => node_name: Option<String>,
        /// The orchestrator, such as `k8s`.
        "orchestrator" => orchestrator: String,
    }
}

record! {
    /// What a node says of itself.
    pub struct NodeStatus {
        /// Its public key of WireGuard for IPv4.
        "wireguardPublicKey" => wireguard_public_key: Option<WireguardKey>,
        /// Its public key of WireGuard for IPv6.
        "wireguardPublicKeyV6" => wireguard_public_key_v6: Option<WireguardKey>,
        /// The blocks that Kubernetes gave it.
        "podCIDRs" => pod_cidrs: Vec<Network>,
    }
}

impl NodeSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let Some(bgp) = &self.bgp else { return };
        let is_empty = bgp.as_number.is_none()
            && bgp.ipv4_address.is_none()
            && bgp.ipv6_address.is_none()
            && bgp.ipv4_ipip_tunnel_address.is_none()
            && bgp.route_reflector_cluster_id.is_none();
        if is_empty {
            report.problem("bgp", "is empty; give an address, or leave it out");
        }
        if bgp.ipv4_address.is_some_and(|address| !address.addr().is_ipv4()) {
            report.problem("bgp.ipv4Address", "is an IPv6 address; write it as ipv6Address");
        }
        if bgp.ipv6_address.is_some_and(|address| !address.addr().is_ipv6()) {
            report.problem("bgp.ipv6Address", "is an IPv4 address; write it as ipv4Address");
        }
    }
}
