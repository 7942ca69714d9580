//! Records of older collectors: TABLE_DUMP (RFC 6396 §4.2) and the type BGP (RFC 6396 §B.2). They are only
//! decoded.

use std::net::{IpAddr, Ipv4Addr};

use bgp_codec::{Afi, AsWidth, Asn, IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32};

use crate::fields::{Parsed, address, asn, malformed, u16_sized};

/// An UPDATE without its header, with two-octet AS numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OldUpdate<'a> {
    /// The autonomous system of the peer that sent it.
    pub peer_as: Asn,
    /// The address of that peer.
    pub peer: Ipv4Addr,
    /// The octets after the header of the UPDATE.
    pub body: &'a [u8],
}

/// One route of a table, with two-octet AS numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TableDumpEntry<'a> {
    /// The prefix.
    pub prefix: Prefix,
    /// When the route was received, in seconds since 1970.
    pub originated_seconds: u32,
    /// The address of the peer that sent it.
    pub peer: IpAddr,
    /// The autonomous system of that peer.
    pub peer_as: Asn,
    /// Its attributes.
    pub attributes: &'a [u8],
}

impl<'a> OldUpdate<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Option<Self> {
        // The collector's own AS number and address follow those of the peer.
        let fields = (be_u16::<_, nom::error::Error<_>>, be_u32, take(6_usize));
        let mut fields = fields.map(|(peer_as, peer, _)| (Asn(peer_as.into()), Ipv4Addr::from_bits(peer)));
        let (body, (peer_as, peer)) = fields.parse_complete(octets).ok()?;
        Some(Self { peer_as, peer, body })
    }
}

impl<'a> TableDumpEntry<'a> {
    /// Decodes all entries of a body; the subtype is the address family.
    pub(crate) fn decode_all(subtype: u16, body: &'a [u8]) -> Option<Vec<Self>> {
        // View and sequence number occur once.
        let mut octets = body.get(4..)?;
        let mut entries = Vec::new();
        while !octets.is_empty() {
            let (rest, entry) = Self::decode(octets, Afi(subtype)).ok()?;
            entries.push(entry);
            octets = rest;
        }
        Some(entries)
    }

    fn decode(octets: &'a [u8], afi: Afi) -> Parsed<'a, Self> {
        let (rest, network) = address(octets, afi)?;
        // The octet in between is a status that is always 1.
        let (rest, (length_bits, _status, originated_seconds)) =
            (be_u8, be_u8, be_u32).parse_complete(rest)?;
        let (rest, peer) = address(rest, afi)?;
        let (rest, peer_as) = asn(rest, AsWidth::Two)?;
        let (rest, attributes) = u16_sized(rest)?;
        let prefix = prefix(network, length_bits).ok_or_else(|| malformed(octets))?;
        Ok((rest, Self { prefix, originated_seconds, peer, peer_as, attributes }))
    }
}

/// The prefix that covers an address, with host bits cleared; `None` if it is longer than its family allows.
fn prefix(address: IpAddr, length_bits: u8) -> Option<Prefix> {
    match address {
        IpAddr::V4(address) if length_bits <= Ipv4Prefix::MAX_LENGTH => {
            Some(Ipv4Prefix::truncating(address, length_bits).erase())
        }
        IpAddr::V6(address) if length_bits <= Ipv6Prefix::MAX_LENGTH => {
            Some(Ipv6Prefix::truncating(address, length_bits).erase())
        }
        _ => None,
    }
}
