//! Other programs change our routes.

use crate::kernel::KernelRequest;

use super::{
    Daemon,
    namespace::{Monitor, eventually, in_namespace, ip, our_routes},
    options, via, wanted,
};

#[test]
fn deleted_and_altered_routes_are_repaired() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2", "10.0.1.2"])),
                wanted("fd09::/32", via(&["fd00::2", "fd00:1::2"])),
            ])
            .await;
        daemon.settled().await;
        let right = our_routes();
        assert_eq!(right.len(), 2);
        for damage in [
            "-4 route del 10.9.0.0/16",
            "-6 route del fd09::/32",
            "-4 route replace 10.9.0.0/16 via 10.0.0.9 proto 186 metric 1024",
            "-4 route replace blackhole 10.9.0.0/16 proto 186 metric 1024",
            "-6 route replace fd09::/32 via fd00::9 proto 186 metric 1024",
            "-6 route replace blackhole fd09::/32 proto 186 metric 1024",
            "-6 route append fd09::/32 via fd00::9 proto 186 metric 1024",
            "-6 route del fd09::/32 via fd00::2",
            "-4 route append 10.9.0.0/16 via 10.0.0.9 proto 186 metric 1024",
        ] {
            ip(damage);
            eventually(|| (damage, our_routes()), (damage, right.clone())).await;
        }
    });
}

#[test]
fn a_stranger_with_our_protocol_number_is_removed_after_the_window() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        daemon.request(KernelRequest::RemoveStale).await;
        daemon.settled().await;
        ip("route add 10.9.0.0/16 via 10.0.0.9 proto 186 metric 7");
        eventually(our_routes, vec![]).await;
    });
}

#[test]
fn routes_flushed_with_their_link_come_back_with_it() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon
            .apply(vec![
                wanted("10.9.0.0/16", via(&["10.0.0.2"])),
                wanted("10.10.0.0/16", via(&["10.0.1.2"])),
                wanted("fd09::/32", via(&["fd00::2"])),
            ])
            .await;
        daemon.settled().await;
        let right = our_routes();
        ip("link set one down");
        assert_eq!(our_routes(), ["10.10.0.0/16 via 10.0.1.2 metric 1024"]);
        // IPv4 reports no flush: the failures show that it was noticed.
        daemon.failure().await;
        daemon.failure().await;
        ip("link set one up");
        ip("addr add fd00::1/64 dev one nodad");
        eventually(our_routes, right).await;
        assert_eq!(daemon.settled().await.failed, 0);
    });
}

#[test]
fn routes_flushed_with_the_last_address_come_back_with_it() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"]))]).await;
        daemon.settled().await;
        let right = our_routes();
        ip("addr del 10.0.0.1/24 dev one");
        // The kernel keeps routes that refer to objects: the daemon has to notice that they lead nowhere.
        eventually(our_routes, vec![]).await;
        daemon.failure().await;
        ip("addr add 10.0.0.1/24 dev one");
        eventually(our_routes, right).await;
    });
}

#[test]
fn settled_routes_cause_no_more_messages() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let wishes = vec![wanted("10.9.0.0/16", via(&["10.0.0.2"])), wanted("fd09::/32", via(&["fd00::2"]))];
        daemon.apply(wishes.clone()).await;
        daemon.settled().await;
        let mut monitor = Monitor::open();
        daemon.apply(wishes).await;
        ip("route add 10.20.0.0/16 via 10.0.0.2");
        daemon.finish().await;
        assert_eq!(monitor.take().len(), 1, "only the stranger's route was reported");
    });
}
