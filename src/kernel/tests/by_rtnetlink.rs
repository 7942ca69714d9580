//! What programming routes through `rtnetlink` would cost compared with the daemon's batches: a measurement, to be run by hand.

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp_codec::{IpPrefix, Ipv4Prefix, NextHop};
use futures_util::{StreamExt, TryStreamExt, stream};
use margay_forwarding::{Forwarding, ForwardingChange};
use rtnetlink::{
    Handle, RouteMessageBuilder, new_connection,
    packet_route::route::{RouteMessage, RouteProtocol},
};
use rustix::time::{ClockId, clock_gettime};

use super::{
    namespace::{in_namespace, ip, our_routes},
    options,
    stepwise::Stepwise,
};
use crate::kernel::FibOptions;

const ROUTES: u32 = 10_000;
const ROUNDS: usize = 5;

#[test]
#[ignore = "a measurement: run it with --ignored --nocapture"]
fn ten_thousand_routes_in_batches_and_by_rtnetlink() {
    in_namespace(async || {
        println!("{ROUTES} routes; wall time and processor time of the thread, in milliseconds");
        for _ in 0..ROUNDS {
            let mut daemon = Stepwise::start(FibOptions { nexthop_objects: false, ..options() });
            let changes: Vec<ForwardingChange> = (0..ROUTES).map(wanted).collect();
            measured("batches", async || daemon.apply(changes)).await;
            drop(daemon);
            clear();
            let (connection, handle, _) = new_connection().expect("a socket");
            let connection = tokio::spawn(connection);
            measured("rtnetlink, one after the other", async || add_all(&handle, 1).await).await;
            clear();
            measured("rtnetlink, 256 at once", async || add_all(&handle, 256).await).await;
            clear();
            connection.abort();
        }
    });
}

async fn measured(name: &str, work: impl AsyncFnOnce()) {
    let (began, processor) = (Instant::now(), processor_time());
    work().await;
    let (wall, processor) = (began.elapsed(), processor_time().saturating_sub(processor));
    assert_eq!(our_routes().len(), ROUTES as usize);
    println!("{name:<32} {:>6.1} {:>6.1}", milliseconds(wall), milliseconds(processor));
}

async fn add_all(handle: &Handle, at_once: usize) {
    let added = stream::iter(0..ROUTES).map(|number| handle.route().add(message(number)).execute());
    added.buffer_unordered(at_once).try_collect::<()>().await.expect("the kernel takes the routes");
}

fn message(number: u32) -> RouteMessage {
    RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(destination(number), 32)
        .gateway(GATEWAY)
        .protocol(RouteProtocol::Other(186))
        .priority(1024)
        .build()
}

fn wanted(number: u32) -> ForwardingChange {
    let forwarding = Forwarding::via([NextHop::Ipv4(GATEWAY)]);
    ForwardingChange { prefix: Ipv4Prefix::host(destination(number)).erase(), forwarding: Some(forwarding) }
}

fn clear() {
    ip("-4 route flush proto 186");
}

fn destination(number: u32) -> Ipv4Addr {
    (0x1400_0000 | number).into()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The time that this thread has had a processor, in the kernel too.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("since the start");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
