//! Next hops behind gateways, and next hop objects that follow them.

use margay_forwarding::{Forwarding, Hop, NextHopLoss, Target, WeightedHop};

use super::{
    Daemon,
    namespace::{Monitor, eventually, in_namespace, ip, our_routes},
    next_hop, options, via, wanted,
};
use crate::kernel::{FibOptions, KernelRequest, OnlinkRule, StaticWay};

#[test]
fn a_next_hop_behind_a_gateway_is_reached_through_it_and_moves_with_it() {
    in_namespace(async || {
        ip("route add 10.40.0.0/16 via 10.0.0.9 proto 4");
        ip("-6 route add fd40::/32 via fd00::9 proto 4");
        let daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![wanted("10.9.0.0/16", via(&["10.40.1.1"])), wanted("fd09::/32", via(&["fd40::1"]))])
            .await;
        let through = |ipv4: &str, ipv6: &str| {
            vec![format!("10.9.0.0/16 via {ipv4} metric 1024"), format!("fd09::/32 via {ipv6} metric 1024")]
        };
        eventually(our_routes, through("10.0.0.9", "fd00::9")).await;
        let object =
            |text: &str| ip(&format!("route show {text}")).split_whitespace().nth(2).unwrap().to_owned();
        let before = object("10.9.0.0/16");

        // A longer prefix leads elsewhere: one change of the object, none of the route.
        let mut monitor = Monitor::open();
        ip("route add 10.40.1.0/24 via 10.0.1.9 proto 4");
        ip("-6 route add fd40::/64 via fd00:1::9 proto 4");
        eventually(our_routes, through("10.0.1.9", "fd00:1::9")).await;
        assert_eq!(object("10.9.0.0/16"), before);
        monitor.take_or_lose();
        ip("route del 10.40.1.0/24");
        ip("-6 route del fd40::/64 via fd00:1::9");
        eventually(our_routes, through("10.0.0.9", "fd00::9")).await;
        ip("route del 10.40.0.0/16");
        ip("-6 route del fd40::/32");
        eventually(our_routes, vec![]).await;
        assert_eq!(daemon.settled().await.failed, 2);
    });
}

#[test]
fn next_hops_are_resolved_by_static_routes_as_by_those_of_the_kernel() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let gateways = |texts: &[&str]| StaticWay {
            hops: texts.iter().map(|text| Hop::Gateway(next_hop(text))).collect(),
            metric: 1024,
        };
        let set = |ways: &[(&str, &[&str])]| {
            let ways = ways.iter().map(|&(prefix, hops)| (prefix.parse().unwrap(), gateways(hops)));
            daemon.request(KernelRequest::SetStaticWays(ways.collect()))
        };
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["192.0.2.9"]))]).await;
        let through = |gateway: &str| vec![format!("10.9.0.0/16 via {gateway} metric 1024")];
        set(&[("192.0.2.9/32", &["10.0.0.9"])]).await;
        eventually(our_routes, through("10.0.0.9")).await;
        // Over another static route, whose gateway moves with a route of the kernel.
        set(&[("192.0.2.0/24", &["198.51.100.7"]), ("198.51.100.0/24", &["10.40.1.1"])]).await;
        eventually(our_routes, vec![]).await;
        ip("route add 10.40.0.0/16 via 10.0.1.9 proto 4");
        eventually(our_routes, through("10.0.1.9")).await;
        // A longer route of the kernel counts before.
        ip("route add 192.0.2.9/32 via 10.0.0.8 proto 4");
        eventually(our_routes, through("10.0.0.8")).await;
        ip("route del 192.0.2.9/32");
        eventually(our_routes, through("10.0.1.9")).await;
        // Routes over each other, over themselves, and discards lead nowhere.
        for loops in [
            &[("192.0.2.0/24", &["198.51.100.7"][..]), ("198.51.100.0/24", &["192.0.2.1"])][..],
            &[("192.0.2.0/24", &["192.0.2.1"])],
            &[("192.0.2.0/24", &[])],
        ] {
            set(loops).await;
            eventually(our_routes, vec![]).await;
            set(&[("192.0.2.9/32", &["10.0.0.9"])]).await;
            eventually(our_routes, through("10.0.0.9")).await;
        }
    });
}

