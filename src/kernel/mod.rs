//! Programs the kernel's forwarding table through netlink.
//!
//! One thread owns the netlink sockets and a mirror of the relevant routes. Only the kernel writes the
//! mirror: by a dump at the start, by multicast messages about changes that others make, and by its answers
//! to requests; where the mirror differs from what is wanted, a batch of route messages is sent. Echoes of
//! own requests are not received ([why](../../docs/decisions/0004-kernel-mirror.md)). Nothing is polled;
//! refused requests are retried when links or addresses change, and at growing intervals.
//!
//! A route belongs to this daemon if it is in a configured table and has the configured protocol number. All
//! others are foreign: they are neither replaced nor removed, even if they hold the prefix and metric of a
//! wanted route.

mod exchange;
mod netlink_socket;
mod synchroniser;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, io};

use tokio::sync::{mpsc, oneshot};

pub use exchange::{KernelEvent, KernelOptions, KernelRequest, PageKnowledge, PageQuestion, PrefixKnowledge};
pub use margay_fib::{
    DescribedRoute, FailedRoute, FibOptions, FibStatus as KernelStatus, ForeignRoute, ImportRule,
    InterfacePatterns, KernelRouteChange, NamedHop, OnlinkRule, PrefixState, RouteKind, StaticWay,
};
use synchroniser::Synchroniser;

/// Starts the thread that programs the kernel's table, in the network namespace of the caller.
///
/// Returns once links and routes are known; the first [`KernelEvent::Routes`] follow at once.
///
/// # Errors
///
/// The sockets cannot be opened, the first dump cannot be read, or the thread cannot be started.
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

/// Capacity of the request queue. The sender waits while it is full; wanted routes stay in the Rib's log.
const REQUEST_QUEUE: usize = 64;

/// The way to the kernel thread.
///
/// Dropping it ends the thread after the queued requests are done. Routes stay in the kernel.
#[derive(Debug)]
pub struct KernelHandle {
    /// Requests, carried out in order; senders wait while the queue is full.
    pub requests: mpsc::Sender<KernelRequest>,
    /// Never answered, but closed when the thread ends.
    done: oneshot::Receiver<Infallible>,
}

impl KernelHandle {
    /// Handle of a model of the kernel's table, which closes `done` when it has done everything.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn to_model(requests: mpsc::Sender<KernelRequest>, done: oneshot::Receiver<Infallible>) -> Self {
        Self { requests, done }
    }

    /// Waits until everything queued is done and the thread has ended.
    ///
    /// Clones of `requests` must be dropped before, because they keep the thread alive.
    pub async fn finish(self) {
        drop(self.requests);
        // The end of the thread closes the channel.
        drop(self.done.await);
    }
}
