//! What is to be sent on one connection: the peer's task and the speaker put it in, and its writer sees it off.
//!
//! A few UPDATEs for an empty queue are written by the speaker itself: a change that a thousand peers are told then wakes
//! none of their writers. Everything else is left to the writer, so that large transfers use all processors and nobody
//! waits for a peer.

mod send_queue;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use margay_rib::EncodedUpdates;
use tokio::sync::Notify;

use self::send_queue::SendQueue;
use crate::machine::WriteHalf;
use crate::message_counters::MessageCounters;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbound {
    socket: WriteHalf,
    /// Routes that wait take at most this, and one batch more. When they do, the speaker leaves the peer alone until half
    /// of them are sent.
    room_octets: usize,
    /// There may be no room; set and cleared under the lock. Almost always there is, and then nobody locks to see it.
    may_be_full: AtomicBool,
    state: Mutex<State>,
    /// Wakes the writer when there is something that nobody else sends.
    queued: Notify,
    /// Wakes the speaker when there is room again, after it found none.
    writable: Arc<Notify>,
    counters: Arc<MessageCounters>,
}

#[derive(Debug, Default)]
struct State {
    queue: SendQueue,
    /// All that waits is little, and the speaker is about to write it: the writer lets it lie.
    is_speakers: bool,
    /// The speaker found no room.
    is_starved: bool,
    /// Nothing is taken any more.
    is_closed: bool,
}

/// The connection takes no messages any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// What the speaker writes itself is no longer than this.
const DIRECT_OCTETS: usize = 8 * 1024;

/// How many buffers go into one system call.
const SLICES: usize = 64;

impl Outbound {
    /// The queue of a connection that is just open. It holds about `room_octets`; `writable` wakes the speaker.
    pub(crate) fn new(
        socket: WriteHalf,
        room_octets: usize,
        writable: Arc<Notify>,
        counters: Arc<MessageCounters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            socket,
            room_octets,
            may_be_full: AtomicBool::new(false),
            state: Mutex::default(),
            queued: Notify::new(),
            writable,
            counters,
        })
    }

    /// The speaker's way into the queue.
    pub(crate) fn export_queue(self: &Arc<Self>) -> ExportQueue {
        ExportQueue { outbound: Arc::downgrade(self) }
    }

    /// Sends a message that is no UPDATE, ahead of all routes that wait.
    ///
    /// # Errors
    ///
    /// The connection takes none any more.
    pub(crate) fn send_urgent(&self, message: Bytes) -> Result<(), Closed> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Closed);
        }
        self.counters.on_sent(1, 0);
        state.queue.push_urgent(message);
        state.is_speakers = false;
        drop(state);
        self.queued.notify_one();
        Ok(())
    }

    /// Whether there is anything that the writer has to send.
    pub(crate) fn is_waiting(&self) -> bool {
        let state = self.state();
        !state.queue.is_empty() && !state.is_speakers
    }

    /// Ready when there may be something that the writer has to send.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Sends some of what waits, when the socket takes it, and answers how many octets. Dropping the future before it is
    /// ready sends nothing. This is for one to do, the writer.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) async fn write_some(&self) -> io::Result<usize> {
        loop {
            self.socket.writable().await?;
            let (next, urgent) = {
                let state = self.state();
                (state.queue.next(SLICES), state.queue.urgent())
            };
            match self.try_write(&next) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
                Ok(octets) => {
                    self.on_written(self.state(), urgent, octets);
                    return Ok(octets);
                }
            }
        }
    }

    /// Takes nothing any more, and forgets the routes of which no octet is sent. A last message goes ahead of what is left.
    pub(crate) fn close(&self, last: Option<Bytes>) {
        let mut state = self.state();
        state.is_closed = true;
        state.is_speakers = false;
        self.may_be_full.store(true, Ordering::Relaxed);
        state.queue.clear_bulk();
        if let Some(last) = last {
            self.counters.on_sent(1, 0);
            state.queue.push_urgent(last);
        }
    }

    /// Tells the peer that nothing follows.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.socket.shutdown()
    }

    fn queue_routes(&self, batch: Vec<EncodedUpdates>) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        let is_alone = state.queue.is_empty() || state.is_speakers;
        debug_assert!(state.queue.bulk_octets() < self.room_octets, "a batch is sent where there is room");
        for updates in batch {
            self.counters.on_sent(updates.messages, updates.updates);
            state.queue.push_bulk(updates.octets);
        }
        if state.queue.octets() >= self.room_octets {
            self.may_be_full.store(true, Ordering::Relaxed);
        }
        state.is_speakers = is_alone && state.queue.octets() <= DIRECT_OCTETS;
        let is_writers = !state.is_speakers;
        drop(state);
        if is_writers {
            self.queued.notify_one();
        }
    }

    /// Writes what the speaker left for itself.
    fn flush(&self) {
        let mut state = self.state();
        if !std::mem::take(&mut state.is_speakers) || state.queue.is_empty() {
            return;
        }
        let urgent = state.queue.urgent();
        let written = match state.queue.only() {
            Some(buffer) => self.socket.write_directly(buffer),
            None => self.try_write(&state.queue.next(SLICES)),
        };
        // An error is the writer's to find and to tell.
        let octets = written.unwrap_or(0);
        let is_all = octets == state.queue.octets();
        self.on_written(state, urgent, octets);
        if !is_all {
            self.queued.notify_one();
        }
    }

    /// Sends some of these, no more than [`SLICES`].
    fn try_write(&self, buffers: &[Bytes]) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        for (slice, buffer) in slices.iter_mut().zip(buffers) {
            *slice = IoSlice::new(buffer);
        }
        self.socket.try_write(&slices[..buffers.len().min(SLICES)])
    }

    fn on_written(&self, mut state: MutexGuard<'_, State>, urgent: usize, octets: usize) {
        state.queue.advance(urgent, octets);
        let mut wakes = false;
        if state.queue.octets() <= self.room_octets / 2 {
            self.may_be_full.store(state.is_closed, Ordering::Relaxed);
            wakes = std::mem::take(&mut state.is_starved);
        }
        drop(state);
        if wakes {
            self.writable.notify_one();
        }
    }

    /// Whether there is room for a batch. If there is none, the speaker is woken once there is.
    fn has_room(&self) -> bool {
        if !self.may_be_full.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.state();
        let has_room = state.queue.octets() < self.room_octets;
        state.is_starved |= !has_room;
        has_room && !state.is_closed
    }

    /// To be kept for a moment only: nothing is written meanwhile but by the speaker, and nobody woken, who might have the
    /// processor next and want the state. Nobody leaves it half changed, so it is good after a panic as well.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The speaker's way to a peer. The connection does not live longer for it.