#[test]
fn a_default_route_counts_where_it_is_asked_for() {
    in_namespace(async || {
        ip("route add default via 10.0.0.9 proto 4");
        ip("route add 10.50.0.0/16 via 10.0.1.9 proto 4");
        let daemon = Daemon::start(FibOptions { resolve_via_default: true, ..options() }).await;
        // An own default route is not one to resolve by: the next hop would depend on itself.
        let changes =
            [("10.9.0.0/16", "10.40.1.1"), ("10.10.0.0/16", "10.50.1.1"), ("0.0.0.0/0", "10.40.1.1")];
        daemon.apply(changes.map(|(prefix, next_hop)| wanted(prefix, via(&[next_hop]))).to_vec()).await;
        let lines = |of_default: &str| {
            let default = format!("default via {of_default} metric 1024");
            vec![
                "10.10.0.0/16 via 10.0.1.9 metric 1024".to_owned(),
                format!("10.9.0.0/16 via {of_default} metric 1024"),
                default,
            ]
        };
        eventually(our_routes, lines("10.0.0.9")).await;
        ip("route replace default via 10.0.1.9 proto 4");
        eventually(our_routes, lines("10.0.1.9")).await;
        ip("route del default via 10.0.1.9 proto 4");
        eventually(our_routes, vec!["10.10.0.0/16 via 10.0.1.9 metric 1024".to_owned()]).await;
        assert_eq!(daemon.settled().await.failed, 2);
    });
}

#[test]
fn a_next_hop_covered_by_a_route_over_itself_is_no_loop() {
    in_namespace(async || {
        ip("route add 10.40.0.0/16 via 10.0.0.9 proto 4");
        let daemon = Daemon::start(options()).await;
        let changes = ["10.40.1.0/24", "10.40.1.1/32"].map(|text| wanted(text, via(&["10.40.1.1"])));
        daemon.apply(changes.to_vec()).await;
        let expected = ["10.40.1.0/24 via 10.0.0.9 metric 1024", "10.40.1.1 via 10.0.0.9 metric 1024"];
        eventually(our_routes, expected.map(str::to_owned).to_vec()).await;
        daemon.settled().await;
        assert_eq!(our_routes(), expected);
    });
}

#[test]
fn a_multipath_route_to_the_next_hop_is_multipath_for_what_hangs_on_it() {
    in_namespace(async || {
        ip("route add 10.40.0.0/16 proto 4 nexthop via 10.0.0.9 nexthop via 10.0.1.9");
        let daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.40.1.1"]))]).await;
        let line = |hops: &str| vec![format!("10.9.0.0/16 {hops} metric 1024")];
        eventually(our_routes, line("via 10.0.0.9 via 10.0.1.9")).await;
        ip("route replace 10.40.0.0/16 via 10.0.1.9 proto 4");
        eventually(our_routes, line("via 10.0.1.9")).await;
    });
}

