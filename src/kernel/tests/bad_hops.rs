//! Next hops that the kernel refuses: the other next hops of the route stay in use.

use super::{
    namespace::{in_namespace, ip, our_routes},
    options,
    stepwise::Stepwise,
    unwanted, via, wanted,
};
use crate::kernel::FibOptions;

/// Directly connected according to the daemon, which does not resolve next hops by its own routes.
const BAD: &str = "10.0.0.66";

#[test]
fn a_refused_next_hop_leaves_the_others_in_use() {
    for nexthop_objects in [true, false] {
        for bad_first in [true, false] {
            in_namespace(async move || {
                let case = format!("objects: {nexthop_objects}, bad first: {bad_first}");
                let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
                ip("route add broadcast 10.0.0.66/32 dev one proto 186 metric 7 table main");
                let wish = |next_hops: &[&str]| vec![wanted("10.9.0.0/16", via(next_hops))];
                let held = || {
                    let mut held = our_routes();
                    held.retain(|line| line.starts_with("10.9.0.0/16"));
                    held
                };
                if bad_first {
                    daemon.apply(wish(&[BAD]));
                    let failures = daemon.status().failures;
                    assert_eq!(failures.len(), 1, "{case}");
                    let reason = "Invalid argument (os error 22): Nexthop has invalid gateway";
                    assert_eq!(failures[0].reason, reason, "{case}");
                } else {
                    daemon.apply(wish(&["10.0.0.4"]));
                }
                daemon.apply(wish(&["10.0.0.4", BAD]));
                assert_eq!(held(), ["10.9.0.0/16 via 10.0.0.4 metric 1024"], "{case}");
                daemon.apply(wish(&["10.0.0.4", "10.0.1.4", BAD]));
                let both = ["10.9.0.0/16 via 10.0.0.4 via 10.0.1.4 metric 1024"];
                assert_eq!(held(), both, "{case}");
                assert_eq!(daemon.status().failed, 0, "{case}");
                ip("route del broadcast 10.0.0.66/32 dev one table main");
                daemon.catch_up();
                let all = ["10.9.0.0/16 via 10.0.0.4 via 10.0.0.66 via 10.0.1.4 metric 1024"];
                assert_eq!(held(), all, "{case}");
                daemon.apply(vec![unwanted("10.9.0.0/16")]);
                assert_eq!(our_routes(), Vec::<String>::new());
            });
        }
    }
}

/// Packets to a subnet's broadcast address reach no router.
#[test]
fn a_broadcast_address_is_no_next_hop() {
    for nexthop_objects in [true, false] {
        in_namespace(async move || {
            let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
            daemon.apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.4", "10.0.0.255"])),
                wanted("10.10.0.0/16", via(&["10.0.0.255"])),
            ]);
            assert_eq!(our_routes(), ["10.9.0.0/16 via 10.0.0.4 metric 1024"]);
            let failures = daemon.status().failures;
            assert_eq!(failures.len(), 1);
            assert_eq!(failures[0].reason, "no route of the kernel covers next hop 10.0.0.255");
        });
    }
}

/// A host route for a node through its neighbour, or itself, as a mesh of nodes may announce.
#[test]
fn a_host_route_to_a_node_bars_no_route_over_that_node() {
    for nexthop_objects in [true, false] {
        for gateway in ["fd00::3", "fd00::2", "fd00:1::3"] {
            in_namespace(async move || {
                let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
                daemon.apply(vec![wanted("fd00::2/128", via(&[gateway]))]);
                daemon.apply(vec![
                    wanted("fd09::/32", via(&["fd00::2"])),
                    wanted("fd0a::/32", via(&["fd00::2", "fd00:1::4"])),
                ]);
                let case = format!("objects: {nexthop_objects}, by {gateway}");
                let reaches_over = |text: &str, gateway: &str| {
                    our_routes()
                        .iter()
                        .any(|line| line.starts_with(text) && line.contains(&format!("via {gateway} ")))
                };
                assert!(reaches_over("fd0a::/32", "fd00:1::4"), "{case}: {:?}", our_routes());
                assert!(reaches_over("fd09::/32", "fd00::2"), "{case}: {:?}", our_routes());
                assert!(reaches_over("fd0a::/32", "fd00::2"), "{case}: {:?}", our_routes());
                daemon.apply(vec![unwanted("fd00::2/128")]);
                assert!(reaches_over("fd09::/32", "fd00::2"), "{case}: {:?}", our_routes());
                assert!(reaches_over("fd0a::/32", "fd00::2"), "{case}: {:?}", our_routes());
                assert_eq!(daemon.status().failed, 0, "{case}");
            });
        }
    }
}
