//! The Extended Next Hop Encoding capability (RFC 8950 §4).

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::{be_u8, be_u16};
use nom::sequence::preceded;

use crate::parser::Parsed;
use crate::{Afi, Family, Safi};

/// A family, and the address family that its next hops may have: AFI, SAFI and next hop AFI, two octets each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExtendedNextHopFamily {
    /// The family of the routes.
    pub family: Family,
    /// The address family of their next hops.
    pub next_hop: Afi,
}

impl ExtendedNextHopFamily {
    pub(super) fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        // The SAFI has one octet everywhere else; here it is preceded by a zero.
        let safi = preceded(be_u8, be_u8.map(Safi));
        let (rest, (afi, safi, next_hop)) =
            (be_u16.map(Afi), safi, be_u16.map(Afi)).parse_complete(octets)?;
        Ok((rest, Self { family: Family { afi, safi }, next_hop }))
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        out.put_u16(self.family.afi.0);
        out.put_u16(self.family.safi.0.into());
        out.put_u16(self.next_hop.0);
    }
}

impl fmt::Display for ExtendedNextHopFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} over {}", self.family, self.next_hop)
    }
}
