//! The socket for requests and their answers.

use std::io;

use margay_reconcile::Refusal;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkDeserializable as _,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::net::sockopt;

use crate::refusal::answer_of;
use crate::request::{Request, push};

/// A blocking socket for requests: the kernel executes a request inside of `send`, so its answers are there when `send` returns.
///
/// It belongs to the network namespace of the thread that opened it, whichever thread uses it later.
pub struct RequestSocket {
    socket: Socket,
    sequence: u32,
    datagram: Vec<u8>,
}

/// The answer to a request for all things of a kind.
#[derive(Debug)]
pub struct Dumped {
    /// The messages that could be read.
    pub messages: Vec<RouteNetlinkMessage>,
    /// True when the table changed meanwhile, which may have hidden things.
    pub is_interrupted: bool,
}

impl RequestSocket {
    /// Opens a socket for rtnetlink in the network namespace of this thread.
    ///
    /// # Errors
    ///
    /// When the kernel permits no more sockets.
    pub fn open() -> io::Result<Self> {
        Self::open_protocol(NETLINK_ROUTE)
    }

    /// Opens a socket for any netlink protocol, such as `NETLINK_NETFILTER`.
    ///
    /// # Errors
    ///
    /// When the kernel does not have the protocol, or permits no more sockets.
    pub fn open_protocol(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        set_receive_buffer(&socket, ANSWER_BUFFER_OCTETS);
        Ok(Self { socket, sequence: 0, datagram: Vec::with_capacity(DATAGRAM_OCTETS) })
    }

    /// Makes one request.
    ///
    /// # Errors
    ///
    /// When the socket fails, or the kernel refuses the request: the error has the kernel's reason.
    pub fn request(&mut self, request: &Request) -> io::Result<()> {
        let answers = self.request_all(std::slice::from_ref(request))?;
        answers.into_iter().collect::<Result<(), Refusal>>().map_err(io::Error::other)
    }

    /// Makes requests in their order, many at a time, and returns the answer to each. A request that is refused does not hold up the
    /// others.
    ///
    /// # Errors
    ///
    /// When the socket fails; some requests may have been carried out then.
    pub fn request_all(&mut self, requests: &[Request]) -> io::Result<Vec<Result<(), Refusal>>> {
        let mut answers = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH) {
            let mut datagram = Vec::new();
            let first = self.sequence.wrapping_add(1);
            for request in batch {
                self.sequence = self.sequence.wrapping_add(1);
                request.push(&mut datagram, self.sequence);
            }
            self.exchange(&datagram, first, batch.len(), &mut answers)?;
        }
        Ok(answers)
    }

    /// Sends a datagram of messages with consecutive sequence numbers from `first` on, each of which asks for an acknowledgement, and
    /// collects the answers.
    fn exchange(
        &mut self,
        datagram: &[u8],
        first: u32,
        count: usize,
        answers: &mut Vec<Result<(), Refusal>>,
    ) -> io::Result<()> {
        self.socket.send(datagram, 0)?;
        let mut expected = first;
        let end = answers.len() + count;
        while answers.len() < end {
            self.receive()?;
            for message in messages(&self.datagram) {
                if message.message_type() == NLMSG_ERROR && message.sequence_number() == expected {
                    answers.push(answer_of(&message));
                    expected = expected.wrapping_add(1);
                }
            }
        }
        Ok(())
    }

    /// Requests all things of a kind.
    ///
    /// # Errors
    ///
    /// When the socket fails, or the kernel refuses to list them.
    pub fn dump(&mut self, request: RouteNetlinkMessage) -> io::Result<Dumped> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let mut datagram = Vec::new();
        push(&mut datagram, request, NLM_F_DUMP, sequence);
        self.socket.send(&datagram, 0)?;
        let mut dumped = Dumped { messages: Vec::new(), is_interrupted: false };
        loop {
            self.receive()?;
            for message in messages(&self.datagram).filter(|message| message.sequence_number() == sequence) {
                dumped.is_interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
                match message.message_type() {
                    NLMSG_DONE => return Ok(dumped),
                    NLMSG_ERROR => answer_of(&message).map_err(io::Error::other)?,
                    _ => dumped.messages.extend(route_message(&message)),
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

impl std::fmt::Debug for RequestSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestSocket").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// The messages of a datagram, up to the first that is truncated.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = usize::try_from(message.length()).ok()?.next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// Reads a message of rtnetlink; `None` for one that this program does not know.
pub(crate) fn route_message(message: &NetlinkBuffer<&[u8]>) -> Option<RouteNetlinkMessage> {
    let mut header = netlink_packet_core::NetlinkHeader::default();
    header.message_type = message.message_type();
    header.length = message.length();
    match RouteNetlinkMessage::deserialize(&header, message.payload()) {
        Ok(message) => Some(message),
        Err(error) => {
            tracing::debug!(message_type = header.message_type, %error, "a netlink message is not understood");
            None
        }
    }
}

/// Requests a buffer beyond the system's limit, or of the limit if that is not permitted.
pub(crate) fn set_receive_buffer(socket: &Socket, octets: usize) {
    let forced = sockopt::set_socket_recv_buffer_size_force(socket, octets);
    if let Err(error) = forced.or_else(|_| sockopt::set_socket_recv_buffer_size(socket, octets)) {
        tracing::warn!(%error, "the netlink receive buffer keeps its default size");
    }
}

/// Requests in one datagram.
const BATCH: usize = 256;
/// The kernel fills a datagram of a dump up to 32 KiB.
pub(crate) const DATAGRAM_OCTETS: usize = 64 * 1024;
/// Enough for the answers to one batch, each of which the kernel counts as about 1 KiB.
const ANSWER_BUFFER_OCTETS: usize = 2 * 1024 * 1024;
