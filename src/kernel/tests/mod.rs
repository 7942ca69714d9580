//! Tests against the real kernel, each in a network namespace of its own. They need root.

mod adoption;
mod bad_hops;
mod batches;
mod by_rtnetlink;
mod connected;
mod drift;
mod foreign;
mod histories;
mod imports;
mod model;
mod moves;
mod namespace;
mod pods;
mod recursion;
mod refusal;
mod removed_objects;
mod routes;
mod scale;
mod silent_losses;
mod static_hops;
mod stepwise;

use std::collections::BTreeMap;
use std::time::Duration;

use bgp_codec::{NextHop, Prefix};
use margay_forwarding::{Discard, Forwarding, ForwardingChange, KernelRouteView, Way};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{FibOptions, KernelEvent, KernelHandle, KernelOptions, KernelRequest, KernelStatus, start};

/// The options of a configuration without any settings.
pub(super) fn options() -> FibOptions {
    FibOptions {
        tables: vec![254],
        protocol: 186,
        metric: 1024,
        sources: [None, None],
        onlink: Vec::new(),
        imports: Vec::new(),
        nexthop_objects: true,
        resolve_via_default: false,
    }
}

/// A running kernel thread with its events.
struct Daemon {
    handle: KernelHandle,
    events: mpsc::Receiver<KernelEvent>,
    ways: BTreeMap<Prefix, Way>,
    kernel_routes: BTreeMap<Prefix, KernelRouteView>,
}

impl Daemon {
    async fn start(options: impl Into<KernelOptions>) -> Self {
        let (sender, events) = mpsc::channel(16);
        let handle = start(options.into(), sender).await.expect("the kernel thread starts");
        Self { handle, events, ways: BTreeMap::new(), kernel_routes: BTreeMap::new() }
    }

    async fn apply(&self, changes: Vec<ForwardingChange>) {
        self.request(KernelRequest::Apply(changes)).await;
    }

    async fn request(&self, request: KernelRequest) {
        self.handle.requests.send(request).await.expect("the kernel thread takes requests");
    }

    /// Waits until all requests are done, and ends.
    async fn finish(self) {
        drop(self.events);
        timeout(PATIENCE, self.handle.finish()).await.expect("the kernel thread ends");
    }

    async fn status(&self) -> KernelStatus {
        let (sender, answer) = oneshot::channel();
        self.request(KernelRequest::Status(sender)).await;
        answer.await.expect("the kernel thread answers")
    }

    /// Waits until nothing is pending.
    async fn settled(&self) -> KernelStatus {
        let wait = async {
            loop {
                let status = self.status().await;
                if status.pending == 0 {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the kernel thread settles")
    }

    /// Records what is reported about foreign routes.
    fn follow(&mut self, event: &KernelEvent) {
        let KernelEvent::Routes { ways, routes, .. } = event else { return };
        for change in ways {
            match change.way {
                Some(way) => self.ways.insert(change.prefix, way),
                None => self.ways.remove(&change.prefix),
            };
        }
        for change in routes {
            match change.route.clone() {
                Some(route) => self.kernel_routes.insert(change.prefix, route),
                None => self.kernel_routes.remove(&change.prefix),
            };
        }
    }

    /// The next event that reports a failed route.
    async fn failure(&mut self) -> (Prefix, String) {
        loop {
            match timeout(PATIENCE, self.events.recv()).await.expect("an event comes") {
                Some(KernelEvent::Failed { prefix, reason }) => return (prefix, reason),
                Some(event @ KernelEvent::Routes { .. }) => self.follow(&event),
                other => panic!("instead of a failure: {other:?}"),
            }
        }
    }
}

/// Longer than anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn via(next_hops: &[&str]) -> Forwarding {
    Forwarding::via(next_hops.iter().map(|text| next_hop(text)))
}

pub(super) fn blackhole() -> Forwarding {
    Forwarding::discard(Discard::Blackhole)
}

fn next_hop(text: &str) -> NextHop {
    match text.parse().expect("an address") {
        std::net::IpAddr::V4(address) => NextHop::Ipv4(address),
        std::net::IpAddr::V6(address) => NextHop::Ipv6(address),
    }
}

pub(super) fn wanted(text: &str, forwarding: Forwarding) -> ForwardingChange {
    ForwardingChange { prefix: prefix(text), forwarding: Some(forwarding) }
}

pub(super) fn unwanted(text: &str) -> ForwardingChange {
    ForwardingChange { prefix: prefix(text), forwarding: None }
}
