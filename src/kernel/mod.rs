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

mod exchange;
mod netlink_socket;
mod synchroniser;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, io};

use tokio::sync::{mpsc, oneshot};

pub use exchange::{KernelEvent, KernelOptions, KernelRequest};
pub use margay_fib::{
    DescribedRoute, FailedRoute, FibOptions, FibStatus as KernelStatus, ImportRule, InterfacePatterns,
    KernelRouteChange, OnlinkRule, PrefixState,
};
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
