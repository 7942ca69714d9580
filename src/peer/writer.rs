//! The writer of one connection: a task that sends what was not sent at once, and the last NOTIFICATION.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use margay_session::{ConnectionEvent, ConnectionId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::machine::{Machine, ReadHalf};
use crate::outbound::{Closed, ExportQueue, Outbound};

/// The way to a connection's writer. When it is dropped without [`close`](Self::close), the connection is cut.
#[derive(Debug)]
pub(super) struct Writer {
    outbound: Arc<Outbound>,
    close: oneshot::Sender<Farewell>,
}

/// How a writer reports on its connection to the peer's task.
pub(super) type Reports = mpsc::Sender<(ConnectionId, ConnectionEvent)>;

/// How a connection ends.
#[derive(Debug)]
struct Farewell {
    notification: Option<Bytes>,
    /// What the peer still sends is read to the end: closing a socket with unread octets resets the connection, and
    /// a reset can overtake the NOTIFICATION.
    reader: ReadHalf,
    /// Counts the goodbye while it lasts, where goodbyes are counted.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Writer {
    /// Starts the writer of a connection as one of `tasks`.
    pub(super) fn spawn(
        id: ConnectionId,
        outbound: Arc<Outbound>,
        reports: Reports,
        machine: &Machine,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (close, close_receiver) = oneshot::channel();
        let task = WriterTask { id, outbound: Arc::clone(&outbound), progress: Progress::new(), reports };
        tasks.spawn(machine.task(task.run(close_receiver)));
        Self { outbound, close }
    }

    /// Sends a message ahead of all routes that wait.
    ///
    /// # Errors
    ///
    /// The connection takes none any more.
    pub(super) fn send(&self, message: Bytes) -> Result<(), Closed> {
        self.outbound.send_urgent(message)
    }

    /// Whether the socket would take octets now.
    pub(super) fn is_writable(&self) -> bool {
        self.outbound.is_writable()
    }

    /// The speaker's way to the peer.
    pub(super) fn export_queue(&self) -> ExportQueue {
        self.outbound.export_queue()
    }

    /// Sends a last message, if any, ahead of all routes that wait, and closes the connection. This is done in the
    /// background, and given up when the peer does not take it in time. The permit is kept until then.
    pub(super) fn close(
        self,
        notification: Option<Bytes>,
        reader: ReadHalf,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        // A writer that is gone has closed its half already, and the other closes here.
        drop(self.close.send(Farewell { notification, reader, _permit: permit }));
    }
}

struct WriterTask {
    id: ConnectionId,
    outbound: Arc<Outbound>,
    progress: Progress,
    reports: Reports,
}

/// What a writer does next.
enum Next {
    Queued,
    Farewell(Farewell),
    Cut,
    Wrote(io::Result<usize>),
    Stalled,
}

impl WriterTask {
    async fn run(mut self, mut close: oneshot::Receiver<Farewell>) {
        loop {
            match self.next(&mut close).await {
                Next::Queued => self.progress.on_queued(),
                Next::Farewell(farewell) => return self.end(farewell).await,
                Next::Wrote(Ok(octets)) if octets > 0 => {
                    if self.progress.on_sent() {
                        self.report(ConnectionEvent::SendProgress).await;
                    }
                }
                // The reader finds it out too, and what the peer said last on the way.
                Next::Cut | Next::Wrote(Ok(_) | Err(_)) => return self.outbound.close(None),
                Next::Stalled => self.report(ConnectionEvent::SendBlocked).await,
            }
        }
    }

    async fn next(&mut self, close: &mut oneshot::Receiver<Farewell>) -> Next {
        let is_waiting = self.outbound.is_waiting();
        tokio::select! {
            biased;
            farewell = close => farewell.map_or(Next::Cut, Next::Farewell),
            () = self.outbound.queued(), if !is_waiting => Next::Queued,
            result = self.outbound.write_some(), if is_waiting => Next::Wrote(result),
            () = self.progress.stalled(), if is_waiting => Next::Stalled,
        }
    }

    async fn report(&self, event: ConnectionEvent) {
        // The receiver is gone when the peer's task has ended; the connection is closed next.
        drop(self.reports.send((self.id, event)).await);
    }

    async fn end(self, farewell: Farewell) {
        let Farewell { notification, mut reader, _permit } = farewell;
        let says_something = notification.is_some();
        self.outbound.close(notification);
        if !says_something {
            return;
        }
        let say_goodbye = async {
            while self.outbound.is_waiting() {
                if self.outbound.write_some().await? == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
            }
            self.outbound.shutdown()?;
            reader.read_to_end().await
        };
        // It does not matter whether the peer listens: the connection ends here either way.
        drop(timeout(FAREWELL_TIME, say_goodbye).await);
    }
}

