//! Random histories: what is wanted follows from the last state alone, and no step on the way leaves a destination without a route.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use margay_cluster::object::ClusterRoutes;
use margay_cluster::value::MacAddress;
use margay_overlay::{
    BlockOwners, Change, Encapsulation, Hop, NodeAddresses, Overlay, PoolRoutes, Programmers, Wanted,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Pool(u8, Option<PoolRoutes>),
    Node(u8, Option<NodeAddresses>),
    Block(u8, Option<BlockOwners>),
    Programmers(Programmers),
    /// Changes are taken and made.
    Take,
}

fn name(node: u8) -> String {
    format!("n{node}")
}

fn encapsulation() -> impl Strategy<Value = Encapsulation> {
    prop::sample::select(vec![
        Encapsulation::None,
        Encapsulation::Ipip,
        Encapsulation::IpipCrossSubnet,
        Encapsulation::Vxlan,
        Encapsulation::VxlanCrossSubnet,
    ])
}

/// Two pools of four blocks each.
fn pool() -> impl Strategy<Value = Event> {
    (0..2_u8, prop::option::weighted(0.8, encapsulation())).prop_map(|(number, encapsulation)| {
        let cidr = format!("10.{number}.0.0/24").parse().unwrap();
        Event::Pool(number, encapsulation.map(|encapsulation| PoolRoutes { cidr, encapsulation }))
    })
}

/// Node 0 is the own one. Two nodes may say that they have the same tunnel address or hardware address.
fn node() -> impl Strategy<Value = Event> {
    let addresses = (0..2_u8, prop::option::weighted(0.8, (0..4_u8, 0..4_u8)), any::<bool>());
    (0..4_u8, prop::option::weighted(0.8, addresses)).prop_map(|(number, addresses)| {
        let addresses = addresses.map(|(subnet, vtep, has_ipip)| NodeAddresses {
            v4: Some(format!("192.168.{subnet}.{number}/24").parse().unwrap()),
            ipip: has_ipip.then(|| Ipv4Addr::new(10, 9, 0, number)),
            vxlan_v4: vtep.map(|(address, mac)| {
                (Ipv4Addr::new(10, 8, 0, address), MacAddress([0x66, 0, 0, 0, 0, mac]))
            }),
            ..NodeAddresses::default()
        });
        Event::Node(number, addresses)
    })
}

fn block() -> impl Strategy<Value = Event> {
    let owners = (prop::option::weighted(0.9, 0..4_u8), prop::collection::btree_map(0..3_u8, 0..4_u8, 0..3));
    (0..8_u8, prop::option::weighted(0.8, owners)).prop_map(|(number, owners)| {
        let address = |host: u8| IpAddr::from([10, number / 4, 0, number % 4 * 64 + host]);
        let owners = owners.map(|(owner, lent)| BlockOwners {
            owner: owner.map(name),
            elsewhere: lent
                .into_iter()
                .filter(|(_, node)| Some(*node) != owner)
                .map(|(host, node)| (address(host), name(node)))
                .collect(),
        });
        Event::Block(number, owners)
    })
}

fn programmers() -> impl Strategy<Value = Event> {
    let setting = || prop::sample::select(ClusterRoutes::ALL);
    (setting(), setting())
        .prop_map(|(agent, bgp_daemon)| Event::Programmers(Programmers { agent, bgp_daemon }))
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        2 => pool(), 4 => node(), 6 => block(), 1 => programmers(), 4 => Just(Event::Take),
    ];
    prop::collection::vec(event, 1..60)
}

fn cidr_of(block: u8) -> IpNet {
    format!("10.{}.0.{}/26", block / 4, block % 4 * 64).parse().unwrap()
}

fn apply(overlay: &mut Overlay, event: &Event) {
    match event.clone() {
        Event::Pool(number, pool) => overlay.set_pool(&format!("p{number}"), pool),
        Event::Node(number, addresses) => overlay.set_node(&name(number), addresses),
        Event::Block(number, owners) => overlay.set_block(cidr_of(number), owners),
        Event::Programmers(programmers) => overlay.set_programmers(programmers),
        Event::Take => (),
    }
}

/// A kernel in which changes are made one by one.
fn make(kernel: &mut Wanted, change: Change) {
    fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
        map.remove(&key);
        map.extend(value.map(|value| (key, value)));
    }
    match change {
        Change::Device(tunnel, device) => set(&mut kernel.devices, tunnel, device),
        Change::Neighbour(tunnel, address, mac) => set(&mut kernel.neighbours, (tunnel, address), mac),
        Change::Forwarding(tunnel, mac, behind) => set(&mut kernel.forwarding, (tunnel, mac), behind),
        Change::Route(prefix, hop) => set(&mut kernel.routes, prefix, hop),
    }
}

