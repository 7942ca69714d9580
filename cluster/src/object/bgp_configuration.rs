//! BGP configuration: what holds for all sessions, or for those of one node.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::document::Node;
use crate::object::{BgpPassword, LogLevel, object};
use crate::schema::{Decoder, Report, Schema, choice, record};
use crate::value::{Asn, Community, InterfaceGlob, Name, Network, Span};

object! {
    /// BGP of all nodes (`default`) or of one (`node.NAME`).
    pub struct BgpConfiguration { spec: BgpConfigurationSpec, status: Value }
}

record! {
    /// BGP of all nodes, or of one.
    pub struct BgpConfigurationSpec checked {
        /// What is logged.
        "logSeverityScreen" => log_severity_screen: LogLevel = LogLevel::Info,
        /// Whether every node has a session with every other; so it is when it is not given.
        "nodeToNodeMeshEnabled" => node_to_node_mesh_enabled: Option<bool>,
        /// The AS number of nodes that have none of their own; 64512 when it is not given.
        "asNumber" => as_number: Option<Asn>,
        /// Addresses of load balancers that are advertised.
        "serviceLoadBalancerIPs" => service_load_balancer_ips: Vec<ServiceBlock>,
        /// External addresses of services that are advertised.
        "serviceExternalIPs" => service_external_ips: Vec<ServiceBlock>,
        /// Addresses of services inside of the cluster that are advertised.
        "serviceClusterIPs" => service_cluster_ips: Vec<ServiceBlock>,
        /// Whether load balancer addresses are advertised as blocks or one by one.
        "serviceLoadBalancerAggregation" => service_load_balancer_aggregation: Switch = Switch::Enabled,
        /// Names for communities.
        "communities" => communities: Vec<NamedCommunity>,
        /// Communities that advertised routes get.
        "prefixAdvertisements" => prefix_advertisements: Vec<PrefixAdvertisement>,
        /// The port that is listened on; 179 when it is not given.
        "listenPort" => listen_port: Option<u16>,
        /// The password of the sessions between nodes.
        "nodeMeshPassword" => node_mesh_password: Option<BgpPassword>,
        /// The restart time of the sessions between nodes (RFC 4724 §3).
        "nodeMeshMaxRestartTime" => node_mesh_max_restart_time: Option<Span>,
        /// Which addresses are listened on.
        "bindMode" => bind_mode: Option<BindMode>,
        /// Interfaces whose networks are not learned, before `cali*` and `kube-ipvs*`.
        "ignoredInterfaces" => ignored_interfaces: Vec<InterfaceGlob>,
        /// The node's IPv4 address towards its own workloads.
        "localWorkloadPeeringIPV4" => local_workload_peering_ipv4: Option<Ipv4Addr>,
        /// The node's IPv6 address towards its own workloads.
        "localWorkloadPeeringIPV6" => local_workload_peering_ipv6: Option<Ipv6Addr>,
        /// Which routes between nodes the BGP daemon puts into the kernel.
        "programClusterRoutes" => program_cluster_routes: Option<ClusterRoutes>,
        /// The metric of an ordinary IPv4 route; 1024 when it is not given.
        "ipv4NormalRoutePriority" => ipv4_normal_route_priority: Option<u32>,
        /// The metric of an ordinary IPv6 route; 1024 when it is not given.
        "ipv6NormalRoutePriority" => ipv6_normal_route_priority: Option<u32>,
    }
}

record! {
    /// Addresses of services.
    pub struct ServiceBlock {
        /// The network.
        "cidr" => cidr: Option<Network>,
    }
}

record! {
    /// A name for a community.
    pub struct NamedCommunity {
        /// The name.
        "name" => name: Name,
        /// The community.
        "value" => value: Community,
    }
}

record! {
    /// What is added to routes inside of a network.
    pub struct PrefixAdvertisement checked {
        /// The network.
        "cidr" => cidr: Network,
        /// What is added.
        "communities" => communities: Vec<PrefixCommunity>,
    }
}

