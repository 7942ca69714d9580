//! BFD sessions of the daemon, on a thread of their own.
//!
//! The thread owns the UDP sockets and the table of sessions. It waits for packets, requests and its own
//! deadlines, and for nothing else: neither the speaker nor the kernel thread can delay a packet. Received
//! packets are handled before timers, so that a thread that had no processor for a while does not mistake its
//! own delay for a failure of the remote system.

mod path_monitor;
mod path_watch;
mod receiving_socket;
mod request;
mod sending_socket;
mod session;
mod thread;
mod watched_sessions;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use path_monitor::interface_of;
pub use path_monitor::{PathMonitor, PathOptions};
pub use path_watch::PathWatch;
pub use request::{BfdRequest, WatchNumber};
pub use session::{BfdSession, BfdStatus, PathState};
pub use watched_sessions::WatchedSessions;

/// The way to the thread. It ends when the last handle and the last [`PathWatch`] are dropped.
#[derive(Clone, Debug)]
pub struct BfdHandle {
    /// Unbounded, and yet few: each watch asks for its start and its end, and for new options when an operator changes
    /// them. The thread takes all of them before it waits.
    requests: mpsc::UnboundedSender<BfdRequest>,
    /// The number of the next watch.
    next: Arc<AtomicU64>,
    /// Dropped after `requests`, so that the thread finds the channel closed when the last one wakes it.
    bell: Bell,
}

/// Wakes the thread, when rung and when dropped.
#[derive(Clone, Debug)]
struct Bell(Option<Arc<OwnedFd>>);

/// The thread has ended: a bug, which its panic message explains.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the BFD thread has ended")]
pub struct ThreadEnded;

/// Starts the thread, in the network namespace of the caller. `seed` is random.
///
/// # Errors
///
/// A UDP port is in use, or the thread cannot be started.
pub fn start(seed: u64) -> io::Result<BfdHandle> {
    let (requests, receiver) = mpsc::unbounded_channel();
    let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    let thread = thread::Thread::open(receiver, Arc::clone(&bell), seed)?;
    std::thread::Builder::new().name("bfd".to_owned()).spawn(move || thread.run())?;
    Ok(BfdHandle { requests, next: Arc::default(), bell: Bell(Some(bell)) })
}

impl BfdHandle {
    /// A handle without a thread, and the end where requests arrive.
    #[cfg(any(test, feature = "simulation"))]
    #[must_use]
    pub fn simulated() -> (Self, mpsc::UnboundedReceiver<BfdRequest>) {
        let (requests, receiver) = mpsc::unbounded_channel();
        (Self { requests, next: Arc::default(), bell: Bell(None) }, receiver)
    }

    /// Runs a session until the watch is dropped. Of two watches of the same session, the later one counts.
    #[must_use]
    pub fn watch(&self, session: BfdSession) -> PathWatch {
        let number = WatchNumber(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, states) = watch::channel(PathState::default());
        let key = session.key;
        self.send(BfdRequest::Start { number, session, states: sender });
        PathWatch::new(self.clone(), number, key, states)
    }

    /// The status of every session, in no order.
    ///
    /// # Errors
    ///
    /// See [`ThreadEnded`].
    pub async fn statuses(&self) -> Result<Vec<BfdStatus>, ThreadEnded> {
        let (answer, answered) = oneshot::channel();
        self.send(BfdRequest::Statuses(answer));
        answered.await.map_err(|_| ThreadEnded)
    }

    /// Waits until the remote systems of all sessions that are not watched any more are informed.
    ///
    /// # Errors
    ///
    /// See [`ThreadEnded`].
    pub async fn settle(&self) -> Result<(), ThreadEnded> {
        let (answer, answered) = oneshot::channel();
        self.send(BfdRequest::Settle(answer));
        answered.await.map_err(|_| ThreadEnded)
    }

    /// A request to a thread that has ended is lost, and the receiver of its answer finds that out.
    fn send(&self, request: BfdRequest) {
        if self.requests.send(request).is_ok() {
            self.bell.ring();
        }
    }
}

impl Bell {
    /// Wakes the thread. A bell that cannot be rung again has been rung already.
    fn ring(&self) {
        let Some(bell) = &self.0 else { return };
        match rustix::io::write(&**bell, &1_u64.to_ne_bytes()) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => tracing::error!(%error, "bug: the BFD thread cannot be woken"),
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}
