//! The lower bound for a daemon: a process that copies what some peers send to all others, with just enough
//! BGP for sessions to come up.
//!
//! It has one log of all received octets. Each peer is a cursor into it, and skips what it sent itself.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, Capability, Family, HoldTime, Open, encode_keepalive, frame_length};
use bytes::BytesMut;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use socket2::{Domain, Protocol, Socket, Type};

use crate::peer::HOLD_SECONDS;

/// Relays until it is killed; `configuration` is as rendered by its subject.
///
/// # Errors
///
/// The configuration is invalid, or a socket cannot be opened.
pub(crate) fn run(configuration: &Path) -> Result<()> {
    let text = fs::read_to_string(configuration).with_context(|| configuration.display().to_string())?;
    let mut lines = text.lines();
    let listen: SocketAddrV4 = lines.next().context("no address")?.parse().context("the address")?;
    let asn = Asn(lines.next().context("no AS number")?.parse().context("the AS number")?);
    let sources: Vec<Ipv4Addr> =
        lines.map(str::parse).collect::<Result<_, _>>().context("the address of a source")?;
    Relay::listen(listen, asn, sources)?.run()
}

struct Relay {
    listener: TcpListener,
    greeting: Vec<u8>,
    sources: Vec<Ipv4Addr>,
    epoll: OwnedFd,
    log: Vec<u8>,
    peers: Vec<Peer>,
    scratch: Vec<u8>,
}

struct Peer {
    stream: TcpStream,
    is_source: bool,
    /// Number of OPENs and first KEEPALIVEs received from it.
    greetings: usize,
    /// Start of an incomplete one.
    partial: Vec<u8>,
    /// Its own octets in the log.
    own: Vec<Range<usize>>,
    /// Number of those before the cursor.
    own_passed: usize,
    cursor: usize,
    is_blocked: bool,
    has_left: bool,
}

impl Relay {
    fn listen(address: SocketAddrV4, asn: Asn, sources: Vec<Ipv4Addr>) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).context("a socket")?;
        socket.set_reuse_address(true).context("a socket")?;
        socket.bind(&address.into()).with_context(|| address.to_string())?;
        socket.listen(1024).context("listen")?;
        socket.set_nonblocking(true).context("a socket")?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("epoll_create")?;
        let listener: TcpListener = socket.into();
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).context("epoll_ctl")?;
        Ok(Self {
            listener,
            greeting: greeting(*address.ip(), asn)?,
            sources,
            epoll,
            log: Vec::new(),
            peers: Vec::new(),
            scratch: vec![0; 256 * 1024],
        })
    }

    fn run(mut self) -> Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(1024);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("epoll_wait"),
            }
            for event in events.drain(..) {
                let (token, flags) = ({ event.data }.u64(), { event.flags });
                if token == LISTENER {
                    self.accept()?;
                    continue;
                }
                let index = usize::try_from(token).context("a peer's number")?;
                if flags.contains(EventFlags::OUT) {
                    self.unblock(index)?;
                }
                if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                    self.read(index);
                }
            }
            for index in 0..self.peers.len() {
                self.write(index)?;
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        let (mut stream, from) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("accept"),
        };
        stream.set_nodelay(true).context("a socket")?;
        stream.write_all(&self.greeting).context("an OPEN")?;
        stream.set_nonblocking(true).context("a socket")?;
        let token = EventData::new_u64(self.peers.len() as u64);
        epoll::add(&self.epoll, &stream, token, EventFlags::IN).context("epoll_ctl")?;
        self.peers.push(Peer {
            stream,
            is_source: self.sources.iter().any(|source| IpAddr::V4(*source) == from.ip()),
            greetings: 0,
            partial: Vec::new(),
            own: Vec::new(),
            own_passed: 0,
            cursor: 0,
            is_blocked: false,
            has_left: false,
        });
        Ok(())
    }

    fn read(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let mut octets = match peer.stream.read(&mut self.scratch) {
            Ok(length) if length > 0 => &self.scratch[..length],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {
                peer.has_left = true;
                // Fails if the kernel has removed it already.
                if let Err(error) = epoll::delete(&self.epoll, &peer.stream) {
                    eprintln!("epoll_ctl: {error}");
                }
                return;
            }
        };
        let joined;
        if peer.greetings < GREETINGS {
            peer.partial.extend_from_slice(octets);
            joined = std::mem::take(&mut peer.partial);
            octets = peer.pass_greetings(&joined);
        }
        if peer.is_source && !octets.is_empty() {
            let start = self.log.len();
            self.log.extend_from_slice(octets);
            peer.own.push(start..self.log.len());
        }
    }

    /// Writes as much as the socket accepts.
    fn write(&mut self, index: usize) -> Result<()> {
        let peer = &mut self.peers[index];
        if peer.is_blocked || peer.has_left || peer.greetings < GREETINGS {
            return Ok(());
        }
        while let Some(range) = peer.next_range(self.log.len()) {
            match peer.stream.write(&self.log[range]) {
                Ok(written) => peer.cursor += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    peer.is_blocked = true;
                    return self.watch(index, EventFlags::IN | EventFlags::OUT);
                }
                // Reading shows that it has left.
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn unblock(&mut self, index: usize) -> Result<()> {
        self.peers[index].is_blocked = false;
        self.watch(index, EventFlags::IN)
    }

    fn watch(&self, index: usize, flags: EventFlags) -> Result<()> {
        let data = EventData::new_u64(index as u64);
        epoll::modify(&self.epoll, &self.peers[index].stream, data, flags).context("epoll_ctl")
    }
}

impl Peer {
    /// Removes OPEN and KEEPALIVE from the front; the rest belongs to the log.
    fn pass_greetings<'a>(&mut self, mut octets: &'a [u8]) -> &'a [u8] {
        while self.greetings < GREETINGS {
            let length = frame_length(octets, octets.len().max(4096)).ok().flatten();
            let Some((_, rest)) = length.and_then(|length| octets.split_at_checked(length)) else {
                self.partial.extend_from_slice(octets);
                return &[];
            };
            octets = rest;
            self.greetings += 1;
        }
        octets
    }

    /// The next octets of the log except its own.
    fn next_range(&mut self, end: usize) -> Option<Range<usize>> {
        while let Some(own) = self.own.get(self.own_passed) {
            if own.start > self.cursor {
                return Some(self.cursor..own.start);
            }
            self.cursor = self.cursor.max(own.end);
            self.own_passed += 1;
        }
        (self.cursor < end).then_some(self.cursor..end)
    }
}

/// OPEN and KEEPALIVE.
fn greeting(address: Ipv4Addr, asn: Asn) -> Result<Vec<u8>> {
    let open = Open {
        asn,
        hold_time: HoldTime::from_seconds(HOLD_SECONDS).context("the hold time")?,
        identifier: BgpIdentifier::try_from(address).context("the identifier")?,
        capabilities: vec![
            Capability::Multiprotocol(Family::IPV4_UNICAST),
            Capability::RouteRefresh,
            Capability::FourOctetAs(asn),
        ]
        .into(),
    };
    let mut out = BytesMut::new();
    open.encode(&mut out);
    encode_keepalive(&mut out);
    Ok(out.to_vec())
}

const LISTENER: u64 = u64::MAX;

/// Messages of a peer before its session is up: OPEN and KEEPALIVE.
const GREETINGS: usize = 2;
