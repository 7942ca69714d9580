//! Installing, replacing and removing routes.

use margay_forwarding::{Discard, Forwarding, ForwardingChange, Target};

use margay_fib::RouteChange;

use crate::kernel::{FibOptions, KernelRequest};

use super::{
    Daemon, blackhole,
    namespace::{Monitor, in_namespace, our_routes, routes},
    next_hop, options, prefix, unwanted, via, wanted,
};

#[test]
fn every_kind_of_ipv4_route_gives_way_to_every_other_without_a_gap() {
    check_transitions("10.9.0.0/16", ["10.0.0.2", "10.0.0.3", "10.0.1.2"], true);
}

#[test]
fn every_kind_of_ipv4_route_gives_way_without_objects_too() {
    check_transitions("10.9.0.0/16", ["10.0.0.2", "10.0.0.3", "10.0.1.2"], false);
}

#[test]
fn every_kind_of_ipv6_route_gives_way_to_every_other_without_a_gap() {
    check_transitions("fd09::/32", ["fd00::2", "fd00::3", "fd00:1::2"], true);
}

#[test]
fn every_kind_of_ipv6_route_gives_way_without_objects_too() {
    check_transitions("fd09::/32", ["fd00::2", "fd00::3", "fd00:1::2"], false);
}

fn check_transitions(text: &'static str, [a, b, c]: [&'static str; 3], nexthop_objects: bool) {
    in_namespace(async move || {
        let daemon = Daemon::start(FibOptions { nexthop_objects, ..options() }).await;
        let kinds = [
            Some(blackhole()),
            Some(Forwarding::discard(Discard::Unreachable)),
            Some(Forwarding::discard(Discard::Prohibit)),
            Some(via(&[a])),
            Some(via(&[b])),
            Some(via(&[a, b])),
            Some(via(&[b, c])),
            Some(via(&[a, b, c])),
            None,
        ];
        let mut monitor = Monitor::open();
        for before in &kinds {
            for after in &kinds {
                daemon.apply(vec![change(text, before)]).await;
                daemon.settled().await;
                assert_eq!(our_routes(), lines(text, before), "first, before {after:?}");
                monitor.take();
                daemon.apply(vec![change(text, after)]).await;
                daemon.settled().await;
                assert_eq!(our_routes(), lines(text, after), "after {before:?}");
                let removals =
                    monitor.take().iter().filter(|notice| notice.change == RouteChange::Removed).count();
                let expected = usize::from(before.is_some() && after.is_none());
                assert_eq!(removals, expected, "{before:?} to {after:?}");
            }
        }
    });
}

fn change(text: &str, forwarding: &Option<Forwarding>) -> ForwardingChange {
    ForwardingChange { prefix: prefix(text), forwarding: forwarding.clone() }
}

fn lines(text: &str, forwarding: &Option<Forwarding>) -> Vec<String> {
    let Some(forwarding) = forwarding else { return Vec::new() };
    let target = match &forwarding.target {
        Target::Discard(discard) => discard.to_string(),
        Target::Via(hops) => {
            let mut hops: Vec<_> = hops
                .iter()
                .map(|hop| format!("via {}", hop.hop.gateway().expect("a gateway").address()))
                .collect();
            hops.sort();
            hops.join(" ")
        }
    };
    vec![format!("{text} {target} metric 1024")]
}

#[test]
fn table_protocol_and_metric_are_on_every_route() {
    in_namespace(async || {
        let options = FibOptions { tables: vec![1000], protocol: 77, metric: 42, ..options() };
        let daemon = Daemon::start(options).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("fd09::/32", via(&["fd00::2", "fd00::3"])),
                wanted("fd0a::/32", blackhole()),
            ])
            .await;
        daemon.finish().await;
        let expected = [
            "10.9.0.0/16 via 10.0.0.2 metric 42",
            "fd09::/32 via fd00::2 via fd00::3 metric 42",
            "fd0a::/32 blackhole metric 42",
        ];
        assert_eq!(routes("table 1000 proto 77"), expected);
        assert!(our_routes().is_empty());
    });
}

#[test]
fn metric_zero_is_1024_in_ipv6_and_can_be_removed() {
    in_namespace(async || {
        let daemon = Daemon::start(FibOptions { metric: 0, ..options() }).await;
        let routes = [("10.9.0.0/16", "10.0.0.2"), ("fd09::/32", "fd00::2")];
        daemon.apply(routes.map(|(text, hop)| wanted(text, via(&[hop]))).to_vec()).await;
        assert_eq!(daemon.settled().await.installed, 2);
        assert_eq!(our_routes(), ["10.9.0.0/16 via 10.0.0.2", "fd09::/32 via fd00::2 metric 1024"]);
        daemon.apply(routes.map(|(text, _)| unwanted(text)).to_vec()).await;
        daemon.finish().await;
        assert!(our_routes().is_empty());
    });
}

#[test]
fn ipv4_routes_may_have_ipv6_next_hops() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["fd00::2"])),
                wanted("10.10.0.0/16", via(&["10.0.0.2", "fd00::2"])),
            ])
            .await;
        assert_eq!(daemon.settled().await.installed, 2);
        let expected =
            ["10.10.0.0/16 via 10.0.0.2 via fd00::2 metric 1024", "10.9.0.0/16 via fd00::2 metric 1024"];
        assert_eq!(our_routes(), expected);
    });
}

#[test]
fn default_and_host_routes_of_both_families() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let changes = [
            ("0.0.0.0/0", "10.0.0.2"),
            ("10.9.0.1/32", "10.0.0.2"),
            ("::/0", "fd00::2"),
            ("fd09::1/128", "fd00::2"),
        ];
        daemon.apply(changes.map(|(text, hop)| wanted(text, via(&[hop]))).to_vec()).await;
        daemon.request(KernelRequest::RemoveStale).await;
        assert_eq!(daemon.settled().await.installed, 4);
        let expected = [
            "10.9.0.1 via 10.0.0.2 metric 1024",
            "default via 10.0.0.2 metric 1024",
            "default via fd00::2 metric 1024",
            "fd09::1 via fd00::2 metric 1024",
        ];
        assert_eq!(our_routes(), expected);
        daemon.apply(changes.map(|(text, _)| unwanted(text)).to_vec()).await;
        daemon.finish().await;
        assert!(our_routes().is_empty());
    });
}

#[test]
fn the_last_of_many_wishes_applies() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let changes = vec![
            wanted("10.9.0.0/16", blackhole()),
            unwanted("10.9.0.0/16"),
            wanted("10.9.0.0/16", via(&["10.0.0.2"])),
            wanted("10.10.0.0/16", Forwarding::via([next_hop("10.0.0.3")])),
            unwanted("10.10.0.0/16"),
        ];
        daemon.apply(changes).await;
        daemon.finish().await;
        assert_eq!(our_routes(), ["10.9.0.0/16 via 10.0.0.2 metric 1024"]);
    });
}
