//! A table for longest-prefix match.

use std::collections::HashMap;
use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

/// Values by prefix, of both families.
///
/// A hash table and the number of prefixes of each length: a match takes one look-up for each length in use,
/// and real tables use few.
#[derive(Clone, Debug)]
pub struct LongestMatch<T> {
    values: HashMap<Prefix, T>,
    ipv4_lengths: Vec<usize>,
    ipv6_lengths: Vec<usize>,
}

impl<T> Default for LongestMatch<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            ipv4_lengths: vec![0; usize::from(Ipv4Prefix::MAX_LENGTH) + 1],
            ipv6_lengths: vec![0; usize::from(Ipv6Prefix::MAX_LENGTH) + 1],
        }
    }
}

impl<T> LongestMatch<T> {
    /// The value of exactly this prefix.
    #[must_use]
    pub fn get(&self, prefix: Prefix) -> Option<&T> {
        self.values.get(&prefix)
    }

    /// Sets the value of a prefix and returns the former one.
    pub fn insert(&mut self, prefix: Prefix, value: T) -> Option<T> {
        let former = self.values.insert(prefix, value);
        if former.is_none() {
            *self.count(prefix) += 1;
        }
        former
    }

    /// Removes a prefix and returns its value.
    pub fn remove(&mut self, prefix: Prefix) -> Option<T> {
        let former = self.values.remove(&prefix)?;
        *self.count(prefix) -= 1;
        Some(former)
    }

    /// The prefixes that cover an address, the longest first.
    pub fn around(&self, address: IpAddr) -> impl Iterator<Item = (Prefix, &T)> {
        let lengths = match address {
            IpAddr::V4(_) => &self.ipv4_lengths,
            IpAddr::V6(_) => &self.ipv6_lengths,
        };
        let longest = match address {
            IpAddr::V4(_) => Ipv4Prefix::MAX_LENGTH,
            IpAddr::V6(_) => Ipv6Prefix::MAX_LENGTH,
        };
        let used = (0..=longest).rev().filter(|&length| lengths[usize::from(length)] > 0);
        used.filter_map(move |length| {
            let prefix = truncated(address, length);
            self.values.get(&prefix).map(|value| (prefix, value))
        })
    }

    /// All prefixes, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix, &T)> {
        self.values.iter().map(|(&prefix, value)| (prefix, value))
    }

    fn count(&mut self, prefix: Prefix) -> &mut usize {
        match prefix {
            Prefix::Ipv4(prefix) => &mut self.ipv4_lengths[usize::from(prefix.length())],
            Prefix::Ipv6(prefix) => &mut self.ipv6_lengths[usize::from(prefix.length())],
        }
    }
}

/// The first and the last address inside a prefix.
#[must_use]
pub fn address_range(prefix: Prefix) -> (IpAddr, IpAddr) {
    match prefix {
        Prefix::Ipv4(prefix) => {
            let first = u32::from(prefix.address());
            let host = u32::MAX.checked_shr(prefix.length().into()).unwrap_or(0);
            (IpAddr::V4(first.into()), IpAddr::V4((first | host).into()))
        }
        Prefix::Ipv6(prefix) => {
            let first = u128::from(prefix.address());
            let host = u128::MAX.checked_shr(prefix.length().into()).unwrap_or(0);
            (IpAddr::V6(first.into()), IpAddr::V6((first | host).into()))
        }
    }
}

fn truncated(address: IpAddr, length: u8) -> Prefix {
    match address {
        IpAddr::V4(address) => Ipv4Prefix::truncating(address, length).erase(),
        IpAddr::V6(address) => Ipv6Prefix::truncating(address, length).erase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_comes_first() {
        let mut table = LongestMatch::default();
        for prefix in ["0.0.0.0/0", "10.0.0.0/8", "10.65.0.0/16", "10.65.1.0/26", "::/0", "fd00::/64"] {
            table.insert(prefix.parse().unwrap(), prefix);
        }
        let around = |table: &LongestMatch<&'static str>, address: &str| -> Vec<&'static str> {
            table.around(address.parse().unwrap()).map(|(_, &text)| text).collect()
        };
        assert_eq!(around(&table, "10.65.1.1"), ["10.65.1.0/26", "10.65.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(around(&table, "10.66.0.1"), ["10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(around(&table, "fd00::1"), ["fd00::/64", "::/0"]);
        assert_eq!(table.remove("10.65.1.0/26".parse().unwrap()), Some("10.65.1.0/26"));
        assert_eq!(table.remove("10.65.1.0/26".parse().unwrap()), None);
        assert_eq!(around(&table, "10.65.1.1"), ["10.65.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
    }

    #[test]
    fn a_range_holds_the_whole_prefix() {
        let rows = [
            ("10.65.1.0/26", "10.65.1.0", "10.65.1.63"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("10.0.0.1/32", "10.0.0.1", "10.0.0.1"),
            ("fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (prefix, first, last) in rows {
            let range = address_range(prefix.parse().unwrap());
            assert_eq!(range, (first.parse().unwrap(), last.parse().unwrap()), "{prefix}");
        }
    }
}
