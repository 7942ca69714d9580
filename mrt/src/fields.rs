//! Parsers of the fields that several records have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{Afi, AsWidth, Asn};
use bytes::BufMut;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32, be_u128};
use nom::{IResult, Parser};

/// What a parser returns: the octets after the value, and the value. The error says where; a record as a whole is malformed.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T>;

/// A field with its length in the two octets before it.
pub(crate) fn u16_sized(octets: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, length_octets) = be_u16(octets)?;
    take(length_octets)(rest)
}

/// An address of a family; malformed when the family is neither IPv4 nor IPv6.
pub(crate) fn address(octets: &[u8], afi: Afi) -> Parsed<'_, IpAddr> {
    match afi {
        Afi::IPV4 => be_u32.map(|bits| Ipv4Addr::from_bits(bits).into()).parse_complete(octets),
        Afi::IPV6 => be_u128.map(|bits| Ipv6Addr::from_bits(bits).into()).parse_complete(octets),
        _ => Err(malformed(octets)),
    }
}

pub(crate) fn asn(octets: &[u8], width: AsWidth) -> Parsed<'_, Asn> {
    match width {
        AsWidth::Two => be_u16.map(|asn| Asn(asn.into())).parse_complete(octets),
        AsWidth::Four => be_u32.map(Asn).parse_complete(octets),
    }
}

pub(crate) fn malformed(octets: &[u8]) -> nom::Err<nom::error::Error<&[u8]>> {
    nom::Err::Error(nom::error::Error::new(octets, nom::error::ErrorKind::Verify))
}

pub(crate) fn afi_of(address: IpAddr) -> Afi {
    if address.is_ipv4() { Afi::IPV4 } else { Afi::IPV6 }
}

pub(crate) fn put_address(address: IpAddr, out: &mut impl BufMut) {
    match address {
        IpAddr::V4(address) => out.put_slice(&address.octets()),
        IpAddr::V6(address) => out.put_slice(&address.octets()),
    }
}
