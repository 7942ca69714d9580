//! Parsers of fields that several records have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{Afi, AsWidth, Asn};
use bytes::BufMut;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32, be_u128};
use nom::{IResult, Parser};

/// Result of a parser: the octets after the value, and the value. The error is not used: a record is
/// malformed as a whole.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T>;

/// A field preceded by its length in two octets.
pub(crate) fn u16_sized(octets: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, length_octets) = be_u16(octets)?;
    take(length_octets)(rest)
}

/// An address of a family; malformed if the family is neither IPv4 nor IPv6.
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

/// The value of a parser that consumed all octets.
pub(crate) fn whole<T>(parsed: Parsed<'_, T>) -> Option<T> {
    parsed.ok().filter(|(rest, _)| rest.is_empty()).map(|(_, value)| value)
}

/// Elements preceded by their count in two octets.
pub(crate) fn counted<'a, T>(
    octets: &'a [u8],
    mut element: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (mut rest, count) = be_u16(octets)?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let (after, value) = element(rest)?;
        elements.push(value);
        rest = after;
    }
    Ok((rest, elements))
}
