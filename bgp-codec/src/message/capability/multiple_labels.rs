//! The Multiple Labels capability (RFC 8277 §2.1).

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::{encode_family, family};
use crate::Family;
use crate::reader::Reader;

/// How many labels a speaker takes for one prefix of a family: AFI, SAFI, and an octet for the count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LabelledFamily {
    /// Whose prefixes.
    pub family: Family,
    /// How many labels; what is below 2 says nothing and is to be ignored.
    pub labels: u8,
}

impl LabelledFamily {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { family: family(reader)?, labels: reader.u8()? })
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
