//! The settings of a node: the cluster's, and its own where it has any.

use ipnet::IpNet;
use margay_cluster::object::{
    BgpConfigurationSpec, BgpPassword, BindMode, ClusterRoutes, LogLevel, Node, PrefixAdvertisement,
};
use margay_cluster::value::{Asn, InterfaceGlob, Span};

use crate::{Family, Snapshot};

/// The settings that hold for one node.
pub(crate) struct NodeSettings<'a> {
    snapshot: &'a Snapshot,
    name: &'a str,
}

/// AS number of nodes when nothing else is said.
const DEFAULT_ASN: Asn = Asn(64_512);
/// Metric of ordinary routes when nothing else is said.
const DEFAULT_PRIORITY: u32 = 1024;

impl<'a> NodeSettings<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, name: &'a str) -> Self {
        Self { snapshot, name }
    }

    /// The AS number of the cluster.
    pub(crate) fn cluster_asn(&self) -> Asn {
        self.global().and_then(|spec| spec.as_number).filter(|asn| asn.0 != 0).unwrap_or(DEFAULT_ASN)
    }

    /// The AS number of a node.
    pub(crate) fn asn_of(&self, node: &Node) -> Asn {
        own_asn(node).unwrap_or_else(|| self.cluster_asn())
    }

    /// The port that a node listens on, when one is set.
    pub(crate) fn listen_port_of(&self, node: &str) -> Option<u16> {
        let own = self.of_node(node).and_then(|spec| spec.listen_port);
        own.or_else(|| self.global()?.listen_port)
    }

    pub(crate) fn listen_port(&self) -> Option<u16> {
        self.listen_port_of(self.name)
    }

    pub(crate) fn listens_on_own_address(&self) -> bool {
        let own = self.of_node(self.name).and_then(|spec| spec.bind_mode);
        own.or_else(|| self.global()?.bind_mode) == Some(BindMode::NodeIp)
    }

    pub(crate) fn log_level(&self) -> LogLevel {
        // The datastore fills the level in, so an object for the node always has one.
        let spec = self.of_node(self.name).or_else(|| self.global());
        spec.map_or(LogLevel::Info, |spec| spec.log_severity_screen)
    }

    pub(crate) fn has_mesh(&self) -> bool {
        self.global().and_then(|spec| spec.node_to_node_mesh_enabled).unwrap_or(true)
    }

    pub(crate) fn mesh_password(&self) -> Option<&'a BgpPassword> {
        self.global()?.node_mesh_password.as_ref()
    }

    pub(crate) fn mesh_restart_time(&self) -> Option<Span> {
        self.global()?.node_mesh_max_restart_time
    }

    /// The addresses of services inside of the cluster. Those of single services follow from Kubernetes alone.
    pub(crate) fn service_cluster_networks(&self) -> impl Iterator<Item = IpNet> {
        let blocks = self.global().into_iter().flat_map(|spec| &spec.service_cluster_ips);
        blocks.filter_map(|block| block.cidr.map(|cidr| cidr.0))
    }

    pub(crate) fn ignored_interfaces(&self) -> &'a [InterfaceGlob] {
        let own = self.of_node(self.name).filter(|spec| !spec.ignored_interfaces.is_empty());
        own.or_else(|| self.global()).map_or(&[], |spec| &spec.ignored_interfaces)
    }

    /// What is added to routes; a node's own list replaces that of the cluster. Names are defined where the list stands.
    pub(crate) fn prefix_advertisements(
        &self,
    ) -> (&'a [PrefixAdvertisement], Option<&'a BgpConfigurationSpec>) {
        let own = self.of_node(self.name).filter(|spec| !spec.prefix_advertisements.is_empty());
        let spec = own.or_else(|| self.global());
        (spec.map_or(&[], |spec| &spec.prefix_advertisements), spec)
    }

    /// The metric of ordinary routes.
    pub(crate) fn priority(&self, family: Family) -> u32 {
        let set = self.global().and_then(|spec| match family {
            Family::V4 => spec.ipv4_normal_route_priority,
            Family::V6 => spec.ipv6_normal_route_priority,
        });
        set.unwrap_or(DEFAULT_PRIORITY)
    }

    /// Which routes between nodes are put into the kernel by the BGP speaker and not by the node's agent.
    pub(crate) fn cluster_routes(&self) -> ClusterRoutes {
        self.global()
            .and_then(|spec| spec.program_cluster_routes)
            .unwrap_or(ClusterRoutes::EnabledNoEncapOnly)
    }

    /// The cluster's settings.
    pub(crate) fn global(&self) -> Option<&'a BgpConfigurationSpec> {
        self.snapshot.configurations.get("default").map(|object| &object.spec)
    }

    fn of_node(&self, node: &str) -> Option<&'a BgpConfigurationSpec> {
        self.snapshot.configurations.get(&format!("node.{node}")).map(|object| &object.spec)
    }
}

/// The AS number that a node has itself.
pub(crate) fn own_asn(node: &Node) -> Option<Asn> {
    node.spec.bgp.as_ref()?.as_number.filter(|asn| asn.0 != 0)
}
