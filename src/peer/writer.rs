//! Messages onto one connection, by a task of its own: whoever has something to send never waits for the peer.

use std::future::pending;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use margay_session::{ConnectionEvent, ConnectionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::send_queue::SendQueue;
use super::status::MessageCounters;
use crate::speaker::ExportSource;

/// The way to a connection's writer. When it is dropped without [`close`](Self::close), the connection is cut.
#[derive(Debug)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    close: oneshot::Sender<Farewell>,
}

/// Where a writer tells the peer's task about its connection.
pub(super) type Reports = mpsc::Sender<(ConnectionId, ConnectionEvent)>;

/// The writer does not take orders: it is gone, or in the way that only a bug explains.
#[derive(Debug)]
pub(super) struct WriterGone;

#[derive(Debug)]
enum Order {
    Urgent(Bytes),
    Exports(ExportSource),
}

/// How a connection ends.
#[derive(Debug)]
struct Farewell {
    notification: Option<Bytes>,
    /// What the peer still sends is read to the end: closing a socket with unread octets resets the connection, and
    /// a reset can overtake the NOTIFICATION.
    reader: OwnedReadHalf,
}

impl Writer {
    /// Starts the writer of a connection as one of `tasks`.
    pub(super) fn spawn(
        id: ConnectionId,
        socket: OwnedWriteHalf,
        reports: Reports,
        counters: Arc<MessageCounters>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (orders, order_receiver) = mpsc::channel(ORDERS);
        let (close, close_receiver) = oneshot::channel();
        let task = WriterTask {
            id,
            socket,
            queue: SendQueue::default(),
            exports: None,
            progress: Progress::new(),
            reports,
            counters,
        };
        tasks.spawn(task.run(order_receiver, close_receiver));
        Self { orders, close }
    }

    /// Sends a message ahead of all routes that wait.
    ///
    /// # Errors
    ///
    /// The writer is gone.
    pub(super) fn send(&self, message: Bytes) -> Result<(), WriterGone> {
        self.orders.try_send(Order::Urgent(message)).map_err(|_| WriterGone)
    }

    /// Sends the routes that come out of `exports`, until it ends.
    ///
    /// # Errors
    ///
    /// The writer is gone.
    pub(super) fn send_exports(&self, exports: ExportSource) -> Result<(), WriterGone> {
        self.orders.try_send(Order::Exports(exports)).map_err(|_| WriterGone)
    }

    /// Sends a last message, if any, ahead of all routes that wait, and closes the connection. This is done in the
    /// background, and given up when the peer does not take it in time.
    pub(super) fn close(self, notification: Option<Bytes>, reader: OwnedReadHalf) {
        // A writer that is gone has closed its half already, and the other closes here.
        drop(self.close.send(Farewell { notification, reader }));
    }
}

struct WriterTask {
    id: ConnectionId,
    socket: OwnedWriteHalf,
    queue: SendQueue,
    exports: Option<ExportSource>,
    progress: Progress,
    reports: Reports,
    counters: Arc<MessageCounters>,
}

/// What a writer does next.
enum Next {
    Order(Order),
    Farewell(Farewell),
    Cut,
    Wrote(io::Result<usize>),
    Exports(Option<Vec<Bytes>>),
    Stalled,
}

