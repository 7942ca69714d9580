//! From a snapshot to what a node's speaker is to be.

use std::collections::BTreeSet;
use std::net::IpAddr;

use margay_cluster::object::{LogLevel, Node};

use crate::context::Context;
use crate::node_settings::NodeSettings;
use crate::peers::{PeerPlan, plan_peers};
use crate::policy::{
    FilterDirection, FilterUse, plan_aggregates, plan_communities, plan_export_rules, plan_filters,
    plan_kernel_rules,
};
use crate::speaker::{FamilySpeaker, LogDetail, Speaker, StaticRoute};
use crate::{Family, Problem, Snapshot};

/// What the speaker of a node is to be, and what is wrong with the objects it follows from, sorted.
///
/// `None` for a node that does not exist or has no address: it has no BGP.
#[must_use]
pub fn plan(snapshot: &Snapshot, name: &str) -> (Option<Speaker>, Vec<Problem>) {
    let mut problems = Vec::new();
    let speaker = snapshot.nodes.get(name).and_then(|node| plan_speaker(snapshot, name, node, &mut problems));
    problems.sort();
    problems.dedup();
    (speaker, problems)
}

fn plan_speaker(
    snapshot: &Snapshot,
    name: &str,
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Option<Speaker> {
    let settings = NodeSettings::new(snapshot, name);
    let services = snapshot.service_routes.iter().copied().chain(settings.service_cluster_networks());
    let services = services.collect();
    let context = Context::new(snapshot, name, node, settings, services);
    let ipv4_address = match context.own_address(Family::V4) {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(_)) | None => None,
    };
    let peers = plan_peers(&context, problems);
    let mut family = |family| plan_family(&context, family, &peers, problems);
    let (ipv4, ipv6) = (family(Family::V4), family(Family::V6));
    if ipv4.is_none() && ipv6.is_none() {
        problems.push(Problem::new("Node", name, "has no address: it has no BGP"));
        return None;
    }
    let settings = &context.settings;
    Some(Speaker {
        node: name.to_owned(),
        router_id: snapshot.router_id.choose(name, ipv4_address),
        asn: settings.asn_of(node),
        cluster_id: node.spec.bgp.as_ref().and_then(|bgp| bgp.route_reflector_cluster_id),
        listen_port: settings.listen_port(),
        log: log_detail(settings.log_level()),
        ignored_interfaces: settings
            .ignored_interfaces()
            .iter()
            .map(|glob| glob.as_str().to_owned())
            .collect(),
        ipv4,
        ipv6,
    })
}

fn plan_family(
    context: &Context<'_>,
    family: Family,
    peers: &[PeerPlan],
    problems: &mut Vec<Problem>,
) -> Option<FamilySpeaker> {
    let address = context.own_address(family)?;
    let peers: Vec<PeerPlan> =
        peers.iter().filter(|peer| Family::of(peer.address) == family).cloned().collect();
    let services = context.services.iter().copied();
    Some(FamilySpeaker {
        address,
        listen_address: context.settings.listens_on_own_address().then_some(address),
        priority: context.settings.priority(family),
        filters: plan_filters(context, family, filter_uses(&peers)),
        aggregates: plan_aggregates(context, family),
        services: services.filter(|network| Family::of_network(*network) == family).collect(),
        static_routes: static_routes(&peers),
        communities: plan_communities(context, family, problems),
        export_rules: plan_export_rules(context, family),
        kernel_rules: plan_kernel_rules(context, family),
        peers,
    })
}

fn filter_uses(peers: &[PeerPlan]) -> impl Iterator<Item = (FilterDirection, &FilterUse)> {
    peers.iter().flat_map(|peer| {
        let import = peer.import.iter().map(|filter| (FilterDirection::Import, filter));
        import.chain(peer.export.iter().map(|filter| (FilterDirection::Export, filter)))
    })
}

fn static_routes(peers: &[PeerPlan]) -> Vec<StaticRoute> {
    let to =
        |peer: &PeerPlan| Some(StaticRoute { destination: peer.address.into(), via: peer.reachable_by? });
    peers.iter().filter_map(to).collect::<BTreeSet<_>>().into_iter().collect()
}

fn log_detail(level: LogLevel) -> LogDetail {
    match level {
        LogLevel::Trace | LogLevel::Debug => LogDetail::Debug,
        LogLevel::Info | LogLevel::Warning | LogLevel::Error | LogLevel::Fatal => LogDetail::Usual,
    }
}