#[test]
fn a_lost_next_hop_leaves_groups_at_once_and_routes_alone() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let prefixes = ["10.9.0.0/16", "10.10.0.0/16", "fd09::/32"];
        let mut changes = vec![wanted("10.11.0.0/16", via(&["10.0.0.2"]))];
        changes.extend(prefixes.map(|text| {
            if text.contains(':') {
                wanted(text, via(&["fd00::2", "fd00:1::2"]))
            } else {
                wanted(text, via(&["10.0.0.2", "10.0.1.2"]))
            }
        }));
        daemon.apply(changes).await;
        daemon.settled().await;
        let lines = |ipv4: &str| {
            let line = |text: &str, hops: &str| format!("{text} {hops} metric 1024");
            vec![
                line("10.10.0.0/16", ipv4),
                line("10.11.0.0/16", "via 10.0.0.2"),
                line("10.9.0.0/16", ipv4),
                line("fd09::/32", "via fd00:1::2 via fd00::2"),
            ]
        };
        let (both, second) = (lines("via 10.0.0.2 via 10.0.1.2"), lines("via 10.0.1.2"));
        assert_eq!(our_routes(), both);

        let objects = || -> Vec<String> {
            let shown = ["-4", "-6"].map(|family| ip(&format!("{family} route show proto 186"))).concat();
            let words: Vec<&str> = shown.split_whitespace().collect();
            words.windows(2).filter(|pair| pair[0] == "nhid").map(|pair| pair[1].to_owned()).collect()
        };
        let before = objects();
        let loss = |text: &str, lost| NextHopLoss { next_hop: next_hop(text), lost };
        daemon.request(KernelRequest::NextHops(vec![loss("10.0.0.2", true)])).await;
        eventually(our_routes, second.clone()).await;
        // With both lost, there is no better choice.
        daemon.request(KernelRequest::NextHops(vec![loss("10.0.1.2", true)])).await;
        eventually(our_routes, both.clone()).await;
        daemon.request(KernelRequest::NextHops(vec![loss("10.0.1.2", false)])).await;
        eventually(our_routes, second).await;
        daemon.request(KernelRequest::NextHops(vec![loss("10.0.0.2", false)])).await;
        eventually(our_routes, both).await;
        assert_eq!(objects(), before, "routes refer to what they referred to");
        assert_eq!(daemon.settled().await.installed, 4);
    });
}

#[test]
fn shares_of_the_traffic_and_links_by_word_are_kept() {
    for nexthop_objects in [true, false] {
        in_namespace(move || async move {
            let daemon =
                Daemon::start(FibOptions { onlink: onlink_two(), nexthop_objects, ..options() }).await;
            let hops = [("10.0.0.2", 3), ("10.0.1.2", 1)]
                .map(|(text, weight)| WeightedHop { hop: next_hop(text).into(), weight });
            let weighted = Forwarding { target: Target::Via(hops.into()), metric: None };
            let changes = vec![wanted("10.9.0.0/16", weighted), wanted("10.10.0.0/16", via(&["192.0.2.7"]))];
            daemon.apply(changes.clone()).await;
            assert_eq!(daemon.settled().await.installed, 2);
            let shown = ip("route show proto 186");
            let words = [
                "via 10.0.0.2 dev one weight 3",
                "via 10.0.1.2 dev two weight 1",
                "via 192.0.2.7 dev two",
                "onlink",
            ];
            assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
            drop(daemon);
            let mut monitor = Monitor::open();
            let daemon =
                Daemon::start(FibOptions { onlink: onlink_two(), nexthop_objects, ..options() }).await;
            daemon.apply(changes).await;
            assert_eq!(daemon.settled().await.installed, 2);
            assert_eq!(monitor.take(), [], "what is right is adopted");
        });
    }
}

fn onlink_two() -> Vec<OnlinkRule> {
    vec![OnlinkRule { next_hops: "192.0.2.0/24".parse().unwrap(), interface: "two".to_owned() }]
}

#[test]
fn every_route_goes_into_every_table() {
    in_namespace(async || {
        let daemon = Daemon::start(FibOptions { tables: vec![254, 100], ..options() }).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"]))]).await;
        assert_eq!(daemon.settled().await.installed, 2);
        let both = ["route show proto 186", "route show table 100 proto 186"].map(ip);
        assert!(both.iter().all(|shown| shown.contains("10.9.0.0/16")), "{both:?}");
        ip("route del 10.9.0.0/16 table 100");
        eventually(|| ip("route show table 100 proto 186").contains("10.9.0.0/16"), true).await;
    });
}
