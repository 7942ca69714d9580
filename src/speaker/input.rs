//! What session tasks tell the speaker, and how what the speaker exports gets to them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bgp_codec::{Family, Update};
use bytes::Bytes;
use margay_session::Negotiated;
use tokio::sync::{Notify, mpsc};

/// Names a configured peer for as long as the daemon runs. Numbers are not used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerKey(pub u64);

/// Counts the sessions of a peer: what a former session left in a queue is not taken for the present one's.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionEpoch(pub u64);

/// What a session task tells the speaker.
///
/// The queue is bounded: a session task that finds it full stops reading from its socket until there is room.
#[derive(Debug)]
pub enum SpeakerInput {
    /// The session is established.
    PeerUp(Box<PeerUp>),
    /// The peer sent these, in this order.
    Updates {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// What it sent: never empty.
        updates: Vec<Update>,
    },
    /// The peer asks to be told everything again (RFC 2918).
    RouteRefresh {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// What it asks for.
        family: Family,
    },
    /// The session is over.
    PeerDown {
        /// The peer.
        peer: PeerKey,
        /// The session that is over.
        epoch: SessionEpoch,
    },
}

/// A session that is established.
#[derive(Debug)]
pub struct PeerUp {
    /// The peer.
    pub peer: PeerKey,
    /// Its session.
    pub epoch: SessionEpoch,
    /// What both sides agreed on.
    pub negotiated: Negotiated,
    /// Our address on the session's connection.
    pub local_address: IpAddr,
    /// The peer's address.
    pub peer_address: IpAddr,
    /// Where what the peer is to be told goes.
    pub exports: ExportQueue,
}

/// The speaker's end of the queue to a peer's writer: bounded, and never waited for.
///
/// When it is full the speaker leaves the peer alone until the writer, having taken something out, wakes it.
#[derive(Clone, Debug)]
pub struct ExportQueue {
    queue: mpsc::Sender<Vec<Bytes>>,
    starved: Arc<AtomicBool>,
}

/// The writer's end of the queue.
#[derive(Debug)]
pub struct ExportSource {
    queue: mpsc::Receiver<Vec<Bytes>>,
    starved: Arc<AtomicBool>,
    writable: Arc<Notify>,
}

/// A queue of at most `capacity` batches. `writable` wakes the speaker.
#[must_use]
pub fn export_queue(capacity: usize, writable: Arc<Notify>) -> (ExportQueue, ExportSource) {
    let (sender, receiver) = mpsc::channel(capacity);
    let starved = Arc::new(AtomicBool::new(false));
    (
        ExportQueue { queue: sender, starved: Arc::clone(&starved) },
        ExportSource { queue: receiver, starved, writable },
    )
}

impl ExportQueue {
    /// A place in the queue. `None` when it is full, and then the speaker will be woken; or when the writer is gone.
    #[must_use]
    pub fn try_reserve(&self) -> Option<mpsc::Permit<'_, Vec<Bytes>>> {
        if let Ok(permit) = self.queue.try_reserve() {
            return Some(permit);
        }
        self.starved.store(true, Ordering::SeqCst);
        // The writer may have made room before it could see that someone waits.
        self.queue.try_reserve().ok()
    }
}

impl ExportSource {
    /// The next batch: whole messages, to be written in order. `None` when the speaker has let go of the peer.
    ///
    /// Dropping the future before it is ready loses nothing.
    pub async fn next(&mut self) -> Option<Vec<Bytes>> {
        let batch = self.queue.recv().await;
        self.wake();
        batch
    }

    /// The next batch if there is one already.
    pub fn try_next(&mut self) -> Option<Vec<Bytes>> {
        let batch = self.queue.try_recv().ok();
        self.wake();
        batch
    }

    fn wake(&self) {
        if self.starved.swap(false, Ordering::SeqCst) {
            self.writable.notify_one();
        }
    }
}
