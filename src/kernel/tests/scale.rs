//! Many routes.

use std::fmt::Write;

use bgp_codec::{Ipv4Prefix, Ipv6Prefix, Prefix};
use margay_forwarding::{Forwarding, ForwardingChange};

use crate::kernel::{KernelRequest, netlink_socket::Reception};

use super::{
    Daemon, blackhole,
    namespace::{Monitor, eventually, in_namespace, our_routes, run_ip},
    options, via,
};

const EACH_FAMILY: u32 = 5_000;

#[test]
fn ten_thousand_routes_come_change_and_go() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        daemon.request(KernelRequest::RemoveStale).await;
        for (ipv4, ipv6) in [("10.0.0.2", "fd00::2"), ("10.0.1.2", "fd00:1::2")] {
            apply_all(&daemon, |prefix| match prefix {
                Prefix::Ipv4(_) => Some(via(&[ipv4])),
                Prefix::Ipv6(_) => Some(via(&[ipv6])),
            })
            .await;
            assert_eq!(daemon.settled().await.installed, 10_000);
            assert_eq!(our_routes(), expected(ipv4, ipv6));
        }
        apply_all(&daemon, |_| None).await;
        daemon.finish().await;
        assert!(our_routes().is_empty());
    });
}

#[test]
fn ten_thousand_routes_lost_at_once_come_back() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        apply_all(&daemon, |_| Some(blackhole())).await;
        daemon.settled().await;
        for family in ["-4", "-6"] {
            // The daemon puts routes back meanwhile, which can interrupt the listing of them.
            let flush = || run_ip(&format!("{family} route flush proto 186"));
            assert!((0..10).any(|_| flush().is_ok()), "{:?}", flush());
        }
        eventually(|| our_routes().len(), 10_000).await;
    });
}

#[test]
fn lost_events_are_noticed() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        let mut monitor = Monitor::with_buffer(4096);
        apply_all(&daemon, |_| Some(blackhole())).await;
        daemon.settled().await;
        let (notices, reception) = monitor.take_or_lose();
        assert!(notices.len() < 10_000);
        assert_eq!(reception, Reception::Overrun);
        assert_eq!(monitor.take_or_lose(), (Vec::new(), Reception::Whole));
    });
}

async fn apply_all(daemon: &Daemon, forwarding: impl Fn(Prefix) -> Option<Forwarding>) {
    for chunk in prefixes().chunks(1000) {
        let changes = chunk.iter().map(|&prefix| ForwardingChange { prefix, forwarding: forwarding(prefix) });
        daemon.apply(changes.collect()).await;
    }
}

fn prefixes() -> Vec<Prefix> {
    let ipv4 =
        (0..EACH_FAMILY).map(|i| Prefix::Ipv4(Ipv4Prefix::truncating((0x1400_0000 | i << 8).into(), 24)));
    let ipv6 = (0..EACH_FAMILY)
        .map(|i| Prefix::Ipv6(Ipv6Prefix::truncating((0xfdaa << 112 | u128::from(i) << 64).into(), 64)));
    ipv4.chain(ipv6).collect()
}

fn expected(ipv4: &str, ipv6: &str) -> Vec<String> {
    let line = |prefix: Prefix| {
        let mut line = prefix.to_string();
        let hop = if matches!(prefix, Prefix::Ipv4(_)) { ipv4 } else { ipv6 };
        write!(line, " via {hop} metric 1024").expect("writing to a string succeeds");
        line
    };
    let (mut ipv4, mut ipv6): (Vec<_>, Vec<_>) =
        prefixes().into_iter().map(line).partition(|line| line.starts_with("20."));
    ipv4.sort();
    ipv6.sort();
    [ipv4, ipv6].concat()
}
