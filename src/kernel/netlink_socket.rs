//! The two netlink sockets: one for requests and their answers, the other for multicast messages.

use std::{io, rc::Rc};

use margay_fib::{Batch, Dump, Refusal, messages, push_message};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::{io::Errno, net::sockopt};
use socket2::{SockFilter, SockRef};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, sleep_until},
};

/// The socket for requests.
///
/// It blocks: the kernel executes a request inside `send`, so its answers are there when `send` returns.
pub(super) struct RequestSocket {
    socket: Socket,
    port: u32,
    sequence: u32,
    datagram: Vec<u8>,
    /// How the dump in progress has ended.
    dump_end: DumpEnd,
}

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

    /// Limits what the kernel accepts in one send to about this.
    #[cfg(test)]
    pub(super) fn limit_send_buffer(&self, octets: usize) {
        SockRef::from(&self.socket).set_send_buffer_size(octets).expect("a socket has a buffer");
    }

    /// Replaces the socket by a file that is not one.
    #[cfg(test)]
    #[expect(unsafe_code, reason = "no safe binding takes a descriptor that is owned elsewhere")]
    pub(super) fn break_it(&self) {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::open("/dev/null").expect("it is there");
        // SAFETY: both descriptors are open, and the socket's owner goes on to own what has its number.
        let number = unsafe { libc::dup2(file.as_raw_fd(), self.socket.as_raw_fd()) };
        assert_eq!(number, self.socket.as_raw_fd());
    }

    /// Makes a request that changes nothing, to find out whether the kernel permits changes by this process.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or does not answer.
    pub(super) fn check_permission(&mut self) -> io::Result<()> {
        let mut batch = Batch::new(self.next_sequence());
        batch.push_permission_check();
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

    /// Requests a dump and calls `visit` for each message.
    pub(super) fn dump(
        &mut self,
        dump: Dump,
        mut visit: impl FnMut(&NetlinkBuffer<&[u8]>),
    ) -> io::Result<DumpEnd> {
        self.start_dump(dump)?;
        loop {
            if let Some(end) = self.continue_dump(&mut visit)? {
                return Ok(end);
            }
        }
    }

    /// Requests a dump; [`continue_dump`](Self::continue_dump) reads the answer. No other request may be made
    /// on this socket until it has ended.
    pub(super) fn start_dump(&mut self, dump: Dump) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.dump_end = DumpEnd::Complete;
        let (message_type, header) = dump.request();
        let mut request = Vec::new();
        push_message(&mut request, message_type, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, |payload| {
            payload.extend_from_slice(header);
        });
        self.socket.send(&request, 0).map(drop)
    }

    /// Calls `visit` for the next part of the answer: some hundred messages. `None` if there is more.
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
                NLMSG_DONE => return Ok(Some(std::mem::replace(&mut self.dump_end, DumpEnd::Complete))),
                NLMSG_ERROR => {
                    let refusal = Refusal::decode(&message).ok_or_else(|| {
                        io::Error::other("netlink acknowledged a dump instead of answering it")
                    });
                    return refusal.map(|refusal| Some(DumpEnd::Refused(refusal)));
                }
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

/// End of a dump.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum DumpEnd {
    /// It shows one state of the table.
    Complete,
    /// The table changed meanwhile in a way that may have hidden entries.
    Interrupted,
    /// The kernel does not have this kind, or refuses to list it.
    Refused(Refusal),
}

/// The socket for messages about links, addresses and routes, opened before it is registered with tokio.
pub(super) struct MulticastSocket(Socket);

impl MulticastSocket {
    /// Joins the groups. Messages beyond `buffer_octets` that have not been read are lost.
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

    /// Makes the kernel suppress messages about requests of the socket with this port number, whose outcome
    /// follows from their answers.
    pub(super) fn ignore_port(&self, port: u32) -> io::Result<()> {
        // The filter program reads numbers in network byte order.
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

    /// Registers the socket with the present runtime.
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
    /// `None` during a pause: each message for a watched socket wakes the thread, whatever it is waiting for.
    watch: Option<AsyncFd<Rc<Socket>>>,
    datagram: Vec<u8>,
}

impl Listener {
    /// Waits until a time, unless it has passed, and then until a message may have arrived. Dropping the
    /// future before it is ready loses nothing.
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

    /// Calls `visit` for all messages that have arrived, without waiting.
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

/// Whether all messages since the last call were received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reception {
    Whole,
    /// The socket's buffer was full and messages are lost.
    Overrun,
}

/// Whether the error is the kernel's ENOBUFS: answers or events were lost.
pub(super) fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error())
}

/// Whether the error is the kernel's EMSGSIZE: nothing was accepted.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error())
}

/// Requests a buffer beyond the system's limit, or of the limit if that is not permitted.
fn set_receive_buffer(socket: &Socket, octets: usize) {
    let forced = sockopt::set_socket_recv_buffer_size_force(socket, octets);
    if let Err(error) = forced.or_else(|_| sockopt::set_socket_recv_buffer_size(socket, octets)) {
        tracing::warn!(%error, "the netlink receive buffer keeps its default size");
    }
}

/// Offset of the port number in the header of a message.
const PORT_OFFSET: u32 = 12;
/// The kernel fills a datagram of a dump up to 32 KiB.
const DATAGRAM_OCTETS: usize = 64 * 1024;
/// Enough for the answers to one batch, each of which the kernel counts as about 1 KiB.
const REQUEST_BUFFER_OCTETS: usize = 2 * 1024 * 1024;

const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;
const RTNLGRP_IPV6_ROUTE: u32 = 11;
const RTNLGRP_NEXTHOP: u32 = 32;
const MULTICAST_GROUPS: [u32; 5] =
    [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP];