/// Whether the socket takes octets.
struct Progress {
    /// When a stall is to be reported; `None` when it was reported.
    stalled_at: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self { stalled_at: Some(Instant::now() + STALL_TIME) }
    }

    fn on_queued(&mut self) {
        self.stalled_at = Some(Instant::now() + STALL_TIME);
    }

    /// Returns whether a stall had been reported.
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

/// How long a socket may take nothing before the session learns of it. Its send hold timer runs for minutes.
const STALL_TIME: Duration = Duration::from_secs(1);

/// How long the peer may take to read a last message.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, Write as _};
    use std::pin::pin;
    use std::task::{Context, Waker};

    use bgp_codec::{Asn, BgpIdentifier, Capabilities};
    use margay_rib::EncodedUpdates;
    use margay_session::{Session, SessionOptions};
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::machine::{Stream, WriteHalf};

    /// Nothing here takes this long unless it is broken.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// The writer is not to find that there is something and then nothing to write, which is what a broken connection looks
    /// like.
    #[tokio::test]
    async fn what_the_speaker_writes_is_none_of_the_writers_business() {
        let (dialed, mut peer) = connection().await;
        let dialed = dialed.into_std().unwrap();
        let duplicate = dialed.try_clone().unwrap();
        let (_reader, socket) = Stream::Tcp(TcpStream::from_std(dialed).unwrap()).into_split();
        let filled = fill(&socket).await;

        let outbound = Outbound::new(socket, 1 << 20, Arc::default(), Arc::default());
        let (reports, _task) = mpsc::channel(1);
        let (_close, closed) = oneshot::channel();
        let writer = WriterTask {
            id: connection_id(),
            outbound: Arc::clone(&outbound),
            progress: Progress::new(),
            reports,
        };
        let mut writer = pin!(writer.run(closed));
        let mut unwoken = Context::from_waker(Waker::noop());
        assert!(writer.as_mut().poll(&mut unwoken).is_pending(), "nothing is queued");

        // The peer makes room, the speaker uses it, and then only the writer learns of the room.
        peer.read_exact(&mut vec![0; filled]).await.unwrap();
        while (&duplicate).write(b"?").is_err() {
            std::thread::yield_now();
        }
        let little = EncodedUpdates { octets: Bytes::from_static(b"little"), messages: 1, updates: 1 };
        outbound.export_queue().open().unwrap().send(&[little]);
        let mut received = [0; 7];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"?little");
        assert!(writer.poll(&mut unwoken).is_pending(), "the writer takes the connection for broken");
        assert!(outbound.send_urgent(Bytes::from_static(b"KEEPALIVE")).is_ok());
    }

    /// The send hold timer runs from the one report to the other (RFC 9687).
    #[tokio::test]
    async fn that_the_peer_takes_nothing_is_reported_and_that_it_takes_octets_again() {
        let (dialed, mut peer) = connection().await;
        let (_reader, socket) = Stream::Tcp(dialed).into_split();
        let filled = fill(&socket).await;
        let outbound = Outbound::new(socket, 1 << 20, Arc::default(), Arc::default());
        outbound.send_urgent(Bytes::from_static(b"KEEPALIVE")).unwrap();
        let (reports, mut reported) = mpsc::channel(1);
        let (_close, closed) = oneshot::channel();
        // It has taken nothing for long enough.
        let progress = Progress { stalled_at: Some(Instant::now()) };
        let writer = WriterTask { id: connection_id(), outbound, progress, reports };
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run(closed));
        let mut next =
            async || timeout(PATIENCE, reported.recv()).await.expect("a report").expect("it runs").1;
        assert_eq!(next().await, ConnectionEvent::SendBlocked);
        peer.read_exact(&mut vec![0; filled + b"KEEPALIVE".len()]).await.unwrap();
        assert_eq!(next().await, ConnectionEvent::SendProgress);
    }

    /// One end of a connection, which is not used yet, and the other.
    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (dialed, listener.accept().await.unwrap().0)
    }

    fn connection_id() -> ConnectionId {
        let identifier = BgpIdentifier::new(1).expect("not zero");
        let options = SessionOptions::new(Asn(65_001), identifier, None, Capabilities::default());
        Session::new(options).new_connection_id()
    }

    /// Has the socket take all that it takes; returns how many octets that is.
    async fn fill(socket: &WriteHalf) -> usize {
        socket.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(octets) = socket.try_write(&[IoSlice::new(&[0; 1 << 16])]) {
            filled += octets;
        }
        filled
    }
}
