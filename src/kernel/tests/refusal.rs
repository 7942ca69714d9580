//! Routes that the kernel refuses.

use bgp_codec::NextHop;
use margay_forwarding::Forwarding;

use crate::kernel::FibOptions;

use super::{
    Daemon, blackhole,
    namespace::{eventually, in_namespace, ip, our_routes},
    options, prefix, unwanted, via, wanted,
};

#[test]
fn one_refused_route_loses_no_other_and_says_why() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("10.10.0.0/16", via(&["192.0.2.1"])),
                wanted("10.11.0.0/16", via(&["10.0.0.2"])),
                wanted("fd09::/32", via(&["10.0.0.2"])),
            ])
            .await;
        let (refused, reason) = daemon.failure().await;
        let failures = [(refused, reason), daemon.failure().await];
        let expected = [
            (prefix("10.10.0.0/16"), "no route of the kernel covers next hop 192.0.2.1"),
            (prefix("fd09::/32"), "IPv6 routes cannot have the IPv4 next hop 10.0.0.2"),
        ];
        for (prefix, reason) in expected {
            assert!(failures.iter().any(|(p, r)| *p == prefix && r.starts_with(reason)), "{failures:?}");
        }
        let status = daemon.settled().await;
        assert_eq!((status.installed, status.failed), (2, 2));
        assert_eq!(
            our_routes(),
            ["10.11.0.0/16 via 10.0.0.2 metric 1024", "10.9.0.0/16 via 10.0.0.2 metric 1024"]
        );
    });
}

#[test]
fn link_local_and_multicast_destinations_are_left_to_the_links() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("fe80::/64", via(&["fd00::2"])),
                wanted("ff00::/8", via(&["fd00::2"])),
                wanted("fd09::/32", via(&["fd00::2"])),
            ])
            .await;
        for _ in 0..2 {
            assert_eq!(daemon.failure().await.1, "every link has routes of its own there");
        }
        daemon.settled().await;
        assert_eq!(our_routes(), ["fd09::/32 via fd00::2 metric 1024"]);
    });
}

#[test]
fn routes_wanted_installed_refused_and_of_others_are_counted() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        let before = daemon.settled().await;
        ip("route add 10.12.0.0/16 via 10.0.0.2 metric 50");
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("10.10.0.0/16", via(&["192.0.2.1"])),
                wanted("10.12.0.0/16", via(&["10.0.0.2"])),
            ])
            .await;
        daemon.failure().await;
        let status = daemon.settled().await;
        assert_eq!((status.wanted, status.installed, status.failed, status.pending), (3, 2, 1, 0));
        assert_eq!(status.failures[0].prefix, prefix("10.10.0.0/16"));
        assert_eq!(status.foreign, before.foreign + 1);
        daemon.apply(vec![unwanted("10.10.0.0/16"), unwanted("10.12.0.0/16")]).await;
        let status = daemon.settled().await;
        assert_eq!((status.wanted, status.installed, status.failed, status.pending), (1, 1, 0, 0));
        assert_eq!(status.foreign, before.foreign + 1);
    });
}

#[test]
fn a_refused_route_is_installed_when_its_link_comes() {
    in_namespace(async || {
        ip("link set two down");
        let mut daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.1.2"]))]).await;
        daemon.failure().await;
        ip("link set two up");
        eventually(our_routes, vec!["10.9.0.0/16 via 10.0.1.2 metric 1024".to_owned()]).await;
    });
}

