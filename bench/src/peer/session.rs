//! One session that the generator opens: a minimal RFC 4271 §8 for daemons that behave.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bgp_codec::{
    AsWidth, Asn, BgpIdentifier, Capability, DecodeContext, Family, HoldTime, Message, Open, PeerKind,
    decode_message, encode_keepalive, frame_length,
};
use bytes::{Buf as _, Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};

use super::intake::Intake;
use super::peer_id::PeerId;

/// Settings of a peer.
#[derive(Clone, Debug)]
pub(crate) struct PeerSettings {
    /// Name in the daemon's configuration and in messages.
    pub(crate) name: Cow<'static, str>,
    /// Source address of the connection; also its BGP identifier.
    pub(crate) address: Ipv4Addr,
    pub(crate) asn: Asn,
}

/// A connection to the daemon and its state.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    state: State,
    /// Start of an incomplete message.
    partial: Vec<u8>,
    outbound: VecDeque<Bytes>,
    last_sent: Instant,
    is_reading: bool,
}

/// The states of RFC 4271 §8.2.2 with a connection, and the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    OpenSent,
    OpenConfirm,
    Established,
    /// Closed, with the reason.
    Closed(String),
}

impl Session {
    /// Connects from the peer's address and queues an OPEN.
    ///
    /// # Errors
    ///
    /// The connection is refused, or the address is not this machine's.
    pub(crate) fn connect(settings: &PeerSettings, daemon: SocketAddrV4, now: Instant) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddrV4::new(settings.address, 0).into())?;
        socket.connect(&daemon.into())?;
        socket.set_nonblocking(true)?;
        let outbound = VecDeque::from([open(settings)]);
        let stream = socket.into();
        Ok(Self {
            stream,
            state: State::OpenSent,
            partial: Vec::new(),
            outbound,
            last_sent: now,
            is_reading: true,
        })
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether what comes is read.
    pub(crate) fn is_reading(&self) -> bool {
        self.is_reading
    }

    pub(crate) fn set_reading(&mut self, reading: bool) {
        self.is_reading = reading;
    }

    /// Puts whole messages behind what is still to be sent.
    pub(crate) fn queue(&mut self, messages: Bytes) {
        self.outbound.push_back(messages);
    }

    pub(crate) fn has_outbound(&self) -> bool {
        !self.outbound.is_empty()
    }

    /// Sends as much as the socket accepts.
    pub(crate) fn handle_writable(&mut self, now: Instant) {
        let Some(front) = self.outbound.front_mut() else { return };
        match self.stream.write(&front[..front.len().min(WRITE_OCTETS)]) {
            Ok(written) => {
                front.advance(written);
                self.last_sent = now;
                if front.is_empty() {
                    self.outbound.pop_front();
                }
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => self.close(format!("cannot send: {error}")),
        }
    }

    /// Reads once; more is left for the next call, so that no session starves another.
    ///
    /// `scratch` is a buffer for the octets, longer than a message.
    pub(crate) fn handle_readable(&mut self, own: PeerId, scratch: &mut [u8], intake: &mut impl Intake) {
        let kept = self.partial.len();
        scratch[..kept].copy_from_slice(&self.partial);
        match self.stream.read(&mut scratch[kept..]) {
            Ok(0) => self.close("the daemon closed the connection".to_owned()),
            Ok(length) => {
                // The time is taken after the read, because the octets may not have been there before.
                let taken_in = self.take_in(own, &scratch[..kept + length], Instant::now(), intake);
                if let Err(error) = taken_in {
                    self.close(format!("{error:#}"));
                }
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => self.close(format!("cannot receive: {error}")),
        }
    }

    /// Queues a KEEPALIVE if nothing has been sent for a while.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let silent = now.duration_since(self.last_sent) >= KEEPALIVE_INTERVAL;
        if self.state == State::Established && silent && !self.has_outbound() {
            self.queue(keepalive());
        }
    }

    fn take_in(
        &mut self,
        own: PeerId,
        mut octets: &[u8],
        at: Instant,
        intake: &mut impl Intake,
    ) -> Result<()> {
        while let Some(length) = frame_length(octets, MAX_MESSAGE_OCTETS).context("no BGP message")? {
            let Some((message, rest)) = octets.split_at_checked(length) else { break };
            octets = rest;
            if message[TYPE_OFFSET] == UPDATE && self.state == State::Established {
                intake.handle_update(own, message, at)?;
            } else {
                // The kind of peer only matters for UPDATEs.
                let decoded =
                    decode_message(Bytes::copy_from_slice(message), &decode_context(PeerKind::Ebgp))
                        .context("the daemon sent a malformed message")?;
                self.handle_message(decoded)?;
            }
        }
        self.partial.clear();
        self.partial.extend_from_slice(octets);
        Ok(())
    }

    fn handle_message(&mut self, message: Message) -> Result<()> {
        match (&self.state, message) {
            (State::OpenSent, Message::Open(_)) => {
                self.queue(keepalive());
                self.state = State::OpenConfirm;
            }
            (State::OpenConfirm, Message::Keepalive) => self.state = State::Established,
            (State::Established, Message::Keepalive | Message::RouteRefresh(_)) => {}
            (_, Message::Notification(notification)) => {
                bail!("the daemon sent NOTIFICATION: {notification}")
            }
            (state, message) => bail!("the daemon sent {message:?} in {state:?}"),
        }
        Ok(())
    }

    fn close(&mut self, why: String) {
        self.state = State::Closed(why);
        self.outbound.clear();
    }
}

/// Terms of decoding the daemon's messages.
pub(crate) fn decode_context(peer: PeerKind) -> DecodeContext {
    DecodeContext::new(peer, AsWidth::Four)
}

fn open(settings: &PeerSettings) -> Bytes {
    let open = Open {
        asn: settings.asn,
        hold_time: HoldTime::from_seconds(HOLD_SECONDS).expect("it is at least three seconds"),
        identifier: BgpIdentifier::try_from(settings.address).expect("no peer has address 0.0.0.0"),
        capabilities: vec![
            Capability::Multiprotocol(Family::IPV4_UNICAST),
            Capability::RouteRefresh,
            Capability::FourOctetAs(settings.asn),
        ]
        .into(),
    };
    let mut out = BytesMut::new();
    open.encode(&mut out);
    out.freeze()
}

fn keepalive() -> Bytes {
    let mut out = BytesMut::new();
    encode_keepalive(&mut out);
    out.freeze()
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The hold time that both sides propose.
pub(crate) const HOLD_SECONDS: u16 = 240;

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// Neither side announces longer ones (RFC 8654).
const MAX_MESSAGE_OCTETS: usize = 4096;
const TYPE_OFFSET: usize = 18;
const UPDATE: u8 = 2;

/// Upper bound of a write, so that reading gets its turn.
const WRITE_OCTETS: usize = 256 * 1024;
