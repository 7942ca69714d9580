//! The two netlink sockets: one asks and is answered, the other listens to multicast.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlaBuffer, NlasIterator,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::{io::Errno, net::sockopt};
use tokio::io::{Interest, unix::AsyncFd};

use super::batch::Batch;

/// The socket that sends requests.
///
/// It blocks: the kernel works a request off inside `send`, so that its answers are there when `send` returns.
pub(super) struct RequestSocket {
    socket: Socket,
    port: u32,
    sequence: u32,
    datagram: Vec<u8>,
}

impl RequestSocket {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        set_receive_buffer(&socket, REQUEST_BUFFER_OCTETS);
        Ok(Self { socket, port, sequence: 0, datagram: Vec::with_capacity(DATAGRAM_OCTETS) })
    }

    /// The port number that the kernel writes into the echoes of this socket's requests.
    pub(super) fn port(&self) -> u32 {
        self.port
    }

    /// An empty batch, numbered to be the next that is sent.
    pub(super) fn new_batch(&self) -> Batch {
        Batch::new(self.sequence.wrapping_add(1))
    }

    /// Sends a batch and returns the requests that the kernel refused.
    pub(super) fn send_batch(&mut self, batch: &mut Batch) -> io::Result<Vec<Refusal>> {
        self.sequence = batch.last_sequence();
        self.socket.send(batch.seal(), 0)?;
        let mut refusals = Vec::new();
        loop {
            self.receive()?;
            for message in messages(&self.datagram).filter(|message| message.message_type() == NLMSG_ERROR) {
                refusals.extend(Refusal::decode(&message));
                if message.sequence_number() == batch.last_sequence() {
                    return Ok(refusals);
                }
            }
        }
    }

    /// Asks for all objects of a kind and hands each message to `visit`.
    ///
    /// `header` is the fixed header of the message type, with the address family in its first octet.
    pub(super) fn dump(
        &mut self,
        message_type: u16,
        header: &[u8],
        mut visit: impl FnMut(&NetlinkBuffer<&[u8]>),
    ) -> io::Result<DumpEnd> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let mut request = Vec::new();
        push_message(&mut request, message_type, NLM_F_REQUEST | NLM_F_DUMP, sequence, |payload| {
            payload.extend_from_slice(header);
        });
        self.socket.send(&request, 0)?;
        let mut end = DumpEnd::Complete;
        loop {
            self.receive()?;
            for message in messages(&self.datagram).filter(|message| message.sequence_number() == sequence) {
                if message.flags() & NLM_F_DUMP_INTR != 0 {
                    end = DumpEnd::Interrupted;
                }
                match message.message_type() {
                    NLMSG_DONE => return Ok(end),
                    NLMSG_ERROR => return Err(error_of(&message)),
                    _ => visit(&message),
                }
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        loop {
            self.datagram.clear();
            match self.socket.recv(&mut self.datagram, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }
}

/// Whether a dump saw one state of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DumpEnd {
    Complete,
    /// The table changed meanwhile in a way that may have hidden entries.
    Interrupted,
}

/// A request that the kernel turned down.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) sequence: u32,
    pub(super) errno: i32,
    /// The kernel's own words, where it gave any.
    pub(super) explanation: Option<String>,
}

impl Refusal {
    /// Decodes NLMSG_ERROR; `None` for an acknowledgement, which is error 0.
    fn decode(message: &NetlinkBuffer<&[u8]>) -> Option<Self> {
        let (errno, rest) = message.payload().split_first_chunk()?;
        let errno = i32::from_ne_bytes(*errno).saturating_neg();
        if errno == 0 {
            return None;
        }
        let attributes = rest.get(MESSAGE_HEADER_OCTETS..).unwrap_or_default();
        let explanation = (message.flags() & NLM_F_ACK_TLVS != 0).then(|| explanation(attributes)).flatten();
        Some(Self { sequence: message.sequence_number(), errno, explanation })
    }

    /// The error in words: the kernel's number as text, then its explanation.
    pub(super) fn reason(&self) -> String {
        let error = io::Error::from_raw_os_error(self.errno);
        match &self.explanation {
            Some(explanation) => format!("{error}: {explanation}"),
            None => error.to_string(),
        }
    }
}

fn explanation(attributes: &[u8]) -> Option<String> {
    let text = NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|attribute: &NlaBuffer<&[u8]>| attribute.kind() == NLMSGERR_ATTR_MSG)?;
    let text = String::from_utf8_lossy(text.value());
    Some(text.trim_end_matches('\0').to_owned())
}

