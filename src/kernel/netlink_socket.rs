//! The two netlink sockets: one asks and is answered, the other listens to multicast.

use std::{io, rc::Rc};

use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlaBuffer, NlasIterator,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::{io::Errno, net::sockopt};
use socket2::{SockFilter, SockRef};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, sleep_until},
};

use super::{
    batch::{Batch, Request},
    object_message::{ObjectRequest, RTM_DELNEXTHOP},
};

/// The socket that sends requests.
///
/// It blocks: the kernel works a request off inside `send`, so that its answers are there when `send` returns.
pub(super) struct RequestSocket {
    socket: Socket,
    port: u32,
    sequence: u32,
    datagram: Vec<u8>,
    /// How the dump has gone that is being read.
    dump_end: DumpEnd,
}

/// The message type that asks for things of a kind, and the fixed header of that type.
pub(super) type DumpRequest = (u16, &'static [u8]);

impl RequestSocket {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        set_receive_buffer(&socket, REQUEST_BUFFER_OCTETS);
        Ok(Self {
            socket,
            port,
            sequence: 0,
            datagram: Vec::with_capacity(DATAGRAM_OCTETS),
            dump_end: DumpEnd::Complete,
        })
    }

    /// The port number that the kernel writes into the echoes of this socket's requests.
    pub(super) fn port(&self) -> u32 {
        self.port
    }

    /// Has the kernel take no more than this in one send, or little more.
    #[cfg(test)]
    pub(super) fn limit_send_buffer(&self, octets: usize) {
        SockRef::from(&self.socket).set_send_buffer_size(octets).expect("a socket has a buffer");
    }

    /// Puts something that is no socket in the place of the socket.
    #[cfg(test)]
    #[expect(unsafe_code, reason = "no safe binding takes a descriptor that somebody else owns")]
    pub(super) fn break_it(&self) {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::open("/dev/null").expect("it is there");
        // SAFETY: both descriptors are open, and the socket's owner goes on to own what has its number.
        let number = unsafe { libc::dup2(file.as_raw_fd(), self.socket.as_raw_fd()) };
        assert_eq!(number, self.socket.as_raw_fd());
    }

    /// Asks for something that changes nothing, to learn whether the kernel would change anything for this process.
    ///
    /// # Errors
    ///
    /// The kernel says no, or nothing.
    pub(super) fn check_permission(&mut self) -> io::Result<()> {
        let mut batch = Batch::new(self.next_sequence());
        // There is no object without a number: who may not remove any is told that first.
        batch.push(Request::Object(0, ObjectRequest::Remove), |sequence, out| {
            push_message(out, RTM_DELNEXTHOP, NLM_F_REQUEST, sequence, |out| out.extend_from_slice(&[0; 8]));
        });
        let refusals = self.send_batch(&mut batch)?;
        match refusals.iter().find(|refusal| refusal.errno == libc::EPERM) {
            Some(refusal) => Err(io::Error::from_raw_os_error(refusal.errno)),
            None => Ok(()),
        }
    }

    /// The sequence number of the next request.
    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence.wrapping_add(1)
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

    /// Asks for all things of a kind and hands each message to `visit`.
    pub(super) fn dump(
        &mut self,
        request: DumpRequest,
        mut visit: impl FnMut(&NetlinkBuffer<&[u8]>),
    ) -> io::Result<DumpEnd> {
        self.start_dump(request)?;
        loop {
            if let Some(end) = self.continue_dump(&mut visit)? {
                return Ok(end);
            }
        }
    }

    /// Asks for all things of a kind; [`continue_dump`](Self::continue_dump) reads the answer. Nothing else may be asked
    /// over this socket until it has ended.
    pub(super) fn start_dump(&mut self, (message_type, header): DumpRequest) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.dump_end = DumpEnd::Complete;
        let mut request = Vec::new();
        push_message(&mut request, message_type, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, |payload| {
            payload.extend_from_slice(header);
        });
        self.socket.send(&request, 0).map(drop)
    }

    /// Hands the next part of the answer to `visit`: some hundred messages. `None` when there is more.
    pub(super) fn continue_dump(
        &mut self,
        mut visit: impl FnMut(&NetlinkBuffer<&[u8]>),
    ) -> io::Result<Option<DumpEnd>> {
        self.receive()?;
        let sequence = self.sequence;
        for message in messages(&self.datagram).filter(|message| message.sequence_number() == sequence) {
            if message.flags() & NLM_F_DUMP_INTR != 0 {
                self.dump_end = DumpEnd::Interrupted;
            }
            match message.message_type() {
                NLMSG_DONE => return Ok(Some(self.dump_end)),
                NLMSG_ERROR => return Err(error_of(&message)),
                _ => visit(&message),
            }
        }
        Ok(None)
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
    /// Joins the groups. What arrives beyond `buffer_octets` before it is read is lost.
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

    /// Has the kernel keep back what the requests of a socket with this port number cause: their outcome is in their
    /// answers already.
    pub(super) fn ignore_port(&self, port: u32) -> io::Result<()> {
        // The program reads numbers as if they came from a network.
        let port = u32::from_be_bytes(port.to_ne_bytes());
        let instruction = |code: u32, jt, jf, k| {
            let code = u16::try_from(code).expect("codes of the classic filter are short");
            SockFilter::new(code, jt, jf, k)
        };
        SockRef::from(&self.0).attach_filter(&[
            instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, PORT_OFFSET),
            instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, port),
            instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
            instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        ])
    }

    /// Registers the socket with the runtime that is running.
    pub(super) fn into_listener(self) -> io::Result<Listener> {
        let socket = Rc::new(self.0);
        Ok(Listener { watch: Some(watch(&socket)?), socket, datagram: Vec::with_capacity(DATAGRAM_OCTETS) })
    }
}

