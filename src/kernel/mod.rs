//! The kernel's forwarding table, held to what the Rib wants through netlink.
//!
//! One thread owns the netlink sockets and a mirror of the routes that concern this daemon. Only the kernel writes the
//! mirror: with a dump at the start, with multicast messages of what others change, and with its answers to requests;
//! wherever the mirror differs from what is wanted, a batch of route messages is sent. Echoes of own requests are not
//! received ([why](../../docs/decisions/0004-kernel-mirror.md)). Nothing is polled; what the kernel refused is tried again
//! when links or addresses change, and at growing intervals.
//!
//! A route belongs to this daemon when it lies in the configured table and carries the configured protocol number. All
//! others are foreign: they are neither replaced nor removed, not even where they hold the prefix and metric of a
//! wanted route.

mod announcements;
mod batch;
mod entries;
mod failures;
mod foreign_links;
mod held_routes;
mod import_rule;
mod kernel_route;
mod links;
mod mirror;
mod netlink_socket;
mod notice;
mod object_ledger;
mod object_message;
mod paths;
mod plan;
mod protocol_name;
mod resolver;
mod route_request;
mod route_shapes;
mod status;
mod synchroniser;
mod tables;
#[cfg(test)]
mod tests;
mod unsettled;
mod version;
mod wire;

use std::{collections::BTreeSet, convert::Infallible, io, net::IpAddr};

use bgp_codec::Prefix;
use margay_forwarding::{ConnectedRoute, Forwarding, ForwardingChange, NextHopLoss, WayChange};
use tokio::sync::{mpsc, oneshot};

pub use announcements::KernelRouteChange;
pub use import_rule::{ImportRule, InterfacePatterns};
use synchroniser::Synchroniser;

/// Starts the thread that keeps the kernel's table, in the network namespace of the caller.
///
/// Returns once links and routes are known; the first [`KernelEvent::Routes`] follow at once.
///
/// # Errors
///
/// Whatever kept the sockets from being opened, the first dump from being read or the thread from being started.
pub async fn start(options: KernelOptions, events: mpsc::Sender<KernelEvent>) -> io::Result<KernelHandle> {
    let (request_sender, requests) = mpsc::channel(REQUEST_QUEUE);
    let (done_sender, done) = oneshot::channel();
    let (ready_sender, ready) = oneshot::channel();
    let synchroniser = Synchroniser::open(options, requests, events)?;
    std::thread::Builder::new().name("kernel".to_owned()).spawn(move || {
        synchroniser.run(ready_sender);
        drop(done_sender);
    })?;
    ready.await.map_err(|_| io::Error::other("the kernel thread ended before it was ready"))??;
    Ok(KernelHandle { requests: request_sender, done })
}

/// How many requests may wait. When the queue is full the sender waits: what the Rib wants stays in its log.
const REQUEST_QUEUE: usize = 64;

/// Where this daemon's routes are put and how they are told from others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelOptions {
    /// The routing tables that every route is put into; 254 is `main`.
    pub tables: Vec<u32>,
    /// The route protocol number that marks this daemon's routes.
    pub protocol: u8,
    /// The metric of routes that ask for no other. The kernel reads 0 as 1024 for IPv6.
    pub metric: u32,
    /// The preferred source addresses of IPv4 and IPv6 routes.
    pub sources: [Option<IpAddr>; 2],
    /// Next hops that are taken to be on a link whatever the routes say.
    pub onlink: Vec<OnlinkRule>,
    /// Which routes of others are announced.
    pub imports: Vec<ImportRule>,
    /// Whether routes share next hop objects, where the kernel has them.
    pub nexthop_objects: bool,
    /// How much the kernel may tell before it is read, in octets.
    pub multicast_buffer_octets: usize,
}

/// Next hops that are taken to be on a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnlinkRule {
    /// Where the next hops are.
    pub next_hops: Prefix,
    /// The name of the link.
    pub interface: String,
}

impl KernelOptions {
    /// Holds some 30,000 events that arrive while a dump is read. Memory is used only as far as messages wait.
    pub const MULTICAST_BUFFER_OCTETS: usize = 32 * 1024 * 1024;

    fn source(&self, version: version::Version) -> Option<IpAddr> {
        self.sources[version.index()]
    }
}

