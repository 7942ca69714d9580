//! The queue of one connection: filled by the peer's task and the speaker, emptied by its writer.
//!
//! The speaker itself writes a few UPDATEs for an empty queue: a change that is advertised to a thousand
//! peers then wakes none of their writers. Everything else is left to the writer, so that large transfers use
//! all processors and the speaker never waits for a peer.

mod burst;
mod send_queue;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use margay_rib::EncodedUpdates;
use tokio::sync::Notify;

pub(crate) use self::burst::Burst;
use self::send_queue::SendQueue;
use crate::machine::WriteHalf;
use crate::message_counters::MessageCounters;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbound {
    socket: WriteHalf,
    /// Limit of waiting routes, which one batch may exceed. When it is reached, the speaker skips the peer
    /// until half of them are sent.
    room_octets: usize,
    /// Whether there may be no room; set and cleared under the lock. Almost always there is room, which is
    /// then visible without the lock.
    may_be_full: AtomicBool,
    state: Mutex<State>,
    /// Wakes the writer when there is something to send.
    queued: Notify,
    /// Wakes the speaker when there is room again, after it found none.
    writable: Arc<Notify>,
    counters: Arc<MessageCounters>,
}

#[derive(Debug, Default)]
struct State {
    queue: SendQueue,
    /// Whether the speaker found no room.
    is_starved: bool,
    /// Whether nothing is accepted any more.
    is_closed: bool,
}

/// The connection accepts no messages any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// Upper bound of what the speaker writes itself.
const DIRECT_OCTETS: usize = 8 * 1024;

/// Buffers in one system call.
const SLICES: usize = 64;

impl Outbound {
    /// The queue of a new connection. It holds about `room_octets`; `writable` wakes the speaker.
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

    /// The speaker's access to the queue.
    pub(crate) fn export_queue(self: &Arc<Self>) -> ExportQueue {
        ExportQueue { outbound: Arc::downgrade(self) }
    }

    /// Sends a message other than an UPDATE, ahead of all waiting routes.
    ///
    /// # Errors
    ///
    /// The connection accepts none any more.
    pub(crate) fn send_urgent(&self, message: Bytes) -> Result<(), Closed> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Closed);
        }
        self.counters.on_message_sent(message.len());
        state.queue.push_urgent(message);
        drop(state);
        self.queued.notify_one();
        Ok(())
    }

    /// Whether the writer has anything to send.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.state().queue.is_empty()
    }

    /// Ready when the writer may have something to send.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Sends some of the waiting messages when the socket accepts them, and returns the number of octets.
    /// Dropping the future before it is ready sends nothing. To be called by the writer only.
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

    /// Whether the socket would accept octets now, whatever the writer found last.
    pub(crate) fn is_writable(&self) -> bool {
        self.socket.is_writable()
    }

    /// Accepts nothing any more, and drops routes of which no octet has been sent. A last message precedes
    /// the rest.
    pub(crate) fn close(&self, last: Option<Bytes>) {
        let mut state = self.state();
        state.is_closed = true;
        self.may_be_full.store(true, Ordering::Relaxed);
        state.queue.clear_bulk();
        if let Some(last) = last {
            self.counters.on_message_sent(last.len());
            state.queue.push_urgent(last);
        }
    }

    /// Sends the end of the stream.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.socket.shutdown()
    }

    /// Accepts UPDATEs from the speaker: writes them if they are few and nothing waits before them, and
    /// leaves to the writer what the socket does not accept. Those for a closing connection are dropped.
    fn take_routes(&self, updates: &[EncodedUpdates]) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        debug_assert!(
            state.queue.bulk_octets() < self.room_octets,
            "what is sent is there because there was room"
        );
        for updates in updates {
            self.counters.on_updates_sent(updates);
        }
        // The writer detects and reports an error.
        let result = match updates {
            _ if !state.queue.is_empty() || octets_of(updates) > DIRECT_OCTETS => Ok(0),
            [only] => self.socket.write_directly(&only.octets),
            several => {
                let buffers: Vec<Bytes> = several.iter().map(|updates| updates.octets.clone()).collect();
                self.try_write(&buffers)
            }
        };
        let mut written = result.unwrap_or(0);
        for EncodedUpdates { octets, .. } in updates {
            let sent = written.min(octets.len());
            written -= sent;
            if sent < octets.len() {
                state.queue.push_rest(octets.clone(), sent);
            }
        }
        self.note_queued(state);
    }

    /// Wakes the writer if something is left to send, or the speaker if it waited for room.
    fn note_queued(&self, mut state: MutexGuard<'_, State>) {
        let is_waiting = !state.queue.is_empty();
        if state.queue.octets() >= self.room_octets {
            self.may_be_full.store(true, Ordering::Relaxed);
        }
        // There may have been no room for more than what is written now.
        let wakes = !is_waiting && std::mem::take(&mut state.is_starved);
        drop(state);
        if is_waiting {
            self.queued.notify_one();
        }
        if wakes {
            self.writable.notify_one();
        }
    }

    /// Sends some of these, at most [`SLICES`].
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

    /// Whether there is room for a batch in addition to what the speaker holds. If not, the speaker is woken
    /// once there is.
    fn has_room(&self, held_octets: usize) -> bool {
        if held_octets == 0 && !self.may_be_full.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.state();
        let has_room = state.queue.octets() + held_octets < self.room_octets;
        state.is_starved |= !has_room;
        has_room && !state.is_closed
    }

    /// The lock is held briefly only: nothing is written meanwhile except by the speaker, and no task is
    /// woken that might run next and need the state. Each change is atomic, so the state is valid after a
    /// panic as well.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The speaker's access to a peer's queue. It does not keep the connection alive.
