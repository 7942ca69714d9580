//! The payloads in use, and what they say of a route (RFC 6811 §2.1).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{Asn, Prefix};
use foldhash::fast::FixedState;

use crate::change::PayloadChange;
use crate::payload::RoutePayload;

/// The result of origin validation.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Validity {
    /// No payload covers the prefix.
    NotFound,
    /// A payload authorises the origin.
    Valid,
    /// Payloads cover the prefix, and none authorises the origin.
    Invalid,
}

/// Payloads by prefix.
#[derive(Clone, Debug)]
pub struct PayloadTable {
    by_prefix: HashMap<Prefix, Vec<(u8, Asn)>, FixedState>,
    /// How many prefixes of each length have payloads, so that other lengths are not looked up.
    ipv4_lengths: [u32; 33],
    ipv6_lengths: [u32; 129],
    len: usize,
}

impl PayloadTable {
    /// Makes an empty table. `hash_seed` is random, so that nobody can choose prefixes that collide.
    #[must_use]
    pub fn new(hash_seed: u64) -> Self {
        Self {
            by_prefix: HashMap::with_hasher(FixedState::with_seed(hash_seed)),
            ipv4_lengths: [0; 33],
            ipv6_lengths: [0; 129],
            len: 0,
        }
    }

    /// Number of payloads.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Applies a change. A payload that is added twice counts once, and one that is not there is not removed.
    pub fn apply(&mut self, change: &PayloadChange) {
        change.removed.iter().for_each(|&payload| self.remove(payload));
        change.added.iter().for_each(|&payload| self.insert(payload));
    }

    /// Adds the payloads of another table.
    pub fn extend(&mut self, other: &Self) {
        for (&prefix, payloads) in &other.by_prefix {
            for &(max_length, asn) in payloads {
                self.insert(RoutePayload { prefix, max_length, asn });
            }
        }
    }

