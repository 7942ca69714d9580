//! AGGREGATOR (RFC 4271 §5.1.7) and AS4_AGGREGATOR (RFC 6793 §3).

use std::fmt;
use std::net::Ipv4Addr;

use bytes::BufMut;
use nom::Parser;
use nom::number::complete::{be_u16, be_u32};

use crate::parser::whole;
use crate::{AsWidth, Asn};

/// The speaker that formed an aggregate.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Aggregator {
    /// Its autonomous system.
    pub asn: Asn,
    /// Its address or BGP Identifier.
    pub address: Ipv4Addr,
}

impl Aggregator {
    /// Decodes six or eight octets, by the width; `None` for another length or AS 0 (RFC 7607 §2).
    pub(crate) fn decode(value: &[u8], width: AsWidth) -> Option<Self> {
        let (asn, address) = match width {
            AsWidth::Two => whole(value, (be_u16.map(u32::from), be_u32)),
            AsWidth::Four => whole(value, (be_u32, be_u32)),
        }?;
        let aggregator = Self { asn: Asn(asn), address: Ipv4Addr::from_bits(address) };
        (!aggregator.asn.is_reserved_zero()).then_some(aggregator)
    }

    /// The value with a four-octet AS number.
    pub(crate) fn octets(self) -> [u8; 8] {
        let mut octets = [0; 8];
        let mut out = &mut octets[..];
        out.put_u32(self.asn.0);
        out.put_slice(&self.address.octets());
        octets
    }

    /// The value for a two-octet peer, which also needs AS4_AGGREGATOR if the number does not fit.
    pub(crate) fn narrow_octets(self) -> [u8; 6] {
        let mut octets = [0; 6];
        let mut out = &mut octets[..];
        out.put_u16(self.asn.to_two_octets());
        out.put_slice(&self.address.octets());
        octets
    }
}

impl fmt::Display for Aggregator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.asn, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_follows_the_width_of_as_numbers() {
        let aggregator = Aggregator { asn: Asn(64512), address: [10, 0, 0, 1].into() };
        assert_eq!(Aggregator::decode(&aggregator.octets(), AsWidth::Four), Some(aggregator));
        assert_eq!(Aggregator::decode(&aggregator.narrow_octets(), AsWidth::Two), Some(aggregator));
        assert_eq!(Aggregator::decode(&aggregator.octets(), AsWidth::Two), None);
        assert_eq!(Aggregator::decode(&aggregator.narrow_octets(), AsWidth::Four), None);
    }

    #[test]
    fn as_0_is_rejected() {
        assert_eq!(Aggregator::decode(&[0, 0, 10, 0, 0, 1], AsWidth::Two), None);
        assert_eq!(Aggregator::decode(&[0, 0, 0, 0, 10, 0, 0, 1], AsWidth::Four), None);
    }
}
