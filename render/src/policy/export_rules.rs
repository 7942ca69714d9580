//! What is advertised to peers after their own filters.

use ipnet::IpNet;
use margay_cluster::object::{ClusterRoutes, ServiceBlock};

use crate::Family;
use crate::context::Context;

/// One step of what is advertised; the first that decides a route ends it, and what none decides is not advertised.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportRule {
    /// Routes of a pool that is not advertised are rejected.
    HiddenPool(IpNet),
    /// Routes over these interfaces are not advertised to peers of the own AS.
    InternalInterfaces(&'static [&'static str]),
    /// Routes over these interfaces are not advertised to any peer.
    LocalInterfaces(&'static [&'static str]),
    /// Communities are added.
    Communities,
    /// The node's blocks stand for what is inside them.
    Aggregates,
    /// Service prefixes are advertised.
    Service(IpNet),
    /// A reflector advertises load balancer addresses.
    LoadBalancer(IpNet),
    /// A reflector advertises external addresses of services.
    External(IpNet),
    /// Routes of a pool are advertised.
    Pool(IpNet),
}

/// Tunnel devices, whose routes other nodes have themselves.
const TUNNELS: &[&str] = &["*.cali", "*.calico"];
const TUNNELS_AND_IPIP: &[&str] = &["*.cali", "*.calico", "tunl0"];
const LOCAL: &[&str] = &["bpf*.cali"];

pub(crate) fn plan_export_rules(context: &Context<'_>, family: Family) -> Vec<ExportRule> {
    let pools = context.snapshot.pools.values().filter(|pool| Family::of_network(pool.spec.cidr.0) == family);
    let (mut hidden, mut shown): (Vec<_>, Vec<_>) = pools.partition(|pool| pool.spec.disable_bgp_export);
    for pools in [&mut hidden, &mut shown] {
        pools.sort_by_key(|pool| pool.spec.cidr);
    }
    let mut rules: Vec<ExportRule> =
        hidden.iter().map(|pool| ExportRule::HiddenPool(pool.spec.cidr.0)).collect();
    let owns_ipip =
        matches!(context.settings.cluster_routes(), ClusterRoutes::Enabled | ClusterRoutes::EnabledIpipOnly);
    rules.push(ExportRule::InternalInterfaces(if owns_ipip { TUNNELS } else { TUNNELS_AND_IPIP }));
    rules.push(ExportRule::LocalInterfaces(LOCAL));
    rules.push(ExportRule::Communities);
    rules.push(ExportRule::Aggregates);
    let services = context.services.iter().filter(|network| Family::of_network(**network) == family);
    rules.extend(services.map(|network| ExportRule::Service(*network)));
    rules.extend(reflector_rules(context, family));
    rules.extend(shown.iter().map(|pool| ExportRule::Pool(pool.spec.cidr.0)));
    rules
}

fn reflector_rules(context: &Context<'_>, family: Family) -> Vec<ExportRule> {
    let bgp = context.node.spec.bgp.as_ref();
    let is_reflector = bgp.is_some_and(|bgp| bgp.route_reflector_cluster_id.is_some());
    let Some(spec) = context.settings.global().filter(|_| is_reflector) else { return Vec::new() };
    let networks = |blocks: &[ServiceBlock]| -> Vec<IpNet> {
        let networks = blocks.iter().filter_map(|block| block.cidr.map(|cidr| cidr.0));
        networks.filter(|network| Family::of_network(*network) == family).collect()
    };
    let load_balancers = networks(&spec.service_load_balancer_ips).into_iter().map(ExportRule::LoadBalancer);
    let external = networks(&spec.service_external_ips).into_iter().map(ExportRule::External);
    load_balancers.chain(external).collect()
}
