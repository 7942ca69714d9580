//! The Graceful Restart capability (RFC 4724 §3, RFC 8538 §2).

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::multi::many0;
use nom::number::complete::{be_u8, be_u16};

use crate::Family;
use crate::parser::{Parsed, whole};

/// The behaviour of a speaker at a restart.
///
/// ```text
/// +-------+-----------------------+
/// |R|N|   | restart time, 12 bits |
/// +-------+-------+---------------+
/// | AFI           | SAFI  | F...  |  for each family
/// +---------------+-------+-------+
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GracefulRestart {
    /// The speaker has restarted: peers need not wait for its End-of-RIB before they send (the R bit).
    pub restarted: bool,
    /// A NOTIFICATION does not end the restart procedure, and a Hard Reset is understood (the N bit of RFC
    /// 8538).
    pub survives_notification: bool,
    /// Seconds within which the session is re-established after a restart; at most 4,095.
    pub restart_time_seconds: u16,
    /// The families concerned, at most 63. If empty, the speaker only supports End-of-RIB.
    pub families: Vec<GracefulRestartFamily>,
}

/// A family whose forwarding state may survive a restart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GracefulRestartFamily {
    /// The family.
    pub family: Family,
    /// Forwarding continued during the restart (the F bit).
    pub forwarding_preserved: bool,
}

impl GracefulRestart {
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (head, families) = whole(value, (be_u16, many0(GracefulRestartFamily::decode)))?;
        Some(Self {
            restarted: head & RESTARTED != 0,
            survives_notification: head & SURVIVES_NOTIFICATION != 0,
            restart_time_seconds: head & MAX_RESTART_TIME_SECONDS,
            families,
        })
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        let mut head = self.restart_time_seconds.min(MAX_RESTART_TIME_SECONDS);
        head |= if self.restarted { RESTARTED } else { 0 };
        head |= if self.survives_notification { SURVIVES_NOTIFICATION } else { 0 };
        out.put_u16(head);
        for entry in self.families.iter().take(63) {
            entry.family.encode(out);
            out.put_u8(if entry.forwarding_preserved { FORWARDING_PRESERVED } else { 0 });
        }
    }
}

impl GracefulRestartFamily {
    fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        let forwarding_preserved = be_u8.map(|flags| flags & FORWARDING_PRESERVED != 0);
        let (rest, (family, forwarding_preserved)) =
            (Family::decode, forwarding_preserved).parse_complete(octets)?;
        Ok((rest, Self { family, forwarding_preserved }))
    }
}

impl fmt::Display for GracefulRestart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "graceful restart {} s", self.restart_time_seconds)?;
        if self.restarted {
            f.write_str(", restarted")?;
        }
        if self.survives_notification {
            f.write_str(", survives notifications")?;
        }
        self.families.iter().try_for_each(|entry| {
            let preserved = if entry.forwarding_preserved { " forwarding preserved" } else { "" };
            write!(f, ", {}{preserved}", entry.family)
        })
    }
}

const RESTARTED: u16 = 0x8000;
const SURVIVES_NOTIFICATION: u16 = 0x4000;
const MAX_RESTART_TIME_SECONDS: u16 = 0x0fff;

/// Flag in the octet of a family.
const FORWARDING_PRESERVED: u8 = 0x80;