fn watch(socket: &Rc<Socket>) -> io::Result<AsyncFd<Rc<Socket>>> {
    #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor it does not know")]
    // SAFETY: `Socket` owns its descriptor and closes it when the last `Rc` is dropped; nothing here takes it out before.
    let watch = unsafe { AsyncFd::register_with_interest(Rc::clone(socket), Interest::READABLE) }?;
    Ok(watch)
}

/// The multicast socket, readable by a task.
pub(super) struct Listener {
    socket: Rc<Socket>,
    /// `None` during a pause: each message for a socket that is watched wakes the thread up, whoever waits for what.
    watch: Option<AsyncFd<Rc<Socket>>>,
    datagram: Vec<u8>,
}

impl Listener {
    /// Waits until a time, unless it has passed, and then until a message may be there. Dropping the future before it is
    /// ready loses nothing.
    pub(super) async fn readable(&mut self, not_before: Option<Instant>) -> io::Result<()> {
        if let Some(time) = not_before.filter(|&time| time > Instant::now()) {
            self.watch = None;
            sleep_until(time).await;
        }
        let watch = match &mut self.watch {
            Some(watch) => watch,
            none => none.insert(watch(&self.socket)?),
        };
        watch.readable().await.map(|mut guard| guard.clear_ready())
    }

    /// Hands all messages that are there to `visit`, without waiting.
    pub(super) fn drain(&mut self, mut visit: impl FnMut(&NetlinkBuffer<&[u8]>)) -> io::Result<Reception> {
        let mut reception = Reception::Whole;
        loop {
            self.datagram.clear();
            match self.socket.recv(&mut self.datagram, 0) {
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

/// Says whether the error is the kernel's EMSGSIZE: nothing of what was sent has been received.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error())
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
/// Where the port number is in the header of a message.
const PORT_OFFSET: u32 = 12;
const ALIGNMENT_OCTETS: usize = 4;
/// The kernel fills a datagram of a dump up to 32 KiB.
const DATAGRAM_OCTETS: usize = 64 * 1024;
/// Holds the answers to one batch, each of which the kernel counts as about 1 KiB.
const REQUEST_BUFFER_OCTETS: usize = 2 * 1024 * 1024;
const NLMSGERR_ATTR_MSG: u16 = 1;

const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;
const RTNLGRP_IPV6_ROUTE: u32 = 11;
const RTNLGRP_NEXTHOP: u32 = 32;
const MULTICAST_GROUPS: [u32; 5] =
    [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP];
