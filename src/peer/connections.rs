//! The connections of a session, with what reads and writes them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bgp_codec::{Message, Notification};
use margay_session::{ConnectionEvent, ConnectionId};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::arrival::Arrival;
use super::encode::encode;
use super::options::PeerOptions;
use super::reader::{Decode, Reader};
use super::writer::{Reports, Writer};
use crate::machine::TcpPassword;
use crate::message_counters::MessageCounters;
use crate::outbound::Outbound;

/// A connection of the session.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    /// Whether a session was established on it.
    pub(super) is_proven: bool,
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) local_address: SocketAddr,
    pub(super) peer_address: SocketAddr,
}

/// The connections of the session, which bounds their number.
pub(super) struct Connections {
    list: Vec<Connection>,
    decode: Decode,
    report_to: Reports,
    /// Bounds last NOTIFICATIONs on connections without a session.
    closing: Arc<Semaphore>,
    /// Wakes the speaker when a queue has room again.
    writable: Arc<Notify>,
    counters: Arc<MessageCounters>,
}

impl Connections {
    /// No connections so far. The reports of writers come out of the queue.
    pub(super) fn new(
        decode: Decode,
        writable: Arc<Notify>,
        counters: Arc<MessageCounters>,
    ) -> (Self, mpsc::Receiver<(ConnectionId, ConnectionEvent)>) {
        let (report_to, reports) = mpsc::channel(REPORTS);
        let closing = Arc::new(Semaphore::new(CLOSING_CONNECTIONS));
        (Self { list: Vec::new(), decode, report_to, closing, writable, counters }, reports)
    }

    /// Adds a connection, whose writer becomes one of `writers`.
    ///
    /// # Errors
    ///
    /// The connection has failed already.
    pub(super) fn add(
        &mut self,
        id: ConnectionId,
        arrival: Arrival,
        options: &PeerOptions,
        writers: &mut JoinSet<()>,
    ) -> io::Result<()> {
        let Arrival { stream, received } = arrival;
        stream.prepare(&options.transport)?;
        let local_address = stream.local_address()?;
        let peer_address = stream.peer_address()?;
        let (reader, writer) = stream.into_split();
        let room_octets = options.machine.queue_sizes().routes_octets;
        let outbound =
            Outbound::new(writer, room_octets, Arc::clone(&self.writable), Arc::clone(&self.counters));
        let writer = Writer::spawn(id, outbound, self.report_to.clone(), &options.machine, writers);
        let reader = Reader::new(reader, received, self.decode, Arc::clone(&self.counters));
        self.list.push(Connection { id, is_proven: false, reader, writer, local_address, peer_address });
        Ok(())
    }

    pub(super) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.list.iter_mut().find(|connection| connection.id == id)
    }

    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        self.list.iter().map(|connection| connection.id).collect()
    }

    /// Uses another TCP password on all of them.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub(super) fn set_password(&self, password: &TcpPassword) -> io::Result<()> {
        let mut each = self.list.iter();
        each.try_for_each(|connection| connection.reader.set_password(connection.peer_address.ip(), password))
    }

    /// Reads from any connection with octets. Dropping the future before it is ready loses nothing.
    pub(super) async fn read_any(&mut self) -> (ConnectionId, io::Result<usize>) {
        let mut poll = |context: &mut Context<'_>| {
            for connection in &mut self.list {
                if let Poll::Ready(result) = connection.reader.poll_read(context) {
                    return Poll::Ready((connection.id, result));
                }
            }
            Poll::Pending
        };
        poll_fn(|context| poll(context)).await
    }

    /// Closes a connection with a NOTIFICATION that gives the reason. Without an established session it may
    /// not be the peer's, and there may be many: beyond a number they are closed without one.
    pub(super) fn close(&mut self, id: ConnectionId, notification: Option<Notification>) {
        let Some(index) = self.list.iter().position(|connection| connection.id == id) else { return };
        let Connection { is_proven, reader, writer, .. } = self.list.swap_remove(index);
        let permit = Arc::clone(&self.closing).try_acquire_owned().ok();
        if is_proven || permit.is_some() {
            let notification = notification.map(|it| encode(&Message::Notification(it)));
            writer.close(notification, reader.into_socket(), permit);
        }
    }
}

/// Connections without a session that may be sent a last NOTIFICATION at a time. Each occupies a descriptor
/// for two seconds.
const CLOSING_CONNECTIONS: usize = 8;

/// Capacity of the queue of writers' reports. Writers wait while it is full.
const REPORTS: usize = 16;
