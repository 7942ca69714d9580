//! BFD sessions of the daemon, on a thread of their own.
//!
//! The thread owns the UDP sockets and the table of sessions. It waits for packets, requests and its own deadlines, and for
//! nothing else: neither the speaker nor the kernel thread can delay a packet. Received packets are handed to the sessions
//! before any timer is looked at, so that a thread that had no processor for a while does not mistake its own absence for
//! the remote system's.

mod receiving_socket;
mod sending_socket;
mod thread;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use margay_bfd::{DownReason, SessionKey, SessionOptions, SessionStatus};
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{mpsc, oneshot, watch};

/// How many requests may wait; the sender waits when there are more.
const REQUEST_QUEUE: usize = 256;

/// What the user of a session sees of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PathState {
    /// Whether both systems hear each other.
    pub is_up: bool,
    /// How often the session went down. A user that compares it with what it saw last misses no loss, however short.
    pub losses: u64,
    /// Why it last went down.
    pub reason: Option<DownReason>,
}

/// A session to run.
#[derive(Clone, Debug)]
pub struct BfdSession {
    /// What tells it from others.
    pub key: SessionKey,
    /// The source address of its packets.
    pub local: IpAddr,
    /// Intervals and keys.
    pub options: SessionOptions,
}

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum BfdRequest {
    /// Starts a session, or gives new options to a running one. The receiver sees every change of its state.
    Start(BfdSession, oneshot::Sender<io::Result<watch::Receiver<PathState>>>),
    /// Ends a session.
    Stop(SessionKey),
    /// The status of every session, in no order.
    Statuses(oneshot::Sender<Vec<(SessionKey, SessionStatus)>>),
}

/// The way to the thread. It ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct BfdHandle {
    requests: mpsc::Sender<BfdRequest>,
    /// Dropped after `requests`, so that the thread finds the channel closed when the last one wakes it.
    bell: Bell,
}

/// Wakes the thread, by a word and by being dropped.
#[derive(Clone, Debug)]
struct Bell(Arc<OwnedFd>);

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
    let (sender, receiver) = mpsc::channel(REQUEST_QUEUE);
    let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    let thread = thread::Thread::open(receiver, Arc::clone(&bell), seed)?;
    std::thread::Builder::new().name("bfd".to_owned()).spawn(move || thread.run())?;
    Ok(BfdHandle { requests: sender, bell: Bell(bell) })
}

impl BfdHandle {
    /// Starts a session, or gives new options to a running one.
    ///
    /// # Errors
    ///
    /// Its socket cannot be opened, for instance because the local address is gone.
    pub async fn start(&self, session: BfdSession) -> io::Result<watch::Receiver<PathState>> {
        let (sender, answer) = oneshot::channel();
        self.send(BfdRequest::Start(session, sender)).await.map_err(io::Error::other)?;
        answer.await.map_err(|_| io::Error::other(ThreadEnded))?
    }

    /// Ends a session. The remote system sees it by its detection time.
    ///
    /// # Errors
    ///
    /// See [`ThreadEnded`].
    pub async fn stop(&self, key: SessionKey) -> Result<(), ThreadEnded> {
        self.send(BfdRequest::Stop(key)).await
    }

    /// The status of every session, by key.
    ///
    /// # Errors
    ///
    /// See [`ThreadEnded`].
    pub async fn statuses(&self) -> Result<Vec<(SessionKey, SessionStatus)>, ThreadEnded> {
        let (sender, answer) = oneshot::channel();
        self.send(BfdRequest::Statuses(sender)).await?;
        answer.await.map_err(|_| ThreadEnded)
    }

    async fn send(&self, request: BfdRequest) -> Result<(), ThreadEnded> {
        self.requests.send(request).await.map_err(|_| ThreadEnded)?;
        self.bell.ring();
        Ok(())
    }
}

impl Bell {
    /// Wakes the thread. A bell that cannot be rung higher has been rung already.
    fn ring(&self) {
        match rustix::io::write(&*self.0, &1_u64.to_ne_bytes()) {
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