    /// Adds payloads that cover every prefix.
    pub fn cover_everything(&mut self) {
        for network in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
            let prefix = Prefix::truncating(network, 0);
            self.insert(RoutePayload { prefix, max_length: 0, asn: Asn(0) });
        }
    }

    /// Validates a route with this prefix and origin. `None` is the origin of a path that ends in a set, which no
    /// payload authorises.
    #[must_use]
    pub fn validate(&self, prefix: Prefix, origin: Option<Asn>) -> Validity {
        let mut validity = Validity::NotFound;
        for payloads in self.covering(prefix) {
            validity = Validity::Invalid;
            let authorises = |&(max_length, asn): &(u8, Asn)| {
                prefix.length() <= max_length && Some(asn) == origin && asn != Asn(0)
            };
            if payloads.iter().any(authorises) {
                return Validity::Valid;
            }
        }
        validity
    }

    /// Whether any payload covers a prefix.
    #[must_use]
    pub fn covers(&self, prefix: Prefix) -> bool {
        self.covering(prefix).next().is_some()
    }

    /// The payloads of each prefix that covers this one, the shortest prefix first.
    fn covering(&self, prefix: Prefix) -> impl Iterator<Item = &[(u8, Asn)]> {
        let lengths: &[u32] = match prefix {
            Prefix::Ipv4(_) => &self.ipv4_lengths,
            Prefix::Ipv6(_) => &self.ipv6_lengths,
        };
        let used = (0..=prefix.length()).zip(lengths).filter(|(_, count)| **count > 0);
        used.filter_map(move |(length, _)| {
            let covering = Prefix::truncating(prefix.network(), length);
            self.by_prefix.get(&covering).map(Vec::as_slice)
        })
    }

    fn insert(&mut self, payload: RoutePayload) {
        let of_prefix = self.by_prefix.entry(payload.prefix).or_default();
        let entry = (payload.max_length, payload.asn);
        if of_prefix.contains(&entry) {
            return;
        }
        let is_first = of_prefix.is_empty();
        of_prefix.push(entry);
        self.len += 1;
        if is_first && let Some(count) = self.count_of(payload.prefix) {
            *count += 1;
        }
    }

    fn remove(&mut self, payload: RoutePayload) {
        let Some(of_prefix) = self.by_prefix.get_mut(&payload.prefix) else { return };
        let entry = (payload.max_length, payload.asn);
        let Some(position) = of_prefix.iter().position(|other| *other == entry) else { return };
        of_prefix.swap_remove(position);
        self.len -= 1;
        if of_prefix.is_empty() {
            self.by_prefix.remove(&payload.prefix);
            if let Some(count) = self.count_of(payload.prefix) {
                *count -= 1;
            }
        }
    }

    fn count_of(&mut self, prefix: Prefix) -> Option<&mut u32> {
        let length = usize::from(prefix.length());
        match prefix {
            Prefix::Ipv4(_) => self.ipv4_lengths.get_mut(length),
            Prefix::Ipv6(_) => self.ipv6_lengths.get_mut(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn payload(prefix: &str, max_length: u8, asn: u32) -> RoutePayload {
        RoutePayload::new(prefix.parse().unwrap(), max_length, Asn(asn)).unwrap()
    }

    fn table(payloads: &[RoutePayload]) -> PayloadTable {
        let mut table = PayloadTable::new(1);
        table.apply(&PayloadChange { added: payloads.to_vec(), removed: Vec::new() });
        table
    }

    #[test]
    fn a_route_is_valid_if_one_payload_says_so() {
        let table = table(&[
            payload("10.0.0.0/8", 16, 65001),
            payload("10.1.0.0/16", 24, 65002),
            payload("192.0.2.0/24", 24, 0),
            payload("2001:db8::/32", 48, 65001),
        ]);
        for (prefix, origin, expected) in [
            ("10.0.0.0/8", Some(65001), Validity::Valid),
            ("10.2.0.0/16", Some(65001), Validity::Valid),
            ("10.2.0.0/17", Some(65001), Validity::Invalid),
            ("10.1.0.0/16", Some(65001), Validity::Valid),
            ("10.1.2.0/24", Some(65002), Validity::Valid),
            ("10.1.2.0/24", Some(65001), Validity::Invalid),
            ("10.1.2.0/25", Some(65002), Validity::Invalid),
            ("10.0.0.0/8", None, Validity::Invalid),
            ("0.0.0.0/0", Some(65001), Validity::NotFound),
            ("11.0.0.0/8", None, Validity::NotFound),
            // AS 0 authorises nobody, not even itself.
            ("192.0.2.0/24", Some(0), Validity::Invalid),
            ("2001:db8:1::/48", Some(65001), Validity::Valid),
            ("2001:db8:1::/49", Some(65001), Validity::Invalid),
            ("2001:db9::/32", Some(65001), Validity::NotFound),
        ] {
            let found = table.validate(prefix.parse().unwrap(), origin.map(Asn));
            assert_eq!(found, expected, "{prefix} of {origin:?}");
        }
    }

    /// As RFC 6811 §2 puts it, from all payloads at once.
    fn naive(payloads: &BTreeSet<RoutePayload>, prefix: Prefix, origin: Option<Asn>) -> Validity {
        let mut covering = payloads.iter().filter(|payload| payload.prefix.contains(prefix)).peekable();
        if covering.peek().is_none() {
            return Validity::NotFound;
        }
        let matches = |payload: &RoutePayload| {
            prefix.length() <= payload.max_length && Some(payload.asn) == origin && payload.asn.0 != 0
        };
        if covering.any(matches) { Validity::Valid } else { Validity::Invalid }
    }

    prop_compose! {
        fn some_prefix()(is_ipv4: bool, bits: u8, length in 0..=8u8) -> Prefix {
            let network = if is_ipv4 {
                IpAddr::V4([bits, 0, 0, 0].into())
            } else {
                IpAddr::V6((u128::from(bits) << 120).into())
            };
            Prefix::truncating(network, length)
        }
    }

    prop_compose! {
        fn some_payload()(prefix in some_prefix(), more in 0..4u8, asn in 0..4u32) -> RoutePayload {
            RoutePayload { prefix, max_length: prefix.length() + more, asn: Asn(asn) }
        }
    }

    proptest! {
        #[test]
        fn any_history_validates_as_all_payloads_at_once(
            steps in proptest::collection::vec((any::<bool>(), some_payload()), 0..60),
            routes in proptest::collection::vec((some_prefix(), proptest::option::of(0..4u32)), 1..20),
        ) {
            let mut table = PayloadTable::new(3);
            let mut all = BTreeSet::new();
            for (adds, payload) in steps {
                let mut change = PayloadChange::default();
                if adds {
                    change.added.push(payload);
                    all.insert(payload);
                } else {
                    change.removed.push(payload);
                    all.remove(&payload);
                }
                table.apply(&change);
            }
            prop_assert_eq!(table.len(), all.len());
            for (prefix, origin) in routes {
                let origin = origin.map(Asn);
                prop_assert_eq!(table.validate(prefix, origin), naive(&all, prefix, origin));
                prop_assert_eq!(table.covers(prefix), all.iter().any(|it| it.prefix.contains(prefix)));
            }
        }
    }
}