fn error_of(message: &NetlinkBuffer<&[u8]>) -> io::Error {
    Refusal::decode(message).map_or_else(
        || io::Error::other("netlink acknowledged instead of answering"),
        |refusal| io::Error::from_raw_os_error(refusal.errno),
    )
}

/// The socket that hears of links, addresses and routes, opened before it is known to tokio.
pub(super) struct MulticastSocket(Socket);

impl MulticastSocket {
    /// Joins all groups. What arrives beyond `buffer_octets` before it is read is lost.
    pub(super) fn open(buffer_octets: usize) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        set_receive_buffer(&socket, buffer_octets);
        socket.set_non_blocking(true)?;
        socket.bind_auto()?;
        for group in MULTICAST_GROUPS {
            socket.add_membership(group)?;
        }
        Ok(Self(socket))
    }

    /// Registers the socket with the runtime that is running.
    pub(super) fn into_listener(self) -> io::Result<Listener> {
        #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor it does not know")]
        // SAFETY: `Socket` owns its descriptor and closes it when dropped; nothing here takes it out before.
        let socket = unsafe { AsyncFd::register_with_interest(self.0, Interest::READABLE) }?;
        Ok(Listener { socket, datagram: Vec::with_capacity(DATAGRAM_OCTETS) })
    }
}

/// The multicast socket, readable by a task.
pub(super) struct Listener {
    socket: AsyncFd<Socket>,
    datagram: Vec<u8>,
}

impl Listener {
    /// Waits until a message may be there.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await.map(|mut guard| guard.clear_ready())
    }

    /// Hands all messages that are there to `visit`, without waiting.
    pub(super) fn drain(&mut self, mut visit: impl FnMut(&NetlinkBuffer<&[u8]>)) -> io::Result<Reception> {
        let mut reception = Reception::Whole;
        loop {
            self.datagram.clear();
            match self.socket.get_ref().recv(&mut self.datagram, 0) {
                Ok(_) => messages(&self.datagram).for_each(|message| visit(&message)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(reception),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_overrun(&error) => reception = Reception::Overrun,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether all messages since the last reading were received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reception {
    Whole,
    /// The socket's buffer was full and messages are lost.
    Overrun,
}

/// Says whether the error is the kernel's ENOBUFS: answers or events were lost.
pub(super) fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error())
}

/// Appends a message whose payload `fill` writes.
pub(super) fn push_message(
    batch: &mut Vec<u8>,
    message_type: u16,
    flags: u16,
    sequence: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = batch.len();
    batch.resize(start + MESSAGE_HEADER_OCTETS, 0);
    fill(batch);
    let length = u32::try_from(batch.len() - start).expect("a route message is far below 4 GiB");
    let mut header = NetlinkBuffer::new(&mut batch[start..]);
    header.set_length(length);
    header.set_message_type(message_type);
    header.set_flags(flags);
    header.set_sequence_number(sequence);
    batch.resize(batch.len().next_multiple_of(ALIGNMENT_OCTETS), 0);
}

/// The messages of a datagram, up to the first that is cut short.
fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = usize::try_from(message.length()).ok()?.next_multiple_of(ALIGNMENT_OCTETS);
        rest = rest.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// Asks for a buffer beyond the system's limit, and for the limit where that is not allowed.
fn set_receive_buffer(socket: &Socket, octets: usize) {
    let forced = sockopt::set_socket_recv_buffer_size_force(socket, octets);
    if let Err(error) = forced.or_else(|_| sockopt::set_socket_recv_buffer_size(socket, octets)) {
        tracing::warn!(%error, "the netlink receive buffer keeps its default size");
    }
}

const MESSAGE_HEADER_OCTETS: usize = 16;
const ALIGNMENT_OCTETS: usize = 4;
/// The kernel fills a datagram of a dump up to 32 KiB.
const DATAGRAM_OCTETS: usize = 64 * 1024;
/// Holds the answers to one batch, each of which the kernel counts as about 1 KiB.
const REQUEST_BUFFER_OCTETS: usize = 2 * 1024 * 1024;
const NLMSGERR_ATTR_MSG: u16 = 1;

const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;
const RTNLGRP_IPV6_IFADDR: u32 = 9;
const RTNLGRP_IPV6_ROUTE: u32 = 11;
const MULTICAST_GROUPS: [u32; 5] =
    [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE];
