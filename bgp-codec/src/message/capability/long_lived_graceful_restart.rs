//! The Long-Lived Graceful Restart capability (RFC 9494 §3.1).

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::{be_u8, be_u24};

use crate::Family;
use crate::parser::Parsed;

/// How long stale routes of a family may be kept: AFI, SAFI, flags, and three octets of seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LongLivedFamily {
    /// The family.
    pub family: Family,
    /// Forwarding continued during the restart (the F bit).
    pub forwarding_preserved: bool,
    /// Seconds after the restart time; at most 16,777,215.
    pub stale_time_seconds: u32,
}

impl LongLivedFamily {
    pub(super) fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        let (rest, (family, flags, stale_time_seconds)) =
            (Family::decode, be_u8, be_u24).parse_complete(octets)?;
        let forwarding_preserved = flags & FORWARDING_PRESERVED != 0;
        Ok((rest, Self { family, forwarding_preserved, stale_time_seconds }))
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        self.family.encode(out);
        let flags = if self.forwarding_preserved { FORWARDING_PRESERVED } else { 0 };
        let [_, high, middle, low] = self.stale_time_seconds.min(MAX_STALE_TIME_SECONDS).to_be_bytes();
        out.put_slice(&[flags, high, middle, low]);
    }
}

impl fmt::Display for LongLivedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} s", self.family, self.stale_time_seconds)
    }
}

const FORWARDING_PRESERVED: u8 = 0x80;

const MAX_STALE_TIME_SECONDS: u32 = 0x00ff_ffff;
