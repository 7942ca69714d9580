//! What a node's BGP speaker is to be.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use margay_cluster::value::Asn;

use crate::peers::PeerPlan;
use crate::policy::{BlockAggregate, CommunityAddition, ExportRule, FilterPlan, KernelRule};

/// What a node's BGP speaker is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Speaker {
    /// The node.
    pub node: String,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// Its AS number.
    pub asn: Asn,
    /// The cluster that it reflects routes for.
    pub cluster_id: Option<Ipv4Addr>,
    /// The port that it listens on, when it is not 179.
    pub listen_port: Option<u16>,
    /// How much it logs.
    pub log: LogDetail,
    /// Interfaces whose networks it does not learn, in order; the first glob that matches decides.
    pub ignored_interfaces: Vec<String>,
    /// IPv4; `None` for a node without an IPv4 address.
    pub ipv4: Option<FamilySpeaker>,
    /// IPv6; `None` for a node without an IPv6 address.
    pub ipv6: Option<FamilySpeaker>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogDetail {
    /// Nothing beyond errors.
    Quiet,
    /// What happens to sessions.
    Usual,
    /// Everything.
    Debug,
}

/// What the speaker is to be in one family.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FamilySpeaker {
    /// The node's address.
    pub address: IpAddr,
    /// The address that is listened on; `None` for all.
    pub listen_address: Option<IpAddr>,
    /// The metric of ordinary routes.
    pub priority: u32,
    /// Peers, in the order of their names.
    pub peers: Vec<PeerPlan>,
    /// The filters that peers use.
    pub filters: Vec<FilterPlan>,
    /// The node's own blocks, which stand for what is inside them.
    pub aggregates: Vec<BlockAggregate>,
    /// Service prefixes, which are advertised.
    pub services: Vec<IpNet>,
    /// Ways to peers.
    pub static_routes: Vec<StaticRoute>,
    /// What is added to routes that are advertised.
    pub communities: Vec<CommunityAddition>,
    /// What is advertised to peers, after their filters; what no rule decides is not.
    pub export_rules: Vec<ExportRule>,
    /// What is put into the kernel; what no rule decides is.
    pub kernel_rules: Vec<KernelRule>,
}

/// A static route to a peer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StaticRoute {
    /// The peer.
    pub destination: IpNet,
    /// The gateway.
    pub via: IpAddr,
}