impl WriterTask {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut close: oneshot::Receiver<Farewell>) {
        loop {
            match self.next(&mut orders, &mut close).await {
                Next::Order(Order::Urgent(message)) => {
                    self.progress.on_queued(self.queue.is_empty());
                    self.count(&message);
                    self.queue.push_urgent(message);
                }
                Next::Order(Order::Exports(exports)) => self.exports = Some(exports),
                Next::Farewell(farewell) => return self.end(farewell).await,
                Next::Cut => return,
                Next::Wrote(Ok(octets)) if octets > 0 => {
                    self.queue.advance(octets);
                    if self.progress.on_sent() {
                        self.report(ConnectionEvent::SendProgress).await;
                    }
                }
                // The reader finds it out too, and what the peer said last on the way.
                Next::Wrote(Ok(_) | Err(_)) => return,
                Next::Exports(Some(batch)) => self.queue_batch(batch),
                Next::Exports(None) => self.exports = None,
                Next::Stalled => self.report(ConnectionEvent::SendBlocked).await,
            }
        }
    }

    async fn next(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        close: &mut oneshot::Receiver<Farewell>,
    ) -> Next {
        let has_something = !self.queue.is_empty();
        let wants_bulk = self.queue.wants_bulk();
        tokio::select! {
            biased;
            farewell = close => farewell.map_or(Next::Cut, Next::Farewell),
            Some(order) = orders.recv() => Next::Order(order),
            result = write_some(&mut self.socket, &self.queue), if has_something => Next::Wrote(result),
            batch = next_batch(&mut self.exports), if wants_bulk => Next::Exports(batch),
            () = self.progress.stalled(), if has_something => Next::Stalled,
        }
    }

    /// Queues a batch, and more if there is and it is small: a system call costs the same for one message or many.
    fn queue_batch(&mut self, batch: Vec<Bytes>) {
        self.progress.on_queued(self.queue.is_empty());
        let mut octets = 0;
        let mut batch = Some(batch);
        while let Some(buffers) = batch {
            for buffer in buffers {
                octets += buffer.len();
                self.count(&buffer);
                self.queue.push_bulk(buffer);
            }
            batch = match &mut self.exports {
                Some(exports) if octets < ENOUGH_OCTETS => exports.try_next(),
                Some(_) | None => None,
            };
        }
    }

    fn count(&self, messages: &[u8]) {
        let (messages, updates) = count_messages(messages);
        self.counters.on_sent(messages, updates);
    }

    async fn report(&self, event: ConnectionEvent) {
        // Nobody listens when the peer's task has ended, and then the connection is closed next.
        drop(self.reports.send((self.id, event)).await);
    }

    async fn end(mut self, farewell: Farewell) {
        let Farewell { notification, mut reader } = farewell;
        let Some(notification) = notification else { return };
        self.queue.clear_bulk();
        self.count(&notification);
        self.queue.push_urgent(notification);
        let say_goodbye = async {
            while !self.queue.is_empty() {
                match write_some(&mut self.socket, &self.queue).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    octets => self.queue.advance(octets),
                }
            }
            self.socket.shutdown().await?;
            read_to_end(&mut reader).await
        };
        // It does not matter whether the peer listens: the connection ends here either way.
        drop(timeout(FAREWELL_TIME, say_goodbye).await);
    }
}

/// Whether the socket takes octets.
struct Progress {
    /// When no octets taken becomes worth telling; `None` when it was told.
    stalled_at: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self { stalled_at: Some(Instant::now() + STALL_TIME) }
    }

    fn on_queued(&mut self, was_empty: bool) {
        if was_empty {
            self.stalled_at = Some(Instant::now() + STALL_TIME);
        }
    }

    /// Returns whether the contrary had been told.
    fn on_sent(&mut self) -> bool {
        self.stalled_at.replace(Instant::now() + STALL_TIME).is_none()
    }

    /// Ready once when the socket has taken nothing for a while.
    async fn stalled(&mut self) {
        match self.stalled_at {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
        self.stalled_at = None;
    }
}

/// Dropping the future before it is ready sends nothing.
async fn write_some(socket: &mut OwnedWriteHalf, queue: &SendQueue) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = queue.fill(&mut slices);
    socket.write_vectored(&slices[..filled]).await
}

async fn next_batch(exports: &mut Option<ExportSource>) -> Option<Vec<Bytes>> {
    match exports {
        Some(exports) => exports.next().await,
        None => pending().await,
    }
}

async fn read_to_end(reader: &mut OwnedReadHalf) -> io::Result<()> {
    let mut unwanted = vec![0; 16 * 1024];
    while reader.read(&mut unwanted).await? > 0 {}
    Ok(())
}

/// How many messages, and UPDATEs among them, there are in a buffer of whole messages of our own making.
fn count_messages(mut octets: &[u8]) -> (u64, u64) {
    let (mut messages, mut updates) = (0, 0);
    while let Some(&[high, low, message_type]) = octets.get(16..19) {
        messages += 1;
        updates += u64::from(message_type == UPDATE);
        octets = octets.get(usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    (messages, updates)
}

/// How many orders may wait: more than a session gives before its writer runs.
const ORDERS: usize = 16;

/// How many buffers go into one system call.
const SLICES: usize = 64;

/// When this much is queued, no more is taken from the exports.
const ENOUGH_OCTETS: usize = 64 * 1024;

/// How long a socket may take nothing before the session is told. Its send hold timer runs for minutes.
const STALL_TIME: Duration = Duration::from_secs(1);

/// How long the peer may take to read a last message.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// RFC 4271 §4.1.
const UPDATE: u8 = 2;

#[cfg(test)]
mod tests {
    use bgp_codec::encode_keepalive;
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn counts_messages_in_a_buffer() {
        let mut octets = BytesMut::new();
        encode_keepalive(&mut octets);
        octets.extend_from_slice(&[0xff; 16]);
        octets.extend_from_slice(&[0, 23, UPDATE, 0, 0, 0, 0]);
        encode_keepalive(&mut octets);
        assert_eq!(count_messages(&octets), (3, 1));
        assert_eq!(count_messages(&[]), (0, 0));
    }
}