/// Whether everything is there that a route rests on.
fn carries(kernel: &Wanted, hop: Hop) -> bool {
    match hop {
        Hop::Vxlan { tunnel, via } => {
            let mac = kernel.neighbours.get(&(tunnel, via));
            let behind = mac.and_then(|mac| kernel.forwarding.get(&(tunnel, *mac)));
            kernel.devices.contains_key(&tunnel) && behind.is_some()
        }
        Hop::Ipip { .. } => kernel.devices.contains_key(&margay_overlay::Tunnel::Ipip),
        Hop::Direct { .. } | Hop::Blackhole => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_ends_like_its_last_state_and_never_leaves_a_gap(history in events()) {
        let mut overlay = Overlay::new("n0");
        let mut kernel = Wanted::default();
        for event in history.iter().chain([&Event::Take]) {
            apply(&mut overlay, event);
            if !matches!(event, Event::Take) {
                continue;
            }
            let before = kernel.clone();
            for change in overlay.take_changes() {
                make(&mut kernel, change);
                for (prefix, hop) in &kernel.routes {
                    prop_assert!(carries(&kernel, *hop), "{} rests on nothing after {:?}", prefix, change);
                }
                for prefix in before.routes.keys().filter(|prefix| overlay.wanted().routes.contains_key(prefix)) {
                    prop_assert!(kernel.routes.contains_key(prefix), "{} has a gap after {:?}", prefix, change);
                }
            }
            prop_assert_eq!(&kernel, overlay.wanted());
        }
        prop_assert!(overlay.take_changes().is_empty());

        // The last state, told backwards.
        let mut last: BTreeMap<String, &Event> = BTreeMap::new();
        for event in &history {
            let key = match event {
                Event::Pool(number, _) => format!("pool {number}"),
                Event::Node(number, _) => format!("node {number}"),
                Event::Block(number, _) => format!("block {number}"),
                Event::Programmers(_) => "programmers".to_owned(),
                Event::Take => continue,
            };
            last.insert(key, event);
        }
        let mut fresh = Overlay::new("n0");
        last.values().rev().for_each(|event| apply(&mut fresh, event));
        prop_assert_eq!(fresh.wanted(), overlay.wanted());
    }
}

#[test]
fn each_mode_has_its_routes() {
    let vtep = |number: u8| Some((Ipv4Addr::new(10, 8, 0, number), MacAddress([0x66, 0, 0, 0, 0, number])));
    let node = |address: &str, number: u8| NodeAddresses {
        v4: Some(address.parse().unwrap()),
        ipip: Some(Ipv4Addr::new(10, 9, 0, number)),
        vxlan_v4: vtep(number),
        ..NodeAddresses::default()
    };
    let via = |text: &str| -> IpAddr { text.parse().unwrap() };
    let tunnel = margay_overlay::Tunnel::VxlanV4;
    let near = [
        Hop::Vxlan { tunnel, via: via("10.8.0.1") },
        Hop::Ipip { via: via("192.168.0.2") },
        Hop::Direct { via: via("192.168.0.2") },
    ];
    let far = [Hop::Vxlan { tunnel, via: via("10.8.0.2") }, Hop::Ipip { via: via("192.168.9.2") }];
    let cases = [
        (Encapsulation::Vxlan, Some(near[0]), Some(far[0])),
        (Encapsulation::VxlanCrossSubnet, Some(near[2]), Some(far[0])),
        (Encapsulation::Ipip, Some(near[1]), Some(far[1])),
        (Encapsulation::IpipCrossSubnet, Some(near[2]), Some(far[1])),
        // Behind a router, the fabric has the route.
        (Encapsulation::None, Some(near[2]), None),
    ];
    for (encapsulation, expected_near, expected_far) in cases {
        let mut overlay = Overlay::new("n0");
        overlay.set_programmers(Programmers {
            agent: ClusterRoutes::Enabled,
            bgp_daemon: ClusterRoutes::Disabled,
        });
        overlay.set_pool("p", Some(PoolRoutes { cidr: "10.0.0.0/16".parse().unwrap(), encapsulation }));
        for (number, address) in [(0, "192.168.0.1/24"), (1, "192.168.0.2/24"), (2, "192.168.9.2/24")] {
            overlay.set_node(&name(number), Some(node(address, number)));
            overlay.set_block(
                cidr_of(number),
                Some(BlockOwners { owner: Some(name(number)), ..BlockOwners::default() }),
            );
        }
        let routes = &overlay.wanted().routes;
        assert_eq!(routes.get(&cidr_of(0)), Some(&Hop::Blackhole), "{encapsulation:?}");
        assert_eq!(routes.get(&cidr_of(1)).copied(), expected_near, "{encapsulation:?}");
        assert_eq!(routes.get(&cidr_of(2)).copied(), expected_far, "{encapsulation:?}");
    }
}
