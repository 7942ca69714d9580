//! The ADD-PATH capability (RFC 7911 §4): sending and receiving several paths to a prefix.

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::multi::many0;
use nom::number::complete::be_u8;

use crate::Family;
use crate::parser::whole;

/// Whether a speaker can receive, send, or both receive and send path identifiers in a family.
///
/// ```text
/// 0        2      3           4
/// +--------+------+-----------+
/// |  AFI   | SAFI | Send/Rec. |   one or more times
/// +--------+------+-----------+
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AddPathMode(pub u8);

impl AddPathMode {
    /// The speaker can receive several paths to a prefix.
    pub const RECEIVE: Self = Self(1);
    /// The speaker can send several paths to a prefix.
    pub const SEND: Self = Self(2);
    /// The speaker can do both.
    pub const BOTH: Self = Self(3);

    /// Whether the speaker can receive several paths. An unassigned value means neither.
    #[must_use]
    pub fn receives(self) -> bool {
        self == Self::RECEIVE || self == Self::BOTH
    }

    /// Whether the speaker can send several paths. An unassigned value means neither.
    #[must_use]
    pub fn sends(self) -> bool {
        self == Self::SEND || self == Self::BOTH
    }
}

/// Decodes the capability's value; `None` if its length is wrong.
pub(super) fn decode(value: &[u8]) -> Option<Vec<(Family, AddPathMode)>> {
    whole(value, many0((Family::decode, be_u8.map(AddPathMode))))
}

/// Appends the value. Families beyond 255 octets are left out.
pub(super) fn encode(modes: &[(Family, AddPathMode)], out: &mut BytesMut) {
    for (family, mode) in modes.iter().take(MAX_FAMILIES) {
        family.encode(out);
        out.put_u8(mode.0);
    }
}

impl fmt::Display for AddPathMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RECEIVE => f.write_str("receive"),
            Self::SEND => f.write_str("send"),
            Self::BOTH => f.write_str("receive and send"),
            Self(value) => write!(f, "value {value}"),
        }
    }
}

/// Families that fit into 255 octets.
const MAX_FAMILIES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_families_only() {
        for (value, expected) in [
            (&[][..], Some(vec![])),
            (&[0, 1, 1, 3], Some(vec![(Family::IPV4_UNICAST, AddPathMode::BOTH)])),
            (
                &[0, 2, 1, 9, 0, 1, 1, 1],
                Some(vec![
                    (Family::IPV6_UNICAST, AddPathMode(9)),
                    (Family::IPV4_UNICAST, AddPathMode::RECEIVE),
                ]),
            ),
            (&[0, 1, 1], None),
            (&[0, 1, 1, 3, 0], None),
        ] {
            assert_eq!(decode(value), expected, "{value:?}");
        }
    }

    #[test]
    fn unassigned_values_mean_neither() {
        for (value, receives, sends) in
            [(0, false, false), (1, true, false), (2, false, true), (3, true, true), (4, false, false)]
        {
            let mode = AddPathMode(value);
            assert_eq!((mode.receives(), mode.sends()), (receives, sends), "{value}");
        }
    }

    #[test]
    fn at_most_63_families_fit() {
        let mut out = BytesMut::new();
        encode(&[(Family::IPV4_UNICAST, AddPathMode::BOTH); 70], &mut out);
        assert_eq!(out.len(), 252);
    }
}