/// The kernel accepts a preferred source only while it is an address of the node.
#[test]
fn a_kernel_that_says_no_is_asked_again() {
    in_namespace(async || {
        let sources = [Some("10.0.7.7".parse().unwrap()), None];
        let mut daemon = Daemon::start(FibOptions { sources, ..options() }).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("10.10.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
                wanted("fd09::/32", via(&["fd00::2"])),
                wanted("10.11.0.0/16", blackhole()),
            ])
            .await;
        let failures = [daemon.failure().await, daemon.failure().await];
        for (text, (refused, reason)) in ["10.9.0.0/16", "10.10.0.0/16"].into_iter().zip(failures) {
            assert_eq!(refused, prefix(text));
            assert_eq!(reason, "Invalid argument (os error 22): Invalid prefsrc address");
        }
        assert_eq!(daemon.settled().await.installed, 2);
        ip("addr add 10.0.7.7/32 dev lo");
        eventually(|| our_routes().len(), 4).await;
        assert!(ip("route show 10.9.0.0/16").contains("src 10.0.7.7"));
        // With the address, the kernel silently drops the routes that use it as source.
        ip("addr del 10.0.7.7/32 dev lo");
        daemon.failure().await;
        ip("addr add 10.0.7.7/32 dev lo");
        eventually(|| our_routes().len(), 4).await;
    });
}

/// The gateway is resolved by a route of the first table, which the kernel does not consult for a route of
/// the second.
#[test]
fn a_gateway_that_the_kernel_does_not_reach_loses_no_other_route() {
    in_namespace(async || {
        ip("route add 192.0.2.0/24 dev one table 1000");
        let tables = vec![1000, 1001];
        let mut daemon = Daemon::start(FibOptions { tables, nexthop_objects: false, ..options() }).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("10.10.0.0/16", via(&["192.0.2.1"])),
                wanted("10.11.0.0/16", via(&["10.0.0.2"])),
            ])
            .await;
        let unreachable = "Network is unreachable (os error 101): Nexthop has invalid gateway";
        assert_eq!(daemon.failure().await, (prefix("10.10.0.0/16"), unreachable.to_owned()));
        let status = daemon.settled().await;
        assert_eq!((status.wanted, status.installed, status.failed), (6, 5, 1));
        let held = |table: u32| ip(&format!("route show table {table} proto 186")).lines().count();
        assert_eq!([1000, 1001].map(held), [3, 2]);
        ip("route add 192.0.2.0/24 dev one table 1001");
        eventually(|| held(1001), 3).await;
    });
}

#[test]
fn a_refused_replacement_leaves_no_outdated_route_behind() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"])), wanted("fd09::/32", via(&["fd00::2"]))])
            .await;
        daemon.settled().await;
        daemon
            .apply(vec![wanted("10.9.0.0/16", via(&["192.0.2.1"])), wanted("fd09::/32", via(&["fd55::1"]))])
            .await;
        daemon.failure().await;
        daemon.failure().await;
        eventually(our_routes, vec![]).await;
        assert_eq!(daemon.settled().await.failed, 2);
    });
}

#[test]
fn a_link_local_next_hop_goes_over_the_link_of_its_global_address() {
    in_namespace(async || {
        let link_local = "fe80::2".parse().unwrap();
        let hop = |global: &str| NextHop::Ipv6LinkLocal { global: global.parse().unwrap(), link_local };
        let mut daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("fd09::/32", Forwarding::via([hop("fd00::2")])),
                wanted("fd0a::/32", Forwarding::via([hop("fd00::2"), hop("fd00:1::2")])),
                wanted("fd0b::/32", Forwarding::via([hop("fd88::2")])),
                wanted("10.9.0.0/16", Forwarding::via([hop("fd00:1::2")])),
            ])
            .await;
        let (refused, reason) = daemon.failure().await;
        assert_eq!(refused, prefix("fd0b::/32"));
        assert!(reason.contains("covers next hop fd88::2"), "{reason}");
        daemon.settled().await;
        let one = "fd09::/32 via fe80::2 dev one metric 1024";
        let both = "fd0a::/32 via fe80::2 dev one via fe80::2 dev two metric 1024";
        let ipv4 = "10.9.0.0/16 via fe80::2 dev two metric 1024";
        assert_eq!(our_routes(), [ipv4, one, both]);

        ip("addr add fd88::1/64 dev two nodad");
        let late = "fd0b::/32 via fe80::2 dev two metric 1024";
        eventually(our_routes, [ipv4, one, both, late].map(str::to_owned).to_vec()).await;
    });
}
