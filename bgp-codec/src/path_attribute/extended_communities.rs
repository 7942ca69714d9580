//! EXTENDED_COMMUNITIES (RFC 4360).

use std::fmt;
use std::net::Ipv4Addr;

/// An extended community: eight octets, of which the first one or two are its type.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExtendedCommunity(pub [u8; 8]);

impl ExtendedCommunity {
    /// Whether it may cross the border of an autonomous system (RFC 4360 §2, the T bit).
    #[must_use]
    pub fn is_transitive(self) -> bool {
        let [kind, ..] = self.0;
        kind & 0x40 == 0
    }
}

/// Route targets and route origins as operators write them, the others as hexadecimal digits.
impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, subtype, a, b, c, d, e, g] = self.0;
        let name = match subtype {
            0x02 => "rt",
            0x03 => "ro",
            _ => return write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        };
        match kind {
            0x00 => write!(f, "{name}:{}:{}", u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, g])),
            0x01 => write!(f, "{name}:{}:{}", Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([e, g])),
            0x02 => write!(f, "{name}:{}:{}", u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, g])),
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

impl From<[u8; 8]> for ExtendedCommunity {
    fn from(octets: [u8; 8]) -> Self {
        Self(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_origins_are_shown_by_name() {
        for (octets, text) in [
            ([0x00, 0x02, 0xfd, 0xe8, 0, 0, 0, 100], "rt:65000:100"),
            ([0x01, 0x03, 10, 0, 0, 1, 0, 7], "ro:10.0.0.1:7"),
            ([0x02, 0x02, 0, 1, 0, 0, 0, 9], "rt:65536:9"),
            ([0x03, 0x0c, 0, 0, 0, 0, 0, 8], "0x030c000000000008"),
            ([0x06, 0x02, 0, 0, 0, 0, 0, 8], "0x0602000000000008"),
        ] {
            assert_eq!(ExtendedCommunity(octets).to_string(), text);
        }
    }

    #[test]
    fn the_second_bit_keeps_a_community_at_home() {
        assert!(ExtendedCommunity([0x03, 0x0c, 0, 0, 0, 0, 0, 8]).is_transitive());
        assert!(!ExtendedCommunity([0x40, 0x04, 0, 0, 0, 0, 0, 8]).is_transitive());
    }
}
