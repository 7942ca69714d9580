//! What a workload's interface needs on the node.

use ipnet::IpNet;
use margay_cluster::object::WorkloadEndpoint;
use margay_reconcile::{Key, LinkName, MAIN_TABLE, Route, RouteKey, RouteScope, RouteTarget, Value};

use super::ROUTE_METRIC;

/// Namespace and name of an endpoint.
pub(crate) type EndpointId = (String, String);

/// The settings and routes of a workload's interface: proxy ARP and NDP answer for its gateway, and each of its addresses, also those
/// outside that stand for its own, has a route.
pub(crate) fn endpoint_things(endpoint: &WorkloadEndpoint) -> Vec<(Key, Value)> {
    let Some(link) = link_of(endpoint) else { return Vec::new() };
    let addresses = addresses_of(endpoint);
    let mut things = Vec::new();
    if addresses.iter().any(|address| address.addr().is_ipv4()) {
        things.extend(settings(&link, IPV4_SETTINGS));
    }
    if addresses.iter().any(|address| address.addr().is_ipv6()) {
        things.extend(settings(&link, IPV6_SETTINGS));
    }
    things.extend(addresses.into_iter().map(|address| route(&link, address)));
    things
}

/// The routes that the kernel must have before a workload may start.
pub(crate) fn route_keys(endpoint: &WorkloadEndpoint) -> Vec<Key> {
    let things = endpoint_things(endpoint).into_iter();
    things.map(|(key, _)| key).filter(|key| matches!(key, Key::Route(_))).collect()
}

fn link_of(endpoint: &WorkloadEndpoint) -> Option<LinkName> {
    endpoint.spec.interface_name.to_string().parse().ok()
}

fn addresses_of(endpoint: &WorkloadEndpoint) -> Vec<IpNet> {
    let own = endpoint.spec.ip_networks.iter().map(|network| network.0);
    let outside = endpoint.spec.ip_nats.iter().map(|nat| IpNet::from(nat.external_ip));
    own.chain(outside).collect()
}

fn settings<'a>(link: &'a LinkName, settings: &'a [(&str, &str)]) -> impl Iterator<Item = (Key, Value)> + 'a {
    settings.iter().map(move |(path, value)| {
        let path = path.replace("LINK", link.as_str());
        (Key::Sysctl { link: Some(link.clone()), path }, Value::Sysctl((*value).to_owned()))
    })
}

fn route(link: &LinkName, address: IpNet) -> (Key, Value) {
    let scope = if address.addr().is_ipv4() { RouteScope::Link } else { RouteScope::Universe };
    let key = RouteKey { table: MAIN_TABLE, destination: address, metric: ROUTE_METRIC };
    let route = Route { target: RouteTarget::Link(link.clone()), source: None, scope };
    (Key::Route(key), Value::Route(route))
}

const IPV4_SETTINGS: &[(&str, &str)] = &[
    ("net/ipv4/conf/LINK/route_localnet", "1"),
    ("net/ipv4/conf/LINK/proxy_arp", "1"),
    ("net/ipv4/conf/LINK/forwarding", "1"),
    ("net/ipv4/neigh/LINK/proxy_delay", "0"),
];
const IPV6_SETTINGS: &[(&str, &str)] = &[
    ("net/ipv6/conf/LINK/disable_ipv6", "0"),
    ("net/ipv6/conf/LINK/proxy_ndp", "1"),
    ("net/ipv6/conf/LINK/forwarding", "1"),
    ("net/ipv6/conf/LINK/accept_ra", "0"),
];
