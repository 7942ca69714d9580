//! Routes that the kernel does not take.

use bgp_codec::NextHop;
use margay_rib::Forwarding;

use super::{
    Daemon, OPTIONS,
    namespace::{eventually, in_namespace, ip, our_routes},
    prefix, via, wanted,
};

#[test]
fn one_refused_route_loses_no_other_and_says_why() {
    in_namespace(async || {
        let mut daemon = Daemon::start(OPTIONS).await;
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
            (prefix("10.10.0.0/16"), "Network is unreachable (os error 101): Nexthop has invalid gateway"),
            (prefix("fd09::/32"), "IPv6 routes cannot have the IPv4 next hop 10.0.0.2"),
        ];
        for (prefix, reason) in expected {
            assert!(failures.iter().any(|(p, r)| *p == prefix && r.starts_with(reason)), "{failures:?}");
        }
        let snapshot = daemon.settled().await;
        assert_eq!((snapshot.installed.len(), snapshot.failed.len()), (2, 2));
        assert_eq!(
            our_routes(),
            ["10.11.0.0/16 via 10.0.0.2 metric 1024", "10.9.0.0/16 via 10.0.0.2 metric 1024"]
        );
    });
}

#[test]
fn a_refused_route_is_installed_when_its_link_comes() {
    in_namespace(async || {
        ip("link set two down");
        let mut daemon = Daemon::start(OPTIONS).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.1.2"]))]).await;
        daemon.failure().await;
        ip("link set two up");
        eventually(our_routes, vec!["10.9.0.0/16 via 10.0.1.2 metric 1024".to_owned()]).await;
    });
}

#[test]
fn a_refused_route_is_tried_again_without_any_event() {
    in_namespace(async || {
        let mut daemon = Daemon::start(OPTIONS).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.1.200"]))]).await;
        daemon.settled().await;
        daemon.apply(vec![wanted("fd09::/32", via(&["fd77::1"]))]).await;
        daemon.failure().await;
        // A route over a gateway attaches nothing, so that only the passing of time brings the attempt.
        ip("-6 route add fd77::1/128 dev two metric 3 table 1001");
        ip("-6 rule add to fd77::1 lookup 1001");
        eventually(|| our_routes().len(), 2).await;
    });
}

#[test]
fn a_refused_replacement_leaves_no_outdated_route_behind() {
    in_namespace(async || {
        let mut daemon = Daemon::start(OPTIONS).await;
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
        assert_eq!(daemon.settled().await.failed.len(), 2);
    });
}

#[test]
fn a_link_local_next_hop_goes_over_the_link_of_its_global_address() {
    in_namespace(async || {
        let link_local = "fe80::2".parse().unwrap();
        let hop = |global: &str| NextHop::Ipv6LinkLocal { global: global.parse().unwrap(), link_local };
        let mut daemon = Daemon::start(OPTIONS).await;
        daemon
            .apply(vec![
                wanted("fd09::/32", Forwarding::Via([hop("fd00::2")].into())),
                wanted("fd0a::/32", Forwarding::Via([hop("fd00::2"), hop("fd00:1::2")].into())),
                wanted("fd0b::/32", Forwarding::Via([hop("fd88::2")].into())),
                wanted("10.9.0.0/16", Forwarding::Via([hop("fd00:1::2")].into())),
            ])
            .await;
        let (refused, reason) = daemon.failure().await;
        assert_eq!(refused, prefix("fd0b::/32"));
        assert!(reason.contains("no attached subnet holds fd88::2"), "{reason}");
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
