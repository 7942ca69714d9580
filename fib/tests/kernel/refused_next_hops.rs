//! Next hops that the kernel refuses: the other next hops of their routes stay in use.

use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_fib::{KernelHop, RouteKind, RouteShape, RouteTarget};

use crate::node::{Node, Objects, addresses};

/// A prefix, and gateways to it on two links.
struct Family {
    prefix: &'static str,
    good: [&'static str; 3],
    bad: [&'static str; 2],
}

const FAMILIES: [Family; 2] = [
    Family {
        prefix: "10.9.0.0/16",
        good: ["10.0.0.2", "10.0.1.2", "10.0.0.3"],
        bad: ["10.0.0.66", "10.0.1.66"],
    },
    Family {
        prefix: "fd09::/32",
        good: ["fd00:0::2", "fd00:1::2", "fd00:0::3"],
        bad: ["fd00:0::66", "fd00:1::66"],
    },
];

/// Next hops that were wanted before the refused ones come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Before {
    Nothing,
    Good,
    Bad,
}

/// With one to three good next hops, one or two that are refused, and each order in which they come.
#[test]
fn refused_next_hops_leave_the_others_in_use() {
    for objects in Objects::ALL {
        for Family { prefix, good, bad } in &FAMILIES {
            for (good, bad) in
                (1..=good.len()).flat_map(|count| bad_of(bad).map(move |bad| (&good[..count], bad)))
            {
                for before in [Before::Nothing, Before::Good, Before::Bad] {
                    let case = format!("{objects:?}, {good:?}, refused: {bad:?}, before: {before:?}");
                    let mut node = Node::start(objects);
                    refuse(&mut node, bad, true);
                    match before {
                        Before::Nothing => {}
                        Before::Good => node.install(prefix, good),
                        Before::Bad => node.install(prefix, bad),
                    }
                    let all: Vec<&str> = bad.iter().chain(good).copied().collect();
                    node.install(prefix, &all);
                    assert_eq!(node.used(prefix), addresses(good.iter().copied()), "{case}");
                    assert_eq!(node.shown(), (1, 0, 0), "{case}");
                    refuse(&mut node, bad, false);
                    node.wait();
                    assert_eq!(node.used(prefix), addresses(all), "{case}: once they are accepted");
                    assert_eq!(node.shown(), (1, 0, 0), "{case}: once they are accepted");
                }
            }
        }
    }
}

/// A route that the kernel holds already, whose next hops are refused from then on.
#[test]
fn next_hops_that_are_refused_later_leave_the_others_in_use() {
    for objects in Objects::ALL {
        for Family { prefix, good, bad } in &FAMILIES {
            for bad in bad_of(bad) {
                let case = format!("{objects:?}, refused: {bad:?}");
                let mut node = Node::start(objects);
                let all: Vec<&str> = bad.iter().chain(good).copied().collect();
                node.install(prefix, &all);
                refuse(&mut node, bad, true);
                // Without any link, the kernel drops objects and route, so that all are requested anew.
                for link in [0, 1] {
                    let interface = node.interface(link);
                    node.kernel.set_down(interface);
                }
                for link in [0, 1] {
                    let interface = node.interface(link);
                    node.kernel.set_up(interface);
                    node.add_addresses(link);
                }
                node.settle();
                assert_eq!(node.used(prefix), addresses(good.iter().copied()), "{case}");
                assert_eq!(node.shown(), (1, 0, 0), "{case}");
            }
        }
    }
}

#[test]
fn if_all_next_hops_are_refused_the_reason_is_the_kernels() {
    for objects in Objects::ALL {
        for Family { prefix, good, bad } in &FAMILIES {
            for bad in bad_of(bad) {
                let case = format!("{objects:?}, refused: {bad:?}");
                let mut node = Node::start(objects);
                refuse(&mut node, bad, true);
                node.install(prefix, bad);
                assert_eq!(node.shown(), (0, 0, 1), "{case}");
                let reason = node.reason(prefix).unwrap_or_default();
                assert!(reason.contains("Nexthop has invalid gateway"), "{case}: {reason}");
                // They take nothing from other prefixes, nor from this one once it has others.
                node.install(prefix, &good[..1]);
                assert_eq!(node.used(prefix), addresses([good[0]]), "{case}");
            }
        }
    }
}

/// There is a route at every moment, although its replacement is refused and next hops are tried one by one.
#[test]
fn a_refused_replacement_leaves_no_gap() {
    for objects in Objects::ALL {
        for Family { prefix, good, bad } in &FAMILIES {
            let mut node = Node::start(objects);
            refuse(&mut node, bad, true);
            node.install(prefix, &good[..1]);
            for (wanted, expected) in [
                (vec![good[0], bad[0]], vec![good[0]]),
                (vec![good[0], bad[0], bad[1]], vec![good[0]]),
                (vec![good[0], good[1], bad[0]], vec![good[0], good[1]]),
                (vec![good[1], bad[1]], vec![good[1]]),
            ] {
                let case = format!("{objects:?}, {wanted:?}");
                assert!(node.install_watched(prefix, &wanted), "{case}: a gap");
                assert_eq!(node.used(prefix), addresses(expected), "{case}");
            }
            node.install(prefix, bad);
            assert_eq!(
                node.used(prefix),
                addresses([]),
                "{objects:?}: it leads to none of the wanted next hops"
            );
        }
    }
}

/// A route stays while all wanted next hops are refused, if it leads to nothing else.
#[test]
fn a_route_over_next_hops_that_are_refused_meanwhile_stays() {
    for objects in Objects::ALL {
        for Family { prefix, good, bad } in &FAMILIES {
            let mut node = Node::start(objects);
            node.install(prefix, &good[..1]);
            refuse(&mut node, &good[..1], true);
            refuse(&mut node, bad, true);
            node.install(prefix, &[good[0], bad[0]]);
            assert_eq!(node.used(prefix), addresses([good[0]]), "{objects:?}");
        }
    }
}

/// Packets to a subnet's broadcast address reach no router.
#[test]
fn a_broadcast_address_is_not_a_next_hop() {
    for objects in Objects::ALL {
        let mut node = Node::start(objects);
        let interface = node.interface(0);
        let hop = KernelHop { gateway: None, interface, onlink: false, weight: 1 };
        let broadcast: Prefix = "10.0.0.255/32".parse().expect("a prefix");
        let shape = RouteShape {
            protocol: 2,
            kind: RouteKind::BROADCAST,
            metric: 0,
            target: RouteTarget::Hops(vec![hop]),
            source: None,
            decorated: false,
        };
        node.kernel.add_route(255, broadcast, shape).expect("the link is up");
        node.install("10.9.0.0/16", &["10.0.0.2", "10.0.0.255"]);
        node.install("10.10.0.0/16", &["10.0.0.255"]);
        assert_eq!(node.used("10.9.0.0/16"), addresses(["10.0.0.2"]), "{objects:?}");
        assert_eq!(node.shown(), (1, 0, 1), "{objects:?}");
        let reason = node.reason("10.10.0.0/16");
        assert_eq!(
            reason.as_deref(),
            Some("no route of the kernel covers next hop 10.0.0.255"),
            "{objects:?}"
        );
    }
}

/// Where a host route for a node leads, and the routes over that node.
struct HostRoute {
    host: &'static str,
    /// Another node on the same link, the node itself, and a node on another link.
    by: [&'static str; 3],
    over: [(&'static str, &'static [&'static str]); 3],
}

const HOST_ROUTES: [HostRoute; 2] = [
    HostRoute {
        host: "fd00:0::2/128",
        by: ["fd00:0::3", "fd00:0::2", "fd00:1::3"],
        over: [
            ("fd09::/32", &["fd00:0::2"]),
            ("fd0a::/32", &["fd00:0::2", "fd00:1::4"]),
            ("fd0b::/32", &["fd00:0::2", "fd00:0::4", "fd00:1::4"]),
        ],
    },
    HostRoute {
        host: "10.0.0.2/32",
        by: ["10.0.0.3", "10.0.0.2", "10.0.1.3"],
        over: [
            ("10.9.0.0/16", &["10.0.0.2"]),
            ("10.10.0.0/16", &["10.0.0.2", "10.0.1.4"]),
            ("10.11.0.0/16", &["10.0.0.2", "10.0.0.4", "10.0.1.4"]),
        ],
    },
];

/// IPv6 resolves a gateway by all routes, also by those of this daemon. The host route comes first or last,
/// with the others in one batch, and goes before the others or after them.
#[test]
fn a_host_route_to_a_node_bars_no_route_over_it() {
    for objects in Objects::ALL {
        for HostRoute { host, by, over } in &HOST_ROUTES {
            for by in by {
                for position in 0..=over.len() {
                    for at_once in [false, true] {
                        let case =
                            format!("{objects:?}, {host} by {by}, position {position}, at once: {at_once}");
                        let mut node = Node::start(objects);
                        for number in 0..=over.len() {
                            if number == position {
                                node.want(host, &[by]);
                            }
                            if let Some((prefix, gateways)) = over.get(number) {
                                node.want(prefix, gateways);
                            }
                            if !at_once {
                                node.settle();
                            }
                        }
                        node.settle();
                        check_all_over(&node, over, &case);
                        node.remove(host);
                        check_all_over(&node, over, &format!("{case}, after it has gone"));
                        assert_eq!(node.used(host), addresses([]), "{case}");
                        assert_eq!(node.reason(host), None, "{case}");
                    }
                }
            }
        }
    }
}

fn check_all_over(node: &Node, over: &[(&str, &[&str])], case: &str) {
    for (prefix, gateways) in over {
        assert_eq!(node.used(prefix), addresses(gateways.iter().copied()), "{case}: {prefix}");
    }
}

fn bad_of<'a>(bad: &'a [&'static str; 2]) -> [&'a [&'static str]; 2] {
    [&bad[..1], &bad[..]]
}

fn refuse(node: &mut Node, gateways: &[&str], refused: bool) {
    for gateway in gateways {
        let gateway: IpAddr = gateway.parse().expect("an address");
        node.kernel.set_refused(gateway, refused);
    }
}