/// A community, or the name of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrefixCommunity {
    /// The community itself.
    Value(Community),
    /// A name from `communities`.
    Named(String),
}

choice! {
    /// Which addresses are listened on.
    pub enum BindMode {
        /// All.
        None = "None",
        /// The node's.
        NodeIp = "NodeIP",
    }
}

choice! {
    /// Which routes between nodes the BGP daemon puts into the kernel.
    pub enum ClusterRoutes {
        /// Those of pools with IPIP and of pools without encapsulation.
        Enabled = "Enabled",
        /// None.
        Disabled = "Disabled",
        /// Those of pools with IPIP.
        EnabledIpipOnly = "EnabledIPIPOnly",
        /// Those of pools without encapsulation.
        EnabledNoEncapOnly = "EnabledNoEncapOnly",
    }
}

choice! {
    /// On or off.
    pub enum Switch {
        /// On.
        Enabled = "Enabled",
        /// Off.
        Disabled = "Disabled",
    }
}

impl Schema for PrefixCommunity {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let Some(text) = node.as_text() else {
            decoder
                .report(node.position, format!("is {}; it must be a community or its name", node.describe()));
            return None;
        };
        // What is made of numbers is meant as a community, and has to be one.
        if text.bytes().all(|octet| octet.is_ascii_digit() || octet == b':') {
            return Community::decode(node, decoder).map(Self::Value);
        }
        Some(Self::Named(text.to_owned()))
    }

    fn encode(&self) -> Value {
        match self {
            Self::Value(community) => community.encode(),
            Self::Named(name) => name.as_str().into(),
        }
    }
}

impl PrefixAdvertisement {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.communities.is_empty() {
            report.problem("communities", "is missing; give what is added to the routes");
        }
    }
}

impl BgpConfigurationSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.listen_port == Some(0) {
            report.problem("listenPort", "is 0; it must be from 1 to 65535");
        }
        for (index, interface) in self.ignored_interfaces.iter().enumerate() {
            if interface.as_str() == "*" {
                report.problem(
                    &format!("ignoredInterfaces[{index}]"),
                    "is *, which would ignore every interface",
                );
            }
        }
        self.check_communities(report);
        let mesh_is_off = self.node_to_node_mesh_enabled == Some(false);
        if mesh_is_off && self.node_mesh_password.is_some() {
            report.problem("nodeMeshPassword", "is given, but nodeToNodeMeshEnabled is false");
        }
        if mesh_is_off && self.node_mesh_max_restart_time.is_some() {
            report.problem("nodeMeshMaxRestartTime", "is given, but nodeToNodeMeshEnabled is false");
        }
        for (field, priority) in [
            ("ipv4NormalRoutePriority", self.ipv4_normal_route_priority),
            ("ipv6NormalRoutePriority", self.ipv6_normal_route_priority),
        ] {
            if priority.is_some_and(|priority| !(1..=2_147_483_646).contains(&priority)) {
                report.problem(field, "must be from 1 to 2147483646");
            }
        }
    }

    fn check_communities(&self, report: &mut Report<'_, '_, '_>) {
        if !self.communities.is_empty() && self.prefix_advertisements.is_empty() {
            report.problem("communities", "are given, but no prefixAdvertisements use them");
        }
        let is_known = |name: &String| self.communities.iter().any(|known| known.name.as_str() == name);
        for (outer, advertisement) in self.prefix_advertisements.iter().enumerate() {
            for (inner, community) in advertisement.communities.iter().enumerate() {
                if let PrefixCommunity::Named(name) = community
                    && !is_known(name)
                {
                    let path = format!("prefixAdvertisements[{outer}].communities[{inner}]");
                    report.problem(&path, format!("is {name:?}, which communities does not define"));
                }
            }
        }
    }
}
