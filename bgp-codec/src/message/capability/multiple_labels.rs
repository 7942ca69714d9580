//! The Multiple Labels capability (RFC 8277 §2.1).

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::be_u8;

use super::encode_family;
use crate::Family;
use crate::parser::Parsed;

/// How many labels a speaker takes for one prefix of a family: AFI, SAFI, and an octet for the count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LabelledFamily {
    /// Whose prefixes.
    pub family: Family,
    /// How many labels; what is below 2 says nothing and is to be ignored.
    pub labels: u8,
}

impl LabelledFamily {
    pub(super) fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        (Family::decode, be_u8).map(|(family, labels)| Self { family, labels }).parse_complete(octets)
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        encode_family(self.family, out);
        out.put_u8(self.labels);
    }
}

impl fmt::Display for LabelledFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.labels)
    }
}
