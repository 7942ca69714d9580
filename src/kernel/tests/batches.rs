//! Batches of any size.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp_codec::{IpPrefix, Ipv4Prefix, NextHop};
use margay_forwarding::{Forwarding, ForwardingChange, NextHopLoss};
use tokio::time::{sleep, timeout};

use super::{
    Daemon,
    namespace::{in_namespace, ip, run_ip},
    options,
    stepwise::Stepwise,
};
use crate::kernel::{KernelRequest, KernelStatus};

/// A request for a group takes 36 octets and 8 for each next hop: many times as much as fits into one send.
const GROUPS: u32 = 20_000;
/// The next hop that all groups have in common.
const COMMON: [u8; 4] = [10, 0, 0, 2];
/// Longer than all of it may take on a busy machine.
const TIME_AT_MOST: Duration = Duration::from_mins(4);

/// Groups of 2 to 16 next hops. When the one that all of them have goes, each group is a request of its own.
#[test]
fn twenty_thousand_groups_that_lose_a_next_hop_at_once_are_updated() {
    in_namespace(async || {
        timeout(TIME_AT_MOST, lose_common_next_hop()).await.expect("the groups follow in time");
    });
}

async fn lose_common_next_hop() {
    ip("addr add 10.64.0.1/10 dev two");
    let daemon = Daemon::start(options()).await;
    for with_common in [true, false] {
        let wishes: Vec<ForwardingChange> =
            (0..GROUPS).map(|group| wish(group, Some(next_hops(group, with_common)))).collect();
        for chunk in wishes.chunks(1000) {
            daemon.apply(chunk.to_vec()).await;
        }
        let status = settled(&daemon).await;
        assert_eq!((status.installed, status.failed), (20_000, 0));
        if with_common {
            // The objects of the common next hop and of 14 others, an own one for each group, and the groups.
            assert_eq!(status.objects, Some(15 + 2 * 20_000));
            let loss = NextHopLoss { next_hop: NextHop::Ipv4(COMMON.into()), lost: true };
            daemon.request(KernelRequest::NextHops(vec![loss])).await;
            // Each group loses one. To ask is work, too.
            let expected: BTreeMap<usize, usize> =
                (1..=15).map(|size| (size, groups_with(size + 1))).collect();
            while group_sizes() != expected {
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
    assert_eq!(ip("route show via 10.0.0.2 proto 186").lines().count(), 0);
    daemon.apply((0..GROUPS).map(|group| wish(group, None)).collect()).await;
    daemon.finish().await;
    assert_eq!(ip("nexthop show proto 186").lines().count(), 0);
}

/// How many groups of the kernel have how many next hops.
fn group_sizes() -> BTreeMap<usize, usize> {
    let mut sizes = BTreeMap::new();
    for line in ip("nexthop show proto 186 groups").lines() {
        *sizes.entry(line.matches('/').count() + 1).or_default() += 1;
    }
    sizes
}

/// How many groups have so many next hops before any is lost.
fn groups_with(size: usize) -> usize {
    (0..GROUPS).filter(|&group| next_hops(group, true).len() == size).count()
}

fn wish(group: u32, next_hops: Option<Vec<NextHop>>) -> ForwardingChange {
    let prefix = Ipv4Prefix::host((0x1400_0000 | group).into()).erase();
    ForwardingChange { prefix, forwarding: next_hops.map(Forwarding::via) }
}

/// To ask is work, too.
async fn settled(daemon: &Daemon) -> KernelStatus {
    loop {
        sleep(Duration::from_millis(100)).await;
        let status = daemon.status().await;
        if status.pending == 0 {
            return status;
        }
    }
}

/// 2 to 16 next hops with the common one. No two groups have the same, and all but one are few, so that the number of
/// objects is that of the groups.
fn next_hops(group: u32, with_common: bool) -> Vec<NextHop> {
    let own = 0x0a40_0002 + group;
    let others = (0..group % 15).map(|number| 0x0a60_0001 + number);
    let hops = std::iter::once(own).chain(others).map(|address| NextHop::Ipv4(address.into()));
    hops.chain(with_common.then_some(NextHop::Ipv4(COMMON.into()))).collect()
}

/// A socket with a small buffer accepts small batches only.
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

/// Whatever happens to the sockets, they are reopened, and the table is read again.
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
