//! Octets from one connection, cut into messages.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use bgp_codec::{AsWidth, DecodeContext, DecodeError, Message, Notification, PeerKind, frame_length};
use bytes::{Bytes, BytesMut};
use tracing::{error, warn};

use crate::machine::ReadHalf;

/// How a whole message is decoded: [`bgp_codec::decode_message`], except in tests of what happens when it panics.
pub(super) type Decode = fn(Bytes, &DecodeContext) -> Result<Message, DecodeError>;

/// The reading half of a connection, with what arrived and is not yet decoded.
///
/// How much is read at a time grows while the peer has much to say, and shrinks when it has not: a thousand idle
/// peers do not hold a thousand large buffers.
#[derive(Debug)]
pub(super) struct Reader {
    socket: ReadHalf,
    buffer: BytesMut,
    read_octets: usize,
    decoded_octets: usize,
    context: DecodeContext,
    decode: Decode,
}

impl Reader {
    /// Of a connection from which `received` was read already.
    pub(super) fn new(socket: ReadHalf, received: BytesMut, decode: Decode) -> Self {
        Self {
            socket,
            buffer: received,
            read_octets: SMALLEST_READ,
            decoded_octets: 0,
            context: DecodeContext::new(PeerKind::Ebgp, AsWidth::Two),
            decode,
        }
    }

    /// Sets what both sides agreed on, for the messages from here on.
    pub(super) fn on_negotiated(&mut self, context: DecodeContext) {
        self.context = context;
    }

    /// Reads what there is; ready with 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let read = self.socket.poll_read(context, &mut self.buffer);
        if let Poll::Ready(Ok(octets)) = read {
            self.on_read(octets);
        }
        read
    }

    /// Reads what there is, without waiting; [`io::ErrorKind::WouldBlock`] when that is nothing.
    pub(super) fn try_read(&mut self) -> io::Result<usize> {
        let octets = self.socket.try_read(&mut self.buffer, self.read_octets)?;
        self.on_read(octets);
        Ok(octets)
    }

    /// Whether [`next_message`](Self::next_message) has something, be it an error.
    pub(super) fn has_message(&self) -> bool {
        match frame_length(&self.buffer, self.context.max_message_octets) {
            Ok(Some(octets)) => octets <= self.buffer.len(),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// The next whole message that was read; `None` when there is none.
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
        Some(self.decode_supervised(message, peer))
    }

    /// How long the messages were that came out since they were taken note of last.
    pub(super) fn decoded_octets(&self) -> usize {
        self.decoded_octets
    }

    /// The same, and takes note of them.
    pub(super) fn take_decoded_octets(&mut self) -> usize {
        std::mem::take(&mut self.decoded_octets)
    }

    /// The socket, when nothing more is to be decoded.
    pub(super) fn into_socket(self) -> ReadHalf {
        self.socket
    }

    /// A bug in the decoder must end this session only, with a NOTIFICATION as for any other failure.
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

/// The most that waits to be decoded: less than a message from before, and a read. A buffer may be given twice the room
/// that it asks for.
pub(super) const LONGEST_BUFFER: usize = 2 * (LARGEST_READ + u16::MAX as usize);

/// How much of a message that cannot be decoded is logged.
const LOGGED_OCTETS: usize = 256;
