//! Batches of any size.

use std::time::Duration;

use bgp_codec::{IpPrefix, Ipv4Prefix, NextHop};
use margay_forwarding::{Forwarding, ForwardingChange};

use super::{
    Daemon,
    namespace::{in_namespace, ip, run_ip},
    options,
    stepwise::Stepwise,
};
use crate::kernel::{KernelRequest, KernelStatus};

/// A group of which one next hop is left takes 44 octets, so that these are more than fit into one send.
const GROUPS: u32 = 6_000;
/// The next hop that all groups have in common.
const COMMON: [u8; 4] = [10, 0, 0, 2];

/// When the common next hop goes, each group has to be told, and each is a message of its own.
#[test]
fn thousands_of_groups_that_lose_a_next_hop_at_once_are_updated() {
    in_namespace(async || {
        ip("addr add 10.64.0.1/10 dev two");
        let daemon = Daemon::start(options()).await;
        for size in [2, 16] {
            let wishes = |with_common: bool| {
                (0..GROUPS)
                    .map(move |group| ForwardingChange {
                        prefix: Ipv4Prefix::host((0x1400_0000 | group).into()).erase(),
                        forwarding: Some(Forwarding::via(next_hops(group, size, with_common))),
                    })
                    .collect::<Vec<_>>()
            };
            for with_common in [true, false] {
                for chunk in wishes(with_common).chunks(1000) {
                    daemon.apply(chunk.to_vec()).await;
                }
                let status = settled(&daemon).await;
                assert_eq!((status.installed, status.failed), (6_000, 0), "{size}");
                if with_common {
                    let loss =
                        margay_forwarding::NextHopLoss { next_hop: NextHop::Ipv4(COMMON.into()), lost: true };
                    daemon.request(KernelRequest::NextHops(vec![loss])).await;
                }
            }
            let over_common = ip("route show via 10.0.0.2 proto 186");
            assert_eq!(over_common.lines().count(), 0, "{size}");
        }
        let gone = (0..GROUPS).map(|group| ForwardingChange {
            prefix: Ipv4Prefix::host((0x1400_0000 | group).into()).erase(),
            forwarding: None,
        });
        daemon.apply(gone.collect()).await;
        daemon.finish().await;
        assert_eq!(ip("nexthop show proto 186").lines().count(), 0);
    });
}

/// To ask is work, too.
async fn settled(daemon: &Daemon) -> KernelStatus {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let status = daemon.status().await;
        if status.pending == 0 {
            return status;
        }
    }
}

/// Next hops of which no two groups have the same.
fn next_hops(group: u32, size: u32, with_common: bool) -> impl Iterator<Item = NextHop> {
    let own = 0x0a40_0002 + group;
    // The others are few, so that the number of objects is that of the groups.
    let others = (2..size).map(|number| 0x0a60_0000 | number);
    let hops = std::iter::once(own).chain(others).map(|address| NextHop::Ipv4(address.into()));
    hops.chain(with_common.then_some(NextHop::Ipv4(COMMON.into())))
}

/// A socket whose buffer is small takes small batches.
#[test]
fn a_batch_that_the_socket_does_not_take_is_sent_in_parts() {
    in_namespace(async || {
        let mut daemon = Stepwise::start(options());
        daemon.limit_send_buffer();
        let changes = (0..2000u32).map(|number| ForwardingChange {
            prefix: Ipv4Prefix::host((0x1400_0000 | number).into()).erase(),
            forwarding: Some(Forwarding::via([NextHop::Ipv4(COMMON.into())])),
        });
        daemon.apply(changes.collect());
        assert_eq!(daemon.status().installed, 2000);
    });
}

/// Whatever becomes of the sockets, they are opened anew, and the table is read again.
#[test]
fn lost_sockets_are_opened_anew() {
    in_namespace(async || {
        let mut daemon = Stepwise::start(options());
        let wish = |number: u32| ForwardingChange {
            prefix: Ipv4Prefix::host((0x1400_0000 | number).into()).erase(),
            forwarding: Some(Forwarding::via([NextHop::Ipv4(COMMON.into())])),
        };
        daemon.apply(vec![wish(1), wish(2)]);
        daemon.break_sockets();
        drop(run_ip("route del 20.0.0.1/32 proto 186"));
        daemon.want(vec![wish(3)]);
        assert!(daemon.try_to_send().is_err(), "a broken socket is noticed");
        daemon.reopen();
        daemon.catch_up();
        let held = ip("route show proto 186");
        assert_eq!(held.lines().count(), 3, "{held}");
        assert_eq!(daemon.status().installed, 3);
    });
}
