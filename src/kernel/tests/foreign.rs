//! Routes of others.

use crate::kernel::KernelRequest;

use super::{
    Daemon, blackhole,
    namespace::{eventually, in_namespace, ip, our_routes, routes},
    options, prefix, unwanted, via, wanted,
};

#[test]
fn routes_of_other_metric_protocol_or_table_are_untouched() {
    in_namespace(async || {
        for route in FOREIGN {
            ip(route);
        }
        let foreign = || (routes("proto 4"), routes("table 1000"));
        let before = foreign();
        assert_eq!((before.0.len(), before.1.len()), (2, 2));

        let daemon = Daemon::start(options()).await;
        let prefixes = ["10.9.0.0/16", "fd09::/32"];
        daemon.apply(prefixes.map(|text| wanted(text, blackhole())).to_vec()).await;
        daemon.request(KernelRequest::RemoveStale).await;
        assert_eq!(daemon.settled().await.installed, 2);
        assert_eq!(foreign(), before);
        daemon
            .apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.3"])), wanted("fd09::/32", via(&["fd00::3"]))])
            .await;
        daemon.settled().await;
        assert_eq!(our_routes().len(), 2);
        assert_eq!(foreign(), before);
        daemon.apply(prefixes.map(unwanted).to_vec()).await;
        daemon.finish().await;
        assert!(our_routes().is_empty());
        assert_eq!(foreign(), before);
    });
}

const FOREIGN: [&str; 4] = [
    "route add 10.9.0.0/16 via 10.0.0.2 proto 4 metric 1025",
    "-6 route add fd09::/32 via fd00::2 proto 4 metric 1023",
    "route add 10.9.0.0/16 via 10.0.0.2 proto 186 metric 1024 table 1000",
    "-6 route add fd09::/32 via fd00::2 proto 186 metric 1024 table 1000",
];

#[test]
fn a_foreign_ipv4_route_in_our_place_stays_and_ours_follows_when_it_leaves() {
    check_occupied("-4", "10.9.0.0/16", "10.0.0.2", "10.0.0.3");
}

#[test]
fn a_foreign_ipv6_route_in_our_place_stays_and_ours_follows_when_it_leaves() {
    check_occupied("-6", "fd09::/32", "fd00::2", "fd00::3");
}

fn check_occupied(family: &'static str, text: &'static str, theirs: &'static str, ours: &'static str) {
    in_namespace(async move || {
        ip(&format!("{family} route add {text} via {theirs} proto 4 metric 1024"));
        let mut daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted(text, via(&[ours]))]).await;
        let expected = "another route of protocol 4 (static) holds this prefix and metric";
        assert_eq!(daemon.failure().await, (prefix(text), expected.to_owned()));
        assert_eq!(daemon.status().await.failed, 1);
        assert_eq!(routes("proto 4"), [format!("{text} via {theirs} metric 1024")]);
        assert!(our_routes().is_empty());

        ip(&format!("{family} route del {text} proto 4"));
        eventually(our_routes, vec![format!("{text} via {ours} metric 1024")]).await;
        assert_eq!(daemon.settled().await.failed, 0);
    });
}

#[test]
fn the_way_is_not_cleared_by_removing_what_was_never_installed() {
    in_namespace(async || {
        ip("route add 10.9.0.0/16 via 10.0.0.2 proto 4 metric 1024");
        let mut daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.3"]))]).await;
        daemon.failure().await;
        daemon.apply(vec![unwanted("10.9.0.0/16")]).await;
        daemon.finish().await;
        assert_eq!(routes("proto 4"), ["10.9.0.0/16 via 10.0.0.2 metric 1024"]);
    });
}

#[test]
fn a_foreign_route_squeezed_into_our_place_is_not_replaced() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.3"]))]).await;
        daemon.settled().await;
        ip("route prepend 10.9.0.0/16 via 10.0.0.2 proto 4 metric 1024");
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.1.3"]))]).await;
        assert_eq!(daemon.failure().await.0, prefix("10.9.0.0/16"));
        eventually(our_routes, vec![]).await;
        assert_eq!(routes("proto 4"), ["10.9.0.0/16 via 10.0.0.2 metric 1024"]);
    });
}