/// What the daemon asks of the kernel thread.
#[derive(Debug)]
pub enum KernelRequest {
    /// Changes of the wanted state.
    Apply(Vec<ForwardingChange>),
    /// Next hops all of whose routes are about to change, or are not any more.
    NextHops(Vec<NextHopLoss>),
    /// The restart window is over: routes of an earlier run that nobody asked for are removed, now and ever after.
    RemoveStale,
    /// Networks require a route to these prefixes, and to no others.
    Require(BTreeSet<Prefix>),
    /// Asks how far the kernel follows.
    Status(oneshot::Sender<KernelStatus>),
    /// Asks what is wanted and held at a prefix.
    Describe(Prefix, oneshot::Sender<Vec<PrefixState>>),
}

/// What the kernel thread tells the daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KernelEvent {
    /// Changes of others' routes, from none at the start.
    Routes {
        /// Where they lead.
        ways: Vec<WayChange>,
        /// Those that are to be announced, or that networks require.
        routes: Vec<KernelRouteChange>,
    },
    /// The kernel does not follow at a prefix. It is tried again without being asked; told once for each reason.
    Failed {
        /// The destination of the route.
        prefix: Prefix,
        /// The kernel's error and its explanation, or what stands in the way.
        reason: String,
    },
}

/// The way to the kernel thread.
///
/// Dropping it ends the thread after the queued requests are done. Routes stay in the kernel.
#[derive(Debug)]
pub struct KernelHandle {
    /// Requests in the order in which they are obeyed; waits while the queue is full.
    pub requests: mpsc::Sender<KernelRequest>,
    /// Never answered, but closed when the thread ends.
    done: oneshot::Receiver<Infallible>,
}

impl KernelHandle {
    /// The way to a model of the kernel's table, which closes `done` when it has done everything.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn to_model(requests: mpsc::Sender<KernelRequest>, done: oneshot::Receiver<Infallible>) -> Self {
        Self { requests, done }
    }

    /// Waits until everything queued is done and the thread has ended.
    ///
    /// Clones of `requests` must be dropped before, as they keep the thread alive.
    pub async fn finish(self) {
        drop(self.requests);
        // The closing of the channel is the answer.
        drop(self.done.await);
    }
}

/// How far the kernel follows what is wanted, at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KernelStatus {
    /// How many routes are wanted.
    pub wanted: usize,
    /// How many of them the kernel holds as wanted.
    pub installed: usize,
    /// At how many prefixes something is to be asked of the kernel.
    pub pending: usize,
    /// Some of them, sorted.
    pub pending_prefixes: Vec<Prefix>,
    /// At how many prefixes the kernel refused something, or something stands in the way.
    pub failed: usize,
    /// Some of them, sorted by prefix.
    pub failures: Vec<FailedRoute>,
    /// How many routes an earlier run left and nobody asked for so far.
    pub stale: usize,
    /// How many routes of others are in the watched tables, less those to link-local and multicast destinations.
    pub foreign: usize,
    /// How many next hop objects the kernel holds for us; `None` where routes do without.
    pub objects: Option<usize>,
    /// How often somebody else changed or removed a route or an object of ours.
    pub disturbances: u64,
    /// How often everything was read anew: once at the start, and after events of the kernel were lost.
    pub readings: u64,
    /// The attached subnets.
    pub connected: Vec<ConnectedRoute>,
}

/// A prefix at which the kernel does not hold what is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedRoute {
    /// The destination.
    pub prefix: Prefix,
    /// Why, as in [`KernelEvent::Failed`].
    pub reason: String,
}

/// One prefix in one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrefixState {
    /// The number of the table.
    pub table: u32,
    /// What the Rib wants there.
    pub wanted: Option<Forwarding>,
    /// What the kernel holds there, others' routes too.
    pub routes: Vec<DescribedRoute>,
    /// Why the kernel does not follow.
    pub failure: Option<String>,
}

/// A route of the kernel, for operators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedRoute {
    /// Whether it is this daemon's.
    pub ours: bool,
    /// The route protocol, by number and name.
    pub protocol: String,
    /// The metric.
    pub metric: u32,
    /// The next hop object that it refers to.
    pub object: Option<u32>,
    /// Where its packets go, in the words of `ip route`.
    pub targets: Vec<String>,
}
