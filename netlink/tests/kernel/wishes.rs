//! What a node with a VXLAN tunnel, an endpoint and a block wants.

use std::net::IpAddr;

use margay_reconcile::{
    HardwareAddress, Key, Link, LinkKind, LinkName, MAIN_TABLE, Ownership, Reconciler, Route, RouteKey,
    RouteScope, RouteTarget, Rule, RuleAction, RuleKey, Value, Vxlan,
};

pub(crate) const PROTOCOL: u8 = 80;

pub(crate) fn ownership() -> Ownership {
    Ownership {
        links: [name("vxlan.calico"), name("vxlan-v6.calico")].into(),
        protocol: PROTOCOL,
        ..Ownership::default()
    }
}

pub(crate) fn name(text: &str) -> LinkName {
    text.parse().expect("a name")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

const VTEP_HARDWARE: HardwareAddress = HardwareAddress([0x66, 1, 2, 3, 4, 5]);

/// Everything, each kind for both families.
pub(crate) fn wishes() -> Vec<(Key, Value)> {
    let mut wishes =
        tunnel("vxlan.calico", "10.0.0.1", "192.168.1.0/32", "192.168.2.0", "10.0.0.2", "192.168.2.0/26");
    wishes.extend(tunnel("vxlan-v6.calico", "fd00::1", "fd01::1/128", "fd01::2", "fd00::2", "fd01::40/122"));
    let route = |destination: &str, target: RouteTarget, scope| {
        let key =
            RouteKey { table: MAIN_TABLE, destination: destination.parse().expect("a prefix"), metric: 1024 };
        (Key::Route(key), Value::Route(Route { target, source: None, scope }))
    };
    wishes.extend([
        route("192.168.1.0/26", RouteTarget::Blackhole, RouteScope::Universe),
        route("fd01::/122", RouteTarget::Blackhole, RouteScope::Universe),
        route("192.168.1.5/32", RouteTarget::Link(name("eth0")), RouteScope::Link),
        route("fd01::5/128", RouteTarget::Link(name("eth0")), RouteScope::Universe),
    ]);
    let path = "net/ipv4/conf/eth0/proxy_arp".to_owned();
    wishes.push((Key::Sysctl { link: Some(name("eth0")), path }, Value::Sysctl("1".to_owned())));
    for is_ipv6 in [false, true] {
        let rule = Rule { action: RuleAction::Table(77), mark: Some((0x10, 0x10)), is_inverted: true };
        wishes.push((Key::Rule(RuleKey { is_ipv6, priority: 99 }), Value::Rule(rule)));
    }
    wishes
}

fn tunnel(device: &str, local: &str, own: &str, vtep: &str, node: &str, block: &str) -> Vec<(Key, Value)> {
    let device = name(device);
    let id = if local.contains(':') { 4097 } else { 4096 };
    let vxlan = Vxlan { id, port: 4789, local: address(local), parent: Some(name("eth0")) };
    let link = Link {
        kind: LinkKind::Vxlan(vxlan),
        hardware_address: Some(HardwareAddress([0x66, 9, 8, 7, 6, u8::from(local.contains(':'))])),
        mtu_octets: Some(1400),
        is_up: true,
    };
    let target = RouteTarget::Gateway { gateway: address(vtep), link: device.clone(), is_onlink: true };
    let route = Route { target, source: None, scope: RouteScope::Universe };
    let destination = block.parse().expect("a prefix");
    vec![
        (Key::Link(device.clone()), Value::Link(link)),
        (Key::Address(device.clone(), own.parse().expect("a prefix")), Value::Address),
        (Key::Forwarding(device.clone(), VTEP_HARDWARE), Value::Forwarding(address(node))),
        (Key::Neighbour(device, address(vtep)), Value::Neighbour(VTEP_HARDWARE)),
        (Key::Route(RouteKey { table: MAIN_TABLE, destination, metric: 1024 }), Value::Route(route)),
    ]
}

pub(crate) fn want_all(reconciler: &mut Reconciler) {
    for (key, value) in wishes() {
        reconciler.want(key, Some(value));
    }
}
