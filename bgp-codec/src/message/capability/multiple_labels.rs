//! The Multiple Labels capability (RFC 8277 §2.1).

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::be_u8;

use crate::Family;
use crate::parser::Parsed;

/// Number of labels that a speaker accepts for one prefix of a family: AFI, SAFI, and a count of one octet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LabelledFamily {
    /// The family.
    pub family: Family,
    /// Number of labels; values below 2 are to be ignored.
    pub labels: u8,
}

impl LabelledFamily {
    pub(super) fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        (Family::decode, be_u8).map(|(family, labels)| Self { family, labels }).parse_complete(octets)
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        self.family.encode(out);
        out.put_u8(self.labels);
    }
}

impl fmt::Display for LabelledFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.labels)
    }
}
