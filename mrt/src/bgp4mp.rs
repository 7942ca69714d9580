//! BGP4MP (RFC 6396 §4.4, RFC 8050 §3): messages and state changes of sessions.

use std::net::IpAddr;

use bgp_codec::{Afi, AsWidth, Asn};
use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::be_u16;

use crate::fields::{Parsed, address, afi_of, asn, put_address, whole};
use crate::record_header::{RecordTooLong, RecordType, encode_record};

/// The session of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bgp4mpSession {
    /// The autonomous system of the peer.
    pub peer_as: Asn,
    /// The autonomous system of the collector.
    pub local_as: Asn,
    /// The collector's index of the interface, or 0.
    pub interface: u16,
    /// The addresses of both ends; early collectors left them and the interface out.
    pub addresses: Option<SessionAddresses>,
}

/// The addresses of a session's ends, of one family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionAddresses {
    peer: IpAddr,
    local: IpAddr,
}

/// A message with its header, and its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bgp4mpMessage<'a> {
    /// Its session.
    pub session: Bgp4mpSession,
    /// Width of AS numbers in the message and in the record.
    pub as_width: AsWidth,
    /// Whether the collector sent it, not the peer.
    pub is_local: bool,
    /// Whether NLRI have path identifiers.
    pub add_path: bool,
    /// The octets of the message.
    pub message: &'a [u8],
}

/// A change of a session's state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bgp4mpStateChange {
    /// The session.
    pub session: Bgp4mpSession,
    /// The former state.
    pub old: SessionState,
    /// The new state.
    pub new: SessionState,
}

/// A state of RFC 4271 §8.2.2, by its number in MRT (RFC 6396 §4.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionState(pub u16);

impl SessionState {
    /// No connection is wanted.
    pub const IDLE: Self = Self(1);
    /// A connection is being opened.
    pub const CONNECT: Self = Self(2);
    /// An incoming connection is awaited.
    pub const ACTIVE: Self = Self(3);
    /// The OPEN was sent.
    pub const OPEN_SENT: Self = Self(4);
    /// The peer's OPEN was accepted.
    pub const OPEN_CONFIRM: Self = Self(5);
    /// Routes are exchanged.
    pub const ESTABLISHED: Self = Self(6);
}

impl SessionAddresses {
    /// The addresses of a session; `None` if they are of different families, which a record cannot represent.
    #[must_use]
    pub fn new(peer: IpAddr, local: IpAddr) -> Option<Self> {
        (afi_of(peer) == afi_of(local)).then_some(Self { peer, local })
    }

    /// The peer's address.
    #[must_use]
    pub fn peer(self) -> IpAddr {
        self.peer
    }

    /// The collector's address.
    #[must_use]
    pub fn local(self) -> IpAddr {
        self.local
    }
}

impl<'a> Bgp4mpMessage<'a> {
    pub(crate) fn decode(subtype: u16, body: &'a [u8]) -> Option<Self> {
        let as_width = if matches!(subtype, 4 | 7 | 9 | 11) { AsWidth::Four } else { AsWidth::Two };
        let (message, session) = Bgp4mpSession::decode(body, as_width).ok()?;
        let is_local = matches!(subtype, 6 | 7 | 10 | 11);
        Some(Self { session, as_width, is_local, add_path: subtype >= 8, message })
    }

    /// Appends the record.
    ///
    /// # Errors
    ///
    /// The message has 4 GiB or more.
    pub fn encode(&self, timestamp_seconds: u32, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        encode_record(out, timestamp_seconds, RecordType::BGP4MP, self.subtype(), |out| {
            self.session.encode(self.as_width, out);
            out.put_slice(self.message);
            Ok(())
        })
    }

    fn subtype(&self) -> u16 {
        match (self.as_width, self.is_local, self.add_path) {
            (AsWidth::Two, false, false) => 1,
            (AsWidth::Four, false, false) => 4,
            (AsWidth::Two, true, false) => 6,
            (AsWidth::Four, true, false) => 7,
            (AsWidth::Two, false, true) => 8,
            (AsWidth::Four, false, true) => 9,
            (AsWidth::Two, true, true) => 10,
            (AsWidth::Four, true, true) => 11,
        }
    }
}

impl Bgp4mpStateChange {
    pub(crate) fn decode(subtype: u16, body: &[u8]) -> Option<Self> {
        let as_width = if subtype == STATE_CHANGE_AS4 { AsWidth::Four } else { AsWidth::Two };
        let (octets, session) = Bgp4mpSession::decode(body, as_width).ok()?;
        let states = (be_u16.map(SessionState), be_u16.map(SessionState)).parse_complete(octets);
        let (old, new) = whole(states)?;
        Some(Self { session, old, new })
    }

    /// Appends the record, with four-octet AS numbers.
    ///
    /// # Errors
    ///
    /// None in practice: the record is short.
    pub fn encode(&self, timestamp_seconds: u32, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        encode_record(out, timestamp_seconds, RecordType::BGP4MP, STATE_CHANGE_AS4, |out| {
            self.session.encode(AsWidth::Four, out);
            out.put_u16(self.old.0);
            out.put_u16(self.new.0);
            Ok(())
        })
    }
}

impl Bgp4mpSession {
    fn decode(octets: &[u8], width: AsWidth) -> Parsed<'_, Self> {
        let (octets, peer_as) = asn(octets, width)?;
        let (octets, local_as) = asn(octets, width)?;
        if octets.starts_with(&MARKER) || octets.len() == STATES_OCTETS {
            return Ok((octets, Self { peer_as, local_as, interface: 0, addresses: None }));
        }
        let (octets, (interface, afi)) = (be_u16, be_u16.map(Afi)).parse_complete(octets)?;
        let (octets, peer) = address(octets, afi)?;
        let (octets, local) = address(octets, afi)?;
        let addresses = Some(SessionAddresses { peer, local });
        Ok((octets, Self { peer_as, local_as, interface, addresses }))
    }

    fn encode(&self, width: AsWidth, out: &mut BytesMut) {
        for asn in [self.peer_as, self.local_as] {
            match width {
                AsWidth::Two => out.put_u16(asn.to_two_octets()),
                AsWidth::Four => out.put_u32(asn.0),
            }
        }
        let Some(SessionAddresses { peer, local }) = self.addresses else { return };
        out.put_u16(self.interface);
        out.put_u16(afi_of(peer).0);
        put_address(peer, out);
        put_address(local, out);
    }
}

/// Octets of the two states at the end of a state change.
const STATES_OCTETS: usize = 4;

/// The marker of a BGP message.
const MARKER: [u8; 16] = [0xff; 16];

const STATE_CHANGE_AS4: u16 = 5;
