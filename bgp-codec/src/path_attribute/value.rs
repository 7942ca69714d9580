//! An attribute of an accepted set as a typed value, for iteration.

use std::marker::PhantomData;

use nom::number::complete::be_u32;

use super::RawAttribute;
use crate::parser::whole;
use crate::{
    Aggregator, AsPath, AsWidth, Asn, AttributeType, BgpIdentifier, ClusterId, Community, ExtendedCommunity,
    Ipv6ExtendedCommunity, LargeCommunity, Origin, UnknownAttribute,
};

/// One attribute of an accepted set. NEXT_HOP and the routes are not part of the set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the attributes")]
pub enum PathAttribute<'a> {
    Origin(Origin),
    AsPath(AsPath<'a>),
    MultiExitDisc(u32),
    LocalPref(u32),
    AtomicAggregate,
    Aggregator(Aggregator),
    Communities(Elements<'a, Community, 4>),
    OriginatorId(BgpIdentifier),
    ClusterList(Elements<'a, ClusterId, 4>),
    ExtendedCommunities(Elements<'a, ExtendedCommunity, 8>),
    Ipv6ExtendedCommunities(Elements<'a, Ipv6ExtendedCommunity, 20>),
    LargeCommunities(Elements<'a, LargeCommunity, 12>),
    OnlyToCustomer(Asn),
    /// Everything else.
    Unknown(UnknownAttribute<'a>),
}

impl<'a> PathAttribute<'a> {
    /// The attribute of an accepted set that these octets encode.
    #[inline]
    pub(crate) fn of_raw(raw: RawAttribute<'a>) -> Option<Self> {
        let RawAttribute { attribute_type, value, .. } = raw;
        Some(match attribute_type {
            AttributeType::ORIGIN => Self::Origin(Origin::decode(value)?),
            AttributeType::AS_PATH => Self::AsPath(AsPath::new(value)),
            AttributeType::MULTI_EXIT_DISC => Self::MultiExitDisc(whole(value, be_u32)?),
            AttributeType::LOCAL_PREF => Self::LocalPref(whole(value, be_u32)?),
            AttributeType::ATOMIC_AGGREGATE => Self::AtomicAggregate,
            AttributeType::AGGREGATOR => Self::Aggregator(Aggregator::decode(value, AsWidth::Four)?),
            AttributeType::COMMUNITIES => Self::Communities(Elements::new(value)),
            AttributeType::ORIGINATOR_ID => Self::OriginatorId(BgpIdentifier::new(whole(value, be_u32)?)?),
            AttributeType::CLUSTER_LIST => Self::ClusterList(Elements::new(value)),
            AttributeType::EXTENDED_COMMUNITIES => Self::ExtendedCommunities(Elements::new(value)),
            AttributeType::IPV6_EXTENDED_COMMUNITIES => Self::Ipv6ExtendedCommunities(Elements::new(value)),
            AttributeType::LARGE_COMMUNITIES => Self::LargeCommunities(Elements::new(value)),
            AttributeType::ONLY_TO_CUSTOMER => Self::OnlyToCustomer(whole(value, be_u32).map(Asn)?),
            attribute_type => Self::Unknown(UnknownAttribute { attribute_type, value }),
        })
    }
}

/// The elements of an attribute that is a list of values of `SIZE` octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Elements<'a, T, const SIZE: usize> {
    octets: &'a [[u8; SIZE]],
    element: PhantomData<T>,
}

impl<'a, T: From<[u8; SIZE]> + 'a, const SIZE: usize> Elements<'a, T, SIZE> {
    /// Views a value whose length was checked to be a multiple of `SIZE`.
    #[inline]
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { octets: value.as_chunks().0, element: PhantomData }
    }

    /// The elements in the order received.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        self.octets.iter().map(|octets| T::from(*octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute_flags::AttributeFlags;

    #[test]
    fn every_attribute_of_a_set_has_a_typed_value() {
        let flags = AttributeFlags::OPTIONAL_TRANSITIVE;
        let of = |kind: u8, value: &'static [u8]| {
            PathAttribute::of_raw(RawAttribute { flags, attribute_type: AttributeType(kind), value }).unwrap()
        };
        assert_eq!(of(1, &[2]), PathAttribute::Origin(Origin::Incomplete));
        assert!(matches!(of(2, &[2, 1, 0, 0, 0, 9]), PathAttribute::AsPath(path) if path.to_string() == "9"));
        assert_eq!(of(4, &[0, 0, 0, 5]), PathAttribute::MultiExitDisc(5));
        assert_eq!(of(5, &[0, 0, 0, 6]), PathAttribute::LocalPref(6));
        assert_eq!(of(6, &[]), PathAttribute::AtomicAggregate);
        let aggregator = Aggregator { asn: Asn(9), address: [10, 0, 0, 1].into() };
        assert_eq!(of(7, &[0, 0, 0, 9, 10, 0, 0, 1]), PathAttribute::Aggregator(aggregator));
        let PathAttribute::Communities(communities) = of(8, &[0, 1, 0, 2, 0, 3, 0, 4]) else { panic!() };
        assert!(communities.iter().eq([Community(0x0001_0002), Community(0x0003_0004)]));
        assert_eq!(
            of(9, &[10, 0, 0, 3]),
            PathAttribute::OriginatorId(BgpIdentifier::new(0x0a00_0003).unwrap())
        );
        let PathAttribute::ClusterList(clusters) = of(10, &[10, 0, 0, 4]) else { panic!() };
        assert!(clusters.iter().eq([ClusterId(0x0a00_0004)]));
        let PathAttribute::ExtendedCommunities(extended) = of(16, &[0, 2, 0, 1, 0, 0, 0, 1]) else {
            panic!()
        };
        assert!(extended.iter().eq([ExtendedCommunity([0, 2, 0, 1, 0, 0, 0, 1])]));
        let PathAttribute::Ipv6ExtendedCommunities(ipv6) = of(25, &[7; 20]) else { panic!() };
        assert!(ipv6.iter().eq([Ipv6ExtendedCommunity([7; 20])]));
        let PathAttribute::LargeCommunities(large) = of(32, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]) else {
            panic!()
        };
        assert!(large.iter().map(|one| one.to_string()).eq(["1:2:3"]));
        assert_eq!(of(35, &[0, 0, 0, 9]), PathAttribute::OnlyToCustomer(Asn(9)));
        assert!(matches!(of(99, &[1]), PathAttribute::Unknown(one) if one.value() == [1]));
    }
}
