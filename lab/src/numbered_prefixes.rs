//! Numbered prefixes to originate.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::router::Family;

/// The first `count` of 65,536 prefixes of an origin: /24 from `100 + origin` on in IPv4, /64 in IPv6.
///
/// Prefixes of different origins up to 120 are disjoint, and outside private and documentation IPv4 space.
#[must_use]
pub fn numbered_prefixes(family: Family, origin: u8, count: u16) -> Vec<String> {
    let prefix = |number: u16| match family {
        Family::Ipv4 => {
            let [high, low] = number.to_be_bytes();
            format!("{}/24", Ipv4Addr::new(100 + origin, high, low, 0))
        }
        Family::Ipv6 => {
            format!("{}/64", Ipv6Addr::new(0x2001, 0xdb8, 0x100 + u16::from(origin), number, 0, 0, 0, 0))
        }
    };
    (0..count).map(prefix).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::numbered_prefixes;
    use crate::router::Family;

    #[test]
    fn prefixes_differ_in_number_and_origin() {
        for family in [Family::Ipv4, Family::Ipv6] {
            let mut all = BTreeSet::new();
            for origin in [1, 2, 3] {
                all.extend(numbered_prefixes(family, origin, 10_000));
            }
            assert_eq!(all.len(), 30_000, "{family:?}");
        }
    }
}
