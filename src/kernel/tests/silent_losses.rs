//! Routes that the kernel drops without a message, while the daemon is busy elsewhere.

use super::{
    blackhole,
    namespace::{in_namespace, ip, ip_batch, our_routes, run_ip},
    options,
    stepwise::Stepwise,
    via, wanted,
};
use crate::kernel::FibOptions;

/// A row is a burst of changes that is handled together, and ends with both links as before.
#[test]
fn routes_are_installed_again_after_any_burst_over_both_links() {
    let bounce = |order: [&str; 4]| order.map(str::to_owned).to_vec();
    let addresses = ["addr add fd00::1/64 dev one nodad", "addr add fd00:1::1/64 dev two nodad"];
    let addresses_back = addresses.map(str::to_owned).to_vec();
    let bursts = [
        bounce(["link set one down", "link set two down", "link set two up", "link set one up"]),
        bounce(["link set one down", "link set two down", "link set one up", "link set two up"]),
        bounce(["link set one down", "link set one up", "link set two down", "link set two up"]),
        bounce([
            "addr del 10.0.0.1/24 dev one",
            "link set two down",
            "link set two up",
            "addr add 10.0.0.1/24 dev one",
        ]),
        bounce([
            "link set one down",
            "addr del 10.0.1.1/24 dev two",
            "addr add 10.0.1.1/24 dev two",
            "link set one up",
        ]),
        bounce([
            "addr del 10.0.0.1/24 dev one",
            "addr del 10.0.1.1/24 dev two",
            "addr add 10.0.1.1/24 dev two",
            "addr add 10.0.0.1/24 dev one",
        ]),
    ];
    for nexthop_objects in [false, true] {
        for burst in bursts.clone() {
            let addresses_back = addresses_back.clone();
            in_namespace(async move || {
                let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
                daemon.apply(vec![
                    wanted("10.9.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
                    wanted("10.10.0.0/16", via(&["10.0.0.2"])),
                    wanted("fd09::/32", via(&["fd00::2", "fd00:1::2"])),
                    wanted("10.11.0.0/16", blackhole()),
                ]);
                let right = our_routes();
                assert_eq!(right.len(), 4);
                ip_batch(burst.clone());
                for address in addresses_back {
                    // It is still there unless its link has been down.
                    drop(run_ip(&address));
                }
                daemon.catch_up();
                assert_eq!(our_routes(), right, "objects: {nexthop_objects}, {burst:?}");
                assert_eq!(daemon.status().installed, 4);
            });
        }
    }
}

/// With this setting, the kernel drops IPv6 routes without a message, too.
#[test]
fn ipv6_routes_that_go_without_a_message_are_installed_again() {
    for nexthop_objects in [false, true] {
        in_namespace(async move || {
            set("/proc/sys/net/ipv6/route/skip_notify_on_dev_down", "1");
            let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
            daemon.apply(vec![
                wanted("fd09::/32", via(&["fd00::2", "fd00:1::2"])),
                wanted("fd0a::/32", via(&["fd00::2"])),
            ]);
            let right = our_routes();
            ip_batch(
                [
                    "link set one down",
                    "link set two down",
                    "link set two up",
                    "link set one up",
                    "addr add fd00::1/64 dev one nodad",
                    "addr add fd00:1::1/64 dev two nodad",
                ]
                .map(str::to_owned),
            );
            daemon.catch_up();
            assert_eq!(our_routes(), right, "objects: {nexthop_objects}");
        });
    }
}

/// When a link is deleted, the kernel drops every IPv4 route with a next hop on it, including the other hops.
#[test]
fn a_deleted_link_leaves_the_other_next_hops_in_use() {
    for nexthop_objects in [false, true] {
        in_namespace(async move || {
            let mut daemon = Stepwise::start(FibOptions { nexthop_objects, ..options() });
            daemon.apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
                wanted("fd09::/32", via(&["fd00::2", "fd00:1::2"])),
            ]);
            ip("link del one");
            daemon.catch_up();
            let expected = ["10.9.0.0/16 via 10.0.1.2 metric 1024", "fd09::/32 via fd00:1::2 metric 1024"];
            assert_eq!(our_routes(), expected, "objects: {nexthop_objects}");
        });
    }
}

/// The kernel drops routes with a preferred source only when the address has gone from every link, and only those of
/// the main table.
#[test]
fn routes_with_a_preferred_source_are_followed_in_every_table() {
    in_namespace(async || {
        ip("addr add 10.0.7.7/32 dev lo");
        ip("addr add 10.0.7.7/32 dev two");
        let sources = [Some("10.0.7.7".parse().unwrap()), None];
        let mut daemon = Stepwise::start(FibOptions { sources, tables: vec![254, 1000], ..options() });
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"]))]);
        let held = || {
            ["main", "1000"].map(|table| ip(&format!("route show table {table} proto 186")).lines().count())
        };
        assert_eq!(held(), [1, 1]);
        for change in
            ["addr del 10.0.7.7/32 dev lo", "addr del 10.0.7.7/32 dev two", "addr add 10.0.7.7/32 dev lo"]
        {
            ip(change);
            daemon.catch_up();
            let status = daemon.status();
            assert_eq!(held().iter().sum::<usize>(), status.installed, "{change}: {status:?}");
        }
        assert_eq!(held(), [1, 1]);
        assert_eq!(daemon.status().failed, 0);
    });
}

fn set(setting: &str, value: &str) {
    std::fs::write(setting, value).unwrap_or_else(|error| panic!("{setting}: {error}"));
}
