//! What a workload's interface needs on the node.

use ipnet::IpNet;
use margay_cluster::object::WorkloadEndpoint;
use margay_reconcile::{Key, LinkName, MAIN_TABLE, Route, RouteKey, RouteScope, RouteTarget, Value};

/// The metric of the agent's routes: what the BGP daemon reads as an ordinary route.
pub(super) const ROUTE_METRIC: u32 = 1024;

/// Namespace and name of an endpoint.
pub(crate) type EndpointId = (String, String);

/// The settings and routes of a workload's interface: the node forwards, proxy ARP and NDP answer for the workload's gateway, and each of
/// its addresses, also those outside that stand for its own, has a route.
pub(crate) fn endpoint_things(endpoint: &WorkloadEndpoint) -> Vec<(Key, Value)> {
    let Some(link) = link_of(endpoint) else { return Vec::new() };
    let addresses = addresses_of(endpoint);
    let mut things = Vec::new();
    if addresses.iter().any(|address| address.addr().is_ipv4()) {
        things.push(node_setting("net/ipv4/ip_forward", "1"));
        things.extend(settings(&link, IPV4_SETTINGS));
    }
    if addresses.iter().any(|address| address.addr().is_ipv6()) {
        things.push(node_setting("net/ipv6/conf/all/forwarding", "1"));
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

/// A setting of the node itself, which stays when the last workload goes.
fn node_setting(path: &str, value: &str) -> (Key, Value) {
    (Key::Sysctl { link: None, path: path.to_owned() }, Value::Sysctl(value.to_owned()))
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

#[cfg(test)]
mod tests {
    use margay_cluster::document::read_json;
    use margay_cluster::object::{WorkloadEndpoint, decode_object};
    use margay_cluster::schema::UnknownFields;

    use super::{endpoint_things, route_keys};

    #[test]
    fn each_address_has_a_route_and_its_family_the_settings() {
        let text = br#"{"apiVersion": "projectcalico.org/v3", "kind": "WorkloadEndpoint",
            "metadata": {"name": "node1-cni-c1-eth0", "namespace": "default"},
            "spec": {"orchestrator": "cni", "node": "node1", "containerID": "c1", "endpoint": "eth0", "interfaceName": "cali1",
                "ipNetworks": ["10.0.0.5/32"], "ipNATs": [{"internalIP": "10.0.0.5", "externalIP": "192.0.2.5"}]}}"#;
        let document = read_json(text).unwrap();
        let endpoint: WorkloadEndpoint = decode_object(&document, UnknownFields::Refuse).unwrap();
        let routes: Vec<String> = route_keys(&endpoint).iter().map(ToString::to_string).collect();
        assert_eq!(
            routes,
            ["route 10.0.0.5/32 table 254 metric 1024", "route 192.0.2.5/32 table 254 metric 1024"]
        );
        let keys: Vec<String> = endpoint_things(&endpoint).iter().map(|(key, _)| key.to_string()).collect();
        assert!(keys.contains(&"sysctl net/ipv4/ip_forward".to_owned()), "{keys:?}");
        assert!(keys.contains(&"sysctl net/ipv4/conf/cali1/proxy_arp".to_owned()), "{keys:?}");
        assert!(!keys.iter().any(|key| key.contains("ipv6")), "{keys:?}");
    }
}
