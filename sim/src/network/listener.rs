//! Acceptance of connections by a host.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use margay::machine::{SimulatedListener, SimulatedStream};

use super::connection::End;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    arrived: VecDeque<(Arc<End>, SocketAddr)>,
    acceptor: Option<Waker>,
}

impl Listener {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, queue: Mutex::default() }
    }

    pub(super) fn push(&self, end: Arc<End>, source: SocketAddr) {
        let mut queue = self.queue();
        queue.arrived.push_back((end, source));
        if let Some(acceptor) = queue.acceptor.take() {
            acceptor.wake();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimulatedListener for Listener {
    fn local_address(&self) -> SocketAddr {
        self.address
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<(Arc<dyn SimulatedStream>, SocketAddr)> {
        let mut queue = self.queue();
        match queue.arrived.pop_front() {
            Some((end, source)) => Poll::Ready((end, source)),
            None => {
                queue.acceptor = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
