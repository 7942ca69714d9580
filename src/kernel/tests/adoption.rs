//! Routes of an earlier run.

use margay_fib::RouteChange;

use crate::kernel::KernelRequest;

use super::{
    Daemon, blackhole,
    namespace::{Monitor, in_namespace, ip, our_routes},
    options, unwanted, via, wanted,
};

#[test]
fn a_route_that_is_wanted_again_is_adopted_without_a_message() {
    in_namespace(async || {
        let wishes = vec![
            wanted("10.9.0.0/16", via(&["10.0.0.2"])),
            wanted("10.10.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
            wanted("10.11.0.0/16", blackhole()),
            wanted("10.12.0.0/16", via(&["fd00::2"])),
            wanted("fd09::/32", via(&["fd00::2"])),
            wanted("fd0a::/32", via(&["fd00::2", "fd00:1::2"])),
            wanted("fd0b::/32", blackhole()),
        ];
        let earlier = Daemon::start(options()).await;
        earlier.apply(wishes.clone()).await;
        earlier.finish().await;
        let installed = our_routes();
        assert_eq!(installed.len(), 7);

        let mut monitor = Monitor::open();
        let daemon = Daemon::start(options()).await;
        assert_eq!(daemon.status().await.stale, 7);
        daemon.apply(wishes).await;
        daemon.request(KernelRequest::RemoveStale).await;
        assert_eq!(daemon.settled().await.installed, 7);
        daemon.finish().await;
        assert_eq!(our_routes(), installed);
        assert_eq!(monitor.take(), []);
    });
}

#[test]
fn a_route_wanted_otherwise_is_replaced_and_an_unwanted_one_stays_until_the_window_is_over() {
    in_namespace(async || {
        ip("route add 10.9.0.0/16 via 10.0.0.2 proto 186 metric 1024");
        ip("route add 10.10.0.0/16 via 10.0.0.2 proto 186 metric 1024");
        ip("-6 route add fd09::/32 proto 186 metric 1024 nexthop via fd00::2 nexthop via fd00::3");
        ip("-6 route add fd0a::/32 proto 186 metric 1024 nexthop via fd00::2 nexthop via fd00::3");
        let mut monitor = Monitor::open();
        let daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![wanted("10.9.0.0/16", via(&["10.0.1.2"])), wanted("fd09::/32", via(&["fd00:1::2"]))])
            .await;
        let status = daemon.settled().await;
        assert_eq!(status.stale, 2);
        let changes: Vec<_> = monitor.take().iter().map(|notice| notice.change).collect();
        assert_eq!(changes, [RouteChange::Replaced, RouteChange::Replaced]);

        daemon.request(KernelRequest::RemoveStale).await;
        daemon.finish().await;
        assert_eq!(
            our_routes(),
            ["10.9.0.0/16 via 10.0.1.2 metric 1024", "fd09::/32 via fd00:1::2 metric 1024"]
        );
    });
}

#[test]
fn a_route_of_another_metric_goes_once_the_right_one_is_there() {
    in_namespace(async || {
        ip("route add 10.9.0.0/16 via 10.0.0.2 proto 186 metric 50");
        ip("-6 route add fd09::/32 via fd00::2 proto 186 metric 50");
        let daemon = Daemon::start(options()).await;
        let wishes = [("10.9.0.0/16", "10.0.0.2"), ("fd09::/32", "fd00::2")];
        daemon.apply(wishes.map(|(text, hop)| wanted(text, via(&[hop]))).to_vec()).await;
        assert_eq!(daemon.settled().await.installed, 2);
        daemon.finish().await;
        assert_eq!(
            our_routes(),
            ["10.9.0.0/16 via 10.0.0.2 metric 1024", "fd09::/32 via fd00::2 metric 1024"]
        );
    });
}

#[test]
fn a_stale_route_goes_at_once_when_the_rib_says_it_is_unwanted() {
    in_namespace(async || {
        ip("route add 10.9.0.0/16 via 10.0.0.2 proto 186 metric 1024");
        ip("route add 10.10.0.0/16 via 10.0.0.2 proto 186 metric 1024");
        let daemon = Daemon::start(options()).await;
        daemon.apply(vec![unwanted("10.9.0.0/16")]).await;
        daemon.finish().await;
        assert_eq!(our_routes(), ["10.10.0.0/16 via 10.0.0.2 metric 1024"]);
    });
}

#[test]
fn a_leftover_with_something_we_never_set_is_replaced() {
    in_namespace(async || {
        ip("route add 10.9.0.0/16 via 10.0.0.2 proto 186 metric 1024 src 10.0.1.1");
        let daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"]))]).await;
        daemon.finish().await;
        assert!(!ip("route show proto 186").contains("src"));
    });
}
