//! Splits the octets of one connection into messages.

use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bgp_codec::{AsWidth, DecodeContext, DecodeError, Message, Notification, PeerKind, frame_length};
use bytes::{Bytes, BytesMut};
use tracing::{error, warn};

use crate::machine::{ReadHalf, TcpPassword};
use crate::message_counters::MessageCounters;
use crate::mrt_files::SessionLog;

/// Decoder of a whole message: [`bgp_codec::decode_message`], except in tests of a decoder that panics.
pub(super) type Decode = fn(Bytes, &DecodeContext) -> Result<Message, DecodeError>;

/// The reading half of a connection, with octets that are not decoded yet.
///
/// The size of reads grows while the peer sends much, and shrinks again: a thousand idle peers do not occupy
/// a thousand large buffers.
#[derive(Debug)]
pub(super) struct Reader {
    socket: ReadHalf,
    buffer: BytesMut,
    read_octets: usize,
    decoded_octets: usize,
    context: DecodeContext,
    decode: Decode,
    /// Where the messages of an established session are kept.
    log: Option<SessionLog>,
    counters: Arc<MessageCounters>,
}

impl Reader {
    /// The reader of a connection from which `received` was read already.
    pub(super) fn new(
        socket: ReadHalf,
        received: BytesMut,
        decode: Decode,
        counters: Arc<MessageCounters>,
    ) -> Self {
        Self {
            socket,
            buffer: received,
            read_octets: SMALLEST_READ,
            decoded_octets: 0,
            context: DecodeContext::new(PeerKind::Ebgp, AsWidth::Two),
            decode,
            log: None,
            counters,
        }
    }

    /// Sets the negotiated terms for the following messages, and where they are kept.
    pub(super) fn on_negotiated(&mut self, context: DecodeContext, log: Option<SessionLog>) {
        self.context = context;
        self.log = log;
    }

    /// Reads available octets; ready with 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let read = self.socket.poll_read(context, &mut self.buffer);
        if let Poll::Ready(Ok(octets)) = read {
            self.on_read(octets);
        }
        read
    }

    /// Reads available octets without waiting; [`io::ErrorKind::WouldBlock`] if there are none.
    pub(super) fn try_read(&mut self) -> io::Result<usize> {
        let octets = self.socket.try_read(&mut self.buffer, self.read_octets)?;
        self.on_read(octets);
        Ok(octets)
    }

    /// Whether [`next_message`](Self::next_message) returns something, possibly an error.
    pub(super) fn has_message(&self) -> bool {
        match frame_length(&self.buffer, self.context.max_message_octets) {
            Ok(Some(octets)) => octets <= self.buffer.len(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// The next whole message; `None` if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be decoded; the error is the NOTIFICATION for the peer. No message follows it.
    pub(super) fn next_message(&mut self, peer: &str) -> Option<Result<Message, Notification>> {
        let octets = match frame_length(&self.buffer, self.context.max_message_octets) {
            Ok(Some(octets)) if octets <= self.buffer.len() => octets,
            Ok(_) => return None,
            Err(error) => return Some(Err(refuse(peer, error))),
        };
        let message = self.buffer.split_to(octets).freeze();
        self.decoded_octets += octets;
        self.counters.on_octets_received(octets);
        if let Some(log) = &self.log {
            log.message(&message);
        }
        Some(self.decode_supervised(message, peer))
    }

    /// Octets of the messages returned since the last [`take_decoded_octets`](Self::take_decoded_octets).
    pub(super) fn decoded_octets(&self) -> usize {
        self.decoded_octets
    }

    /// The same, and resets the count.
    pub(super) fn take_decoded_octets(&mut self) -> usize {
        std::mem::take(&mut self.decoded_octets)
    }

    /// Uses another TCP password from now on.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(super) fn set_password(&self, peer: IpAddr, password: &TcpPassword) -> io::Result<()> {
        self.socket.set_password(peer, password)
    }

    /// The socket, once nothing more is to be decoded.
    pub(super) fn into_socket(self) -> ReadHalf {
        self.socket
    }

    /// A bug in the decoder must end this session only, with a NOTIFICATION like any other failure.
    fn decode_supervised(&self, message: Bytes, peer: &str) -> Result<Message, Notification> {
        let start = message.slice(..message.len().min(LOGGED_OCTETS));
        match catch_unwind(AssertUnwindSafe(|| (self.decode)(message, &self.context))) {
            Ok(decoded) => decoded.map_err(|error| refuse(peer, error)),
            Err(_) => {
                error!(peer, message = ?start, "bug: decoding a message panicked; the session is closed");
                Err(Notification::out_of_resources())
            }
        }
    }

    fn make_room(&mut self) {
        self.buffer.reserve(self.read_octets);
    }

    fn on_read(&mut self, octets: usize) {
        debug_assert!(self.buffer.len() <= LONGEST_BUFFER, "{} octets", self.buffer.len());
        self.read_octets = if octets >= self.read_octets {
            (self.read_octets * 2).min(LARGEST_READ)
        } else if octets * 4 < self.read_octets {
            (self.read_octets / 2).max(SMALLEST_READ)
        } else {
            self.read_octets
        };
    }
}

fn refuse(peer: &str, error: DecodeError) -> Notification {
    warn!(peer, "bad message: {error}");
    error.into_notification()
}

const SMALLEST_READ: usize = 4 * 1024;

/// Two of the longest messages.
const LARGEST_READ: usize = 128 * 1024;

/// Upper bound of octets that wait to be decoded: less than a message from before, and a read. A buffer may
/// be given twice the requested capacity.
pub(super) const LONGEST_BUFFER: usize = 2 * (LARGEST_READ + u16::MAX as usize);

/// Octets that are logged of a message that cannot be decoded.
const LOGGED_OCTETS: usize = 256;
