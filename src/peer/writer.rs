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

/// Handle of a connection's writer. Dropping it without [`close`](Self::close) cuts the connection.
#[derive(Debug)]
pub(super) struct Writer {
    outbound: Arc<Outbound>,
    close: oneshot::Sender<Closing>,
}

/// Channel of a writer's reports to the peer's task.
pub(super) type Reports = mpsc::Sender<(ConnectionId, ConnectionEvent)>;

/// The end of a connection.
#[derive(Debug)]
struct Closing {
    notification: Option<Bytes>,
    /// Octets of the peer are read to the end: closing a socket with unread octets resets the connection, and
    /// a reset can overtake the NOTIFICATION.
    reader: ReadHalf,
    /// Counts the NOTIFICATION while it is being sent, if it is to be counted.
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

    /// Sends a message ahead of all waiting routes.
    ///
    /// # Errors
    ///
    /// The connection accepts none any more.
    pub(super) fn send(&self, message: Bytes) -> Result<(), Closed> {
        self.outbound.send_urgent(message)
    }

    /// Whether the socket would accept octets now.
    pub(super) fn is_writable(&self) -> bool {
        self.outbound.is_writable()
    }

    /// The speaker's access to the queue.
    pub(super) fn export_queue(&self) -> ExportQueue {
        self.outbound.export_queue()
    }

    /// Sends a last message, if any, ahead of all waiting routes, and closes the connection. This happens in
    /// the background, with a time limit. The permit is kept until then.
    pub(super) fn close(
        self,
        notification: Option<Bytes>,
        reader: ReadHalf,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        // A writer that has ended has closed its half already, and the other is closed here.
        drop(self.close.send(Closing { notification, reader, _permit: permit }));
    }
}

struct WriterTask {
    id: ConnectionId,
    outbound: Arc<Outbound>,
    progress: Progress,
    reports: Reports,
}

/// The next action of a writer.
enum Next {
    Queued,
    Closing(Closing),
    Cut,
    Wrote(io::Result<usize>),
    Stalled,
}

impl WriterTask {
    async fn run(mut self, mut close: oneshot::Receiver<Closing>) {
        loop {
            match self.next(&mut close).await {
                Next::Queued => self.progress.on_queued(),
                Next::Closing(closing) => return self.end(closing).await,
                Next::Wrote(Ok(octets)) if octets > 0 => {
                    if self.progress.on_sent() {
                        self.report(ConnectionEvent::SendProgress).await;
                    }
                }
                // The reader detects it, too, after reading the peer's last messages.
                Next::Cut | Next::Wrote(Ok(_) | Err(_)) => return self.outbound.close(None),
                Next::Stalled => self.report(ConnectionEvent::SendBlocked).await,
            }
        }
    }

    async fn next(&mut self, close: &mut oneshot::Receiver<Closing>) -> Next {
        let is_waiting = self.outbound.is_waiting();
        tokio::select! {
            biased;
            closing = close => closing.map_or(Next::Cut, Next::Closing),
            () = self.outbound.queued(), if !is_waiting => Next::Queued,
            result = self.outbound.write_some(), if is_waiting => Next::Wrote(result),
            () = self.progress.stalled(), if is_waiting => Next::Stalled,
        }
    }

    async fn report(&self, event: ConnectionEvent) {
        // The receiver is gone when the peer's task has ended; the connection is closed next.
        drop(self.reports.send((self.id, event)).await);
    }

    async fn end(self, closing: Closing) {
        let Closing { notification, mut reader, _permit } = closing;
        let has_notification = notification.is_some();
        self.outbound.close(notification);
        if !has_notification {
            return;
        }
        let send_and_close = async {
            while self.outbound.is_waiting() {
                if self.outbound.write_some().await? == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
            }
            self.outbound.shutdown()?;
            reader.read_to_end().await
        };
        // The connection ends here in any case.
        drop(timeout(CLOSE_TIME, send_and_close).await);
    }
}

/// Whether the socket accepts octets.
struct Progress {
    /// When a stall is to be reported; `None` if it has been.
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

    /// Completes once when the socket has accepted nothing for a while.
    async fn stalled(&mut self) {
        match self.stalled_at {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
        self.stalled_at = None;
    }
}

/// Time without progress after which the session is notified. Its send hold timer runs for minutes.
const STALL_TIME: Duration = Duration::from_secs(1);

/// Time limit for the peer to read a last message.
const CLOSE_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, Write as _};
    use std::pin::pin;
    use std::task::{Context, Waker};

    use bgp_codec::{Asn, BgpIdentifier, Capabilities};
    use margay_rib::EncodedUpdates;
    use margay_session::{ExpectedAsn, Session, SessionOptions};
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::machine::{Stream, WriteHalf};

    /// Nothing here takes this long unless it is broken.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// The writer must not find something to send and then nothing to write, which looks like a broken
    /// connection.
    #[tokio::test]
    async fn octets_written_by_the_speaker_do_not_concern_the_writer() {
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
    async fn a_stall_and_its_end_are_reported() {
        let (dialed, mut peer) = connection().await;
        let (_reader, socket) = Stream::Tcp(dialed).into_split();
        let filled = fill(&socket).await;
        let outbound = Outbound::new(socket, 1 << 20, Arc::default(), Arc::default());
        outbound.send_urgent(Bytes::from_static(b"KEEPALIVE")).unwrap();
        let (reports, mut reported) = mpsc::channel(1);
        let (_close, closed) = oneshot::channel();
        // Nothing has been accepted for long enough.
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

    /// One end of a fresh connection, and the other.
    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (dialed, listener.accept().await.unwrap().0)
    }

    fn connection_id() -> ConnectionId {
        let identifier = BgpIdentifier::new(1).expect("not zero");
        let options = SessionOptions::new(Asn(65_001), identifier, ExpectedAsn::Any, Capabilities::default());
        Session::new(options).new_connection_id()
    }

    /// Fills the socket; returns the number of octets.
    async fn fill(socket: &WriteHalf) -> usize {
        socket.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(octets) = socket.try_write(&[IoSlice::new(&[0; 1 << 16])]) {
            filled += octets;
        }
        filled
    }
}
