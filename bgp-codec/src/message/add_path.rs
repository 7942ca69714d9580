//! The ADD-PATH capability (RFC 7911 §4): who sends several paths to a prefix, and who takes them.

use bytes::{BufMut, BytesMut};

use crate::reader::Reader;
use crate::{Afi, Family, Safi};

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
    /// The speaker takes several paths to a prefix.
    pub const RECEIVE: Self = Self(1);
    /// The speaker sends several paths to a prefix.
    pub const SEND: Self = Self(2);
    /// The speaker does both.
    pub const BOTH: Self = Self(3);

    /// Whether the speaker takes several paths. A value that is not assigned says neither.
    #[must_use]
    pub fn receives(self) -> bool {
        self == Self::RECEIVE || self == Self::BOTH
    }

    /// Whether the speaker sends several paths. A value that is not assigned says neither.
    #[must_use]
    pub fn sends(self) -> bool {
        self == Self::SEND || self == Self::BOTH
    }
}

/// Reads the capability's value; `None` when its length is wrong.
pub(super) fn decode(value: &[u8]) -> Option<Vec<(Family, AddPathMode)>> {
    let mut reader = Reader::new(value);
    let mut modes = Vec::new();
    while !reader.is_empty() {
        let family = Family { afi: Afi(reader.u16()?), safi: Safi(reader.u8()?) };
        modes.push((family, AddPathMode(reader.u8()?)));
    }
    Some(modes)
}

/// Appends length and value. What does not fit into 255 octets is left out.
pub(super) fn encode(modes: &[(Family, AddPathMode)], out: &mut BytesMut) {
    let modes = modes.get(..MAX_FAMILIES).unwrap_or(modes);
    out.put_u8(u8::try_from(modes.len().saturating_mul(FAMILY_OCTETS)).unwrap_or(u8::MAX));
    for (family, mode) in modes {
        out.put_u16(family.afi.0);
        out.put_slice(&[family.safi.0, mode.0]);
    }
}

const FAMILY_OCTETS: usize = 4;

/// As many as 255 octets hold.
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
    fn values_that_are_not_assigned_say_neither() {
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
        assert_eq!((out[0], out.len()), (252, 253));
    }
}
