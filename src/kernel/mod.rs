//! The kernel's forwarding table, held to what the Rib wants through netlink.
//!
//! One thread owns the netlink sockets and a mirror of the routes that concern this daemon. Only the kernel's own
//! messages (a dump at the start, multicast afterwards) write the mirror; wherever it differs from what is wanted, a
//! batch of route messages is sent. The daemon's own echoes therefore need no special case: they make mirror and wish
//! equal. Nothing is polled; what the kernel refused is tried again when links or addresses change, and at growing
//! intervals.
//!
//! A route belongs to this daemon when it lies in the configured table and carries the configured protocol number. All
//! others are foreign: they are neither replaced nor removed, not even where they hold the prefix and metric of a
//! wanted route.

mod attached;
mod batch;
mod forwarding_table;
mod held_routes;
mod kernel_route;
mod mirror;
mod netlink_socket;
mod notice;
mod path;
mod route_request;
mod synchroniser;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, io};

use bgp_codec::Prefix;
use margay_rib::{ConnectedRoute, Forwarding, ForwardingChange};
use tokio::sync::{mpsc, oneshot};

use synchroniser::Synchroniser;

/// Starts the thread that keeps the kernel's table, in the network namespace of the caller.
///
/// Returns once links and routes are known; the first [`KernelEvent::Connected`] follows at once.
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KernelOptions {
    /// The routing table; 254 is `main`.
    pub table: u32,
    /// The route protocol number that marks this daemon's routes.
    pub protocol: u8,
    /// The metric of each route. The kernel reads 0 as 1024 for IPv6.
    pub metric: u32,
}

/// What the daemon asks of the kernel thread.
#[derive(Debug)]
pub enum KernelRequest {
    /// Changes of the wanted state.
    Apply(Vec<ForwardingChange>),
    /// The restart window is over: routes of an earlier run that nobody asked for are removed, now and ever after.
    RemoveStale,
    /// Asks what is installed, what is under way and what was refused.
    Snapshot(oneshot::Sender<KernelSnapshot>),
}

/// What the kernel thread tells the daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KernelEvent {
    /// All subnets attached to interfaces that are up, sorted. Sent at the start and after changes.
    Connected(Vec<ConnectedRoute>),
    /// The kernel does not follow at a prefix. It is tried again without being asked; told once for each reason.
    Failed {
        /// The destination of the route.
        prefix: Prefix,
        /// The kernel's error and its explanation, or what stands in the way.
        reason: String,
    },
    /// The sockets are unusable and the thread has ended. Routes stay in the kernel.
    Fatal(String),
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
    /// Waits until everything queued is done and the thread has ended.
    ///
    /// Clones of `requests` must be dropped before, as they keep the thread alive.
    pub async fn finish(self) {
        drop(self.requests);
        // The closing of the channel is the answer.
        drop(self.done.await);
    }
}

/// How far the kernel follows what is wanted, at one moment. Each list is sorted by prefix.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KernelSnapshot {
    /// Wanted, and in the kernel as wanted.
    pub installed: Vec<InstalledRoute>,
    /// To be installed, replaced or removed, and not yet asked of the kernel.
    pub pending: Vec<Prefix>,
    /// Not as wanted, since the kernel refused or something stands in the way.
    pub failed: Vec<FailedRoute>,
    /// Left by an earlier run and not asked for so far.
    pub stale: Vec<Prefix>,
}

/// A route that the kernel holds as wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InstalledRoute {
    /// The destination.
    pub prefix: Prefix,
    /// Where its packets go.
    pub forwarding: Forwarding,
}

/// A prefix at which the kernel does not hold what is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedRoute {
    /// The destination.
    pub prefix: Prefix,
    /// Why, as in [`KernelEvent::Failed`].
    pub reason: String,
}