#[derive(Clone, Debug)]
pub struct ExportQueue {
    outbound: Weak<Outbound>,
}

/// The way while it is open. A few UPDATEs for an empty queue are written when this is dropped: the speaker does so for
/// many peers in a row, since who reads for all of them need then be woken but once.
#[derive(Debug)]
pub struct OpenExportQueue {
    outbound: Arc<Outbound>,
}

impl ExportQueue {
    /// The way, if the connection is still there.
    #[must_use]
    pub fn open(&self) -> Option<OpenExportQueue> {
        Some(OpenExportQueue { outbound: self.outbound.upgrade()? })
    }
}

impl OpenExportQueue {
    /// Whether there is room for a batch. If there is none, the speaker is woken once there is; not when the connection
    /// is closing.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.outbound.has_room()
    }

    /// Sends whole messages, in order, at the latest when this is dropped. Those for a connection that is closing are for
    /// nobody.
    pub fn send(&self, batch: Vec<EncodedUpdates>) {
        self.outbound.queue_routes(batch);
    }
}

impl Drop for OpenExportQueue {
    fn drop(&mut self) {
        self.outbound.flush();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::machine::Stream;

    async fn connection() -> (Arc<Outbound>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, writer) = Stream::Tcp(dialed).into_split();
        writer.writable().await.unwrap();
        let outbound = Outbound::new(writer, 1 << 20, Arc::default(), Arc::default());
        (outbound, listener.accept().await.unwrap().0)
    }

    fn updates(octets: &'static [u8]) -> Vec<EncodedUpdates> {
        vec![EncodedUpdates { octets: Bytes::from_static(octets), messages: 1, updates: 1 }]
    }

    /// A writer that took it for its own would find nothing left to write, which is what a broken connection looks like.
    #[tokio::test]
    async fn what_the_speaker_is_about_to_write_does_not_wait_for_the_writer() {
        let (outbound, mut peer) = connection().await;
        let open = outbound.export_queue().open().unwrap();
        open.send(updates(b"little"));
        assert!(!outbound.is_waiting());
        drop(open);
        assert!(!outbound.is_waiting());
        let mut received = [0; 6];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"little");
    }

    #[tokio::test]
    async fn what_comes_with_something_urgent_waits_for_the_writer() {
        let (outbound, mut peer) = connection().await;
        let open = outbound.export_queue().open().unwrap();
        open.send(updates(b"little"));
        outbound.send_urgent(Bytes::from_static(b"KEEPALIVE")).unwrap();
        drop(open);
        assert!(outbound.is_waiting());
        outbound.write_some().await.unwrap();
        let mut received = [0; 15];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"KEEPALIVElittle");
        assert!(!outbound.is_waiting());
    }

    #[tokio::test]
    async fn more_than_a_little_waits_for_the_writer() {
        let (outbound, _peer) = connection().await;
        let open = outbound.export_queue().open().unwrap();
        open.send(updates(b"little"));
        open.send(updates(&[0; DIRECT_OCTETS]));
        drop(open);
        assert!(outbound.is_waiting());
    }
}
