//! Subnets and links that move or disappear while routes depend on them.

use std::time::{Duration, Instant};

use bgp_codec::{IpPrefix, Ipv4Prefix};
use margay_forwarding::ForwardingChange;

use super::namespace::{eventually, in_namespace, ip};
use super::{Daemon, blackhole, options, via, wanted};
use crate::kernel::{KernelEvent, KernelRequest};

#[test]
fn routes_follow_a_subnet_to_another_link() {
    in_namespace(async || {
        let daemon = Daemon::start(options()).await;
        // The link keeps an address, so that the kernel flushes nothing.
        ip("addr add 10.0.7.1/24 dev one");
        let changes = vec![wanted("10.9.0.0/16", via(&["10.0.0.2"])), wanted("fd09::/32", via(&["fd00::2"]))];
        daemon.apply(changes).await;
        daemon.settled().await;
        ip("addr del 10.0.0.1/24 dev one");
        ip("addr add 10.0.0.1/24 dev two");
        ip("addr del fd00::1/64 dev one");
        ip("addr add fd00::1/64 dev two nodad");
        let moved = |family: &str| ip(&format!("{family} route show proto 186")).contains("dev two");
        eventually(|| (moved("-4"), moved("-6")), (true, true)).await;
    });
}

#[test]
fn a_link_that_goes_down_is_reported_while_a_table_loads() {
    const REQUESTS: u32 = 200;
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        let requests = daemon.handle.requests.clone();
        let load = async move {
            for request in 0..REQUESTS {
                let changes = (0..1000).map(|number| ForwardingChange {
                    prefix: Ipv4Prefix::truncating((0x1400_0000 | (request * 1000 + number) << 8).into(), 24)
                        .erase(),
                    forwarding: Some(blackhole()),
                });
                requests.send(KernelRequest::Apply(changes.collect())).await.expect("the thread lives");
            }
        };
        let reported = async {
            // The load takes longer than this, and its start is not reported.
            tokio::time::sleep(Duration::from_millis(300)).await;
            while daemon.events.try_recv().is_ok() {}
            ip("link set two down");
            let down = Instant::now();
            while let Some(event) = daemon.events.recv().await {
                if let KernelEvent::Routes { .. } = event {
                    break;
                }
            }
            down.elapsed()
        };
        let ((), delay) = tokio::join!(load, reported);
        assert!(delay < Duration::from_secs(1), "{delay:?}");
    });
}
