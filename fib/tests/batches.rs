//! Batches are bounded, however many changes there are at once.

use bgp_codec::{IpPrefix as _, Ipv4Prefix, NextHop};
use margay_fib::{Ask, Batch, Fib, FibOptions};
use margay_forwarding::{Forwarding, ForwardingChange, NextHopLoss};
use margay_kernel_model::{Exchange, KernelModel};
use margay_timestamp::Timestamp;

const GROUPS: u32 = 20_000;
/// The next hop that all groups have in common.
const COMMON: NextHop = NextHop::Ipv4(std::net::Ipv4Addr::new(10, 0, 0, 2));
/// What a netlink socket accepts in one send by default.
const SEND_BUFFER_OCTETS: usize = 212_992;

/// If the common next hop is lost, each group has to be updated by a message of its own.
#[test]
fn twenty_thousand_groups_that_lose_a_next_hop_are_updated_in_bounded_batches() {
    for size in [2, 16] {
        let mut fib = start();
        let wishes = (0..GROUPS).map(|group| ForwardingChange {
            prefix: Ipv4Prefix::host((0x1400_0000 | group).into()).erase(),
            forwarding: Some(Forwarding::via(next_hops(group, size))),
        });
        fib.want(&wishes.collect::<Vec<_>>());
        accept_all(&mut fib);
        assert_eq!(fib.view().status().installed, 20_000);
        fib.on_next_hop_losses(&[NextHopLoss { next_hop: COMMON, lost: true }]);
        let updates = accept_all(&mut fib);
        assert_eq!(updates, 20_000, "one request for each group, and none for a route");
        let gone = (0..GROUPS).map(|group| ForwardingChange {
            prefix: Ipv4Prefix::host((0x1400_0000 | group).into()).erase(),
            forwarding: None,
        });
        fib.want(&gone.collect::<Vec<_>>());
        accept_all(&mut fib);
        let status = fib.view().status();
        assert_eq!((status.wanted, status.stale, status.objects), (0, 0, Some(0)));
    }
}

/// A mirror of a kernel with one large subnet.
fn start() -> Fib {
    let mut kernel = KernelModel::new();
    let link = kernel.add_link("one");
    kernel.add_address(link, "10.0.0.1".parse().expect("an address"), 8);
    let mut fib = Fib::new(FibOptions {
        tables: vec![254],
        protocol: 186,
        metric: 1024,
        sources: [None, None],
        onlink: Vec::new(),
        imports: Vec::new(),
        nexthop_objects: true,
        resolve_via_default: false,
    });
    fib.sweep();
    Exchange::default().settle(&mut fib, &mut kernel, Timestamp::START, &mut ());
    fib
}

/// Answers every request with success, and returns the number of requests.
fn accept_all(fib: &mut Fib) -> usize {
    let mut batch = Batch::new(1);
    let mut requests = 0;
    loop {
        batch.restart(1);
        match fib.poll_ask(&mut batch, Timestamp::START) {
            None => return requests,
            Some(Ask::Dump(dump)) => panic!("{dump:?} is asked for needlessly"),
            Some(Ask::Batch) => {}
        }
        assert!(batch.seal().len() < SEND_BUFFER_OCTETS, "{} octets in one batch", batch.seal().len());
        requests += batch.requests().len();
        fib.on_answers(&batch, &[], Timestamp::START);
        fib.apply_notices(Timestamp::START);
    }
}

/// Next hops that differ for each group, and the common one.
fn next_hops(group: u32, size: u32) -> impl Iterator<Item = NextHop> {
    let own = 0x0a40_0002 + group;
    let others = (2..size).map(|number| 0x0a60_0000 | number);
    let hops = std::iter::once(own).chain(others).map(|address| NextHop::Ipv4(address.into()));
    hops.chain([COMMON])
}
