//! A set of prefix ranges, as fast with a hundred thousand members as with one.

mod intervals;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bgp_codec::Prefix;

use self::intervals::Intervals;
use crate::prefix_range::PrefixRange;

/// A set of prefix ranges. Cheap to clone.
///
/// A look-up is one binary search over the borders of the members. Equality looks at the members in their order.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(from = "Vec<PrefixRange>", into = "Vec<PrefixRange>")]
pub struct PrefixSet(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    members: Vec<PrefixRange>,
    /// Of the members, so that sets are compared and hashed without looking at each of them.
    digest: u64,
    ipv4: Intervals<u32>,
    ipv6: Intervals<u128>,
}

impl PrefixSet {
    /// The set of these ranges.
    pub fn new(members: Vec<PrefixRange>) -> Self {
        let mut hasher = DefaultHasher::new();
        members.hash(&mut hasher);
        let ipv4 = members.iter().filter_map(|range| match range.prefix() {
            Prefix::Ipv4(prefix) => Some((prefix, range.lengths())),
            Prefix::Ipv6(_) => None,
        });
        let ipv6 = members.iter().filter_map(|range| match range.prefix() {
            Prefix::Ipv6(prefix) => Some((prefix, range.lengths())),
            Prefix::Ipv4(_) => None,
        });
        let (ipv4, ipv6) = (Intervals::new(ipv4), Intervals::new(ipv6));
        Self(Arc::new(Compiled { digest: hasher.finish(), ipv4, ipv6, members }))
    }

    /// Whether some member holds the prefix.
    #[inline]
    pub fn contains(&self, prefix: Prefix) -> bool {
        match prefix {
            Prefix::Ipv4(prefix) => self.0.ipv4.contains(prefix),
            Prefix::Ipv6(prefix) => self.0.ipv6.contains(prefix),
        }
    }

    /// The members in the order given.
    pub fn members(&self) -> &[PrefixRange] {
        &self.0.members
    }
}

impl PartialEq for PrefixSet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.digest == other.0.digest && self.0.members == other.0.members
    }
}

impl Eq for PrefixSet {}

impl Hash for PrefixSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.digest);
    }
}

impl From<Vec<PrefixRange>> for PrefixSet {
    fn from(members: Vec<PrefixRange>) -> Self {
        Self::new(members)
    }
}

impl From<PrefixSet> for Vec<PrefixRange> {
    fn from(set: PrefixSet) -> Self {
        set.members().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{Ipv4Prefix, Ipv6Prefix};
    use proptest::prelude::*;

    use super::*;
    use crate::length_range::LengthRange;

    /// Few bits differ, so that members and routes lie inside each other often.
    fn prefix() -> impl Strategy<Value = Prefix> {
        let ipv4 = (any::<u8>(), 0..=32u8).prop_map(|(bits, length)| {
            let address = [10, bits & 3, bits & 0xc0, bits].into();
            Prefix::Ipv4(Ipv4Prefix::truncating(address, length))
        });
        let ipv6 = (any::<u8>(), 0..=128u8).prop_map(|(bits, length)| {
            let address = (0x2001_0db8_u128 << 96 | u128::from(bits & 3) << 64 | u128::from(bits)).into();
            Prefix::Ipv6(Ipv6Prefix::truncating(address, length))
        });
        let edge =
            prop_oneof![Just("0.0.0.0/0"), Just("255.255.255.255/32"), Just("::/0"), Just("255.0.0.0/8")]
                .prop_map(|text| text.parse().unwrap());
        prop_oneof![4 => ipv4, 3 => ipv6, 1 => edge]
    }

    fn range() -> impl Strategy<Value = PrefixRange> {
        (prefix(), any::<(u8, u8)>()).prop_map(|(prefix, (one, other))| {
            let longest = if matches!(prefix, Prefix::Ipv4(_)) { 32 } else { 128 };
            let span = longest - prefix.length() + 1;
            let (one, other) = (prefix.length() + one % span, prefix.length() + other % span);
            PrefixRange::new(prefix, LengthRange::new(one.min(other), one.max(other))).unwrap()
        })
    }

    proptest! {
        #[test]
        fn a_set_holds_what_one_of_its_members_holds(
            members in prop::collection::vec(range(), 0..40),
            routes in prop::collection::vec(prefix(), 1..60),
        ) {
            let set = PrefixSet::new(members.clone());
            for route in routes {
                let expected = members.iter().any(|member| member.contains(route));
                prop_assert_eq!(set.contains(route), expected, "{} in {:?}", route, members);
            }
        }
    }
}