#[derive(Clone, Debug)]
pub struct ExportQueue {
    outbound: Weak<Outbound>,
}

/// The access while the connection is open.
#[derive(Debug)]
pub struct OpenExportQueue {
    outbound: Arc<Outbound>,
}

impl ExportQueue {
    /// The access, if the connection still exists.
    #[must_use]
    pub fn open(&self) -> Option<OpenExportQueue> {
        Some(OpenExportQueue { outbound: self.outbound.upgrade()? })
    }

    /// The access to a connection that no longer exists.
    #[cfg(test)]
    pub(crate) fn closed() -> Self {
        Self { outbound: Weak::new() }
    }
}

impl OpenExportQueue {
    /// Whether there is room for more UPDATEs in addition to this many octets that the speaker holds for the
    /// peer. If not, the speaker is woken once there is, unless the connection is closing.
    #[must_use]
    pub fn has_room(&self, held_octets: usize) -> bool {
        self.outbound.has_room(held_octets)
    }

    /// Sends whole messages, in order. There must have been room, and none may be held for the peer in a
    /// burst.
    pub fn send(&self, updates: &[EncodedUpdates]) {
        self.outbound.take_routes(updates);
    }
}

/// Total length of these.
fn octets_of(updates: &[EncodedUpdates]) -> usize {
    updates.iter().map(|updates| updates.octets.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::machine::Stream;

    async fn connection() -> (Arc<Outbound>, TcpStream) {
        connection_with_room(1 << 20).await
    }

    async fn connection_with_room(room_octets: usize) -> (Arc<Outbound>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, writer) = Stream::Tcp(dialed).into_split();
        writer.writable().await.unwrap();
        let outbound = Outbound::new(writer, room_octets, Arc::default(), Arc::default());
        (outbound, listener.accept().await.unwrap().0)
    }

    fn updates(octets: &'static [u8]) -> EncodedUpdates {
        EncodedUpdates { octets: Bytes::from_static(octets), messages: 1, updates: 1 }
    }

    #[tokio::test]
    async fn a_few_updates_are_written_by_the_speaker() {
        let (outbound, mut peer) = connection().await;
        let queue = outbound.export_queue().open().unwrap();
        queue.send(&[updates(b"a "), updates(b"little")]);
        assert!(!outbound.is_waiting(), "the writer would overtake it, or find nothing to write");
        let mut received = [0; 8];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"a little");
    }

    #[tokio::test]
    async fn updates_behind_an_urgent_message_wait_for_the_writer() {
        let (outbound, mut peer) = connection().await;
        outbound.send_urgent(Bytes::from_static(b"KEEPALIVE")).unwrap();
        outbound.export_queue().open().unwrap().send(&[updates(b"little")]);
        assert!(outbound.is_waiting());
        outbound.write_some().await.unwrap();
        let mut received = [0; 15];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"KEEPALIVElittle");
        assert!(!outbound.is_waiting());
    }

    #[tokio::test]
    async fn many_updates_wait_for_the_writer() {
        let (outbound, _peer) = connection().await;
        let queue = outbound.export_queue().open().unwrap();
        queue.send(&[updates(b"little"), updates(&[0; DIRECT_OCTETS])]);
        assert!(outbound.is_waiting());
    }

    #[tokio::test]
    async fn a_burst_holds_a_few_updates_for_each_peer_until_it_is_written() {
        let (one, mut one_end) = connection().await;
        let (other, mut other_end) = connection().await;
        let (many, _many_end) = connection().await;
        let mut burst = Burst::default();
        burst.updates().push(updates(b"one "));
        burst.updates().push(updates(b"and more"));
        burst.send(one.export_queue().open().unwrap());
        burst.send(many.export_queue().open().unwrap());
        assert_eq!(burst.peers(), 1, "nothing was there for the second");
        burst.updates().push(updates(b"other"));
        assert_eq!(burst.octets(), 5);
        burst.send(other.export_queue().open().unwrap());
        burst.updates().push(updates(&[0; DIRECT_OCTETS + 1]));
        burst.send(many.export_queue().open().unwrap());
        assert!(many.is_waiting(), "it goes ahead");
        let counts = || [&one, &other, &many].map(|outbound| outbound.counters.counts().sent);
        let octets = || [&one, &other, &many].map(|outbound| outbound.counters.counts().octets_sent);
        assert_eq!(counts(), [0, 0, 1]);
        burst.write();
        assert_eq!((counts(), burst.peers()), ([2, 1, 1], 0));
        assert_eq!(octets(), [12, 5, DIRECT_OCTETS as u64 + 1]);
        for (end, expected) in [(&mut one_end, "one and more"), (&mut other_end, "other")] {
            let mut received = vec![0; expected.len()];
            end.read_exact(&mut received).await.unwrap();
            assert_eq!(received, expected.as_bytes());
        }
    }

    /// The peer reads nothing until its window and the socket's buffer are full.
    #[tokio::test]
    async fn what_the_socket_does_not_take_of_a_little_waits_for_the_writer_in_order() {
        let (outbound, mut peer) = connection().await;
        let mut sent: Vec<u8> = Vec::new();
        for number in (0..=u8::MAX).cycle() {
            let octets = vec![number; DIRECT_OCTETS];
            sent.extend_from_slice(&octets);
            let batch = EncodedUpdates { octets: octets.into(), messages: 1, updates: 1 };
            outbound.export_queue().open().unwrap().send(&[batch]);
            if outbound.is_waiting() {
                break;
            }
        }
        let mut received = vec![0; sent.len()];
        let write_all = async {
            while outbound.is_waiting() {
                outbound.write_some().await.unwrap();
            }
        };
        let (read, ()) = tokio::join!(peer.read_exact(&mut received), write_all);
        assert_eq!(read.unwrap(), sent.len());
        assert!(received == sent);
    }

    #[tokio::test]
    async fn there_is_room_for_no_more_than_is_queued_and_held() {
        let (outbound, _peer) = connection_with_room(10).await;
        let queue = outbound.export_queue().open().unwrap();
        assert!(queue.has_room(5));
        assert!(!queue.has_room(10));
        queue.send(&[updates(b"1234567890")]);
        speaker_is_woken(&outbound).await;
        assert!(queue.has_room(0));
    }

    #[tokio::test]
    async fn a_speaker_that_found_no_room_is_woken_when_the_writer_has_made_some() {
        let (outbound, _peer) = connection_with_room(DIRECT_OCTETS).await;
        let queue = outbound.export_queue().open().unwrap();
        queue.send(&[updates(&[0; DIRECT_OCTETS + 1])]);
        assert!(!queue.has_room(0));
        outbound.write_some().await.unwrap();
        speaker_is_woken(&outbound).await;
        assert!(queue.has_room(0));
    }

    async fn speaker_is_woken(outbound: &Outbound) {
        let woken = timeout(Duration::from_secs(10), outbound.writable.notified()).await;
        woken.expect("the speaker found no room, and there is some");
    }
}
