//! An accepted attribute set, shared by the routes of a message.

use std::fmt;
use std::hash::{Hash, Hasher};

use nom::number::complete::be_u32;

use crate::optional_numbers::OptionalNumbers;
use crate::parser::{row, whole};
use crate::path_attribute::{Elements, RawAttribute, only_to_customer};
use crate::{
    Aggregator, AsPath, AsPathBuf, AsWidth, Asn, AttributeType, BgpIdentifier, ClusterId, Community,
    ExtendedCommunity, Ipv6ExtendedCommunity, LargeCommunity, Origin, PathAttribute, UnknownAttribute,
};

/// The path attributes of accepted routes in canonical octets, with a summary of the values that the decision
/// process compares.
///
/// Canonical form: types in ascending order, each at most once; specified flags, with an extended length only
/// if needed; four-octet AS numbers; no NEXT_HOP, MP_REACH_NLRI or MP_UNREACH_NLRI, because next hop and
/// routes are kept apart from the set; attributes that are passed on without being recognised have the
/// Partial bit. ORIGIN and AS_PATH are always present. So equal sets are equal octets, and equality and hash
/// use the octets alone.
#[derive(Clone)]
pub struct PathAttributes {
    octets: Box<[u8]>,
    summary: Summary,
}

/// Frequently used values as plain numbers, kept small because there are hundreds of thousands of sets.
#[derive(Clone, Copy, Debug)]
struct Summary {
    as_path_length: u32,
    cluster_list_length: u32,
    originator_id: Option<BgpIdentifier>,
    optional: OptionalNumbers<3>,
    origin: Origin,
}

/// Positions of the optional numbers of a summary.
const NEIGHBOR_AS: usize = 0;
const MED: usize = 1;
const LOCAL_PREF: usize = 2;

impl PathAttributes {
    /// The canonical octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// How the first speaker learned the route.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.summary.origin
    }

    /// The autonomous systems passed.
    #[must_use]
    pub fn as_path(&self) -> AsPath<'_> {
        AsPath::new(self.value(AttributeType::AS_PATH).unwrap_or_default())
    }

    /// [`AsPath::length`], computed in advance.
    #[must_use]
    pub fn as_path_length(&self) -> u32 {
        self.summary.as_path_length
    }

    /// [`AsPath::neighbor_as`], computed in advance.
    #[must_use]
    pub fn neighbor_as(&self) -> Option<Asn> {
        self.summary.optional.get(NEIGHBOR_AS).map(Asn)
    }

    /// MULTI_EXIT_DISC.
    #[must_use]
    pub fn med(&self) -> Option<u32> {
        self.summary.optional.get(MED)
    }

    /// LOCAL_PREF.
    #[must_use]
    pub fn local_pref(&self) -> Option<u32> {
        self.summary.optional.get(LOCAL_PREF)
    }

    /// Whether ATOMIC_AGGREGATE is present.
    #[must_use]
    pub fn atomic_aggregate(&self) -> bool {
        self.value(AttributeType::ATOMIC_AGGREGATE).is_some()
    }

    /// AGGREGATOR.
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        Aggregator::decode(self.value(AttributeType::AGGREGATOR)?, AsWidth::Four)
    }

    /// The communities in the order received.
    pub fn communities(&self) -> impl Iterator<Item = Community> + '_ {
        Elements::new(self.value(AttributeType::COMMUNITIES).unwrap_or_default()).iter()
    }

    /// The large communities in the order received, without repetitions.
    pub fn large_communities(&self) -> impl Iterator<Item = LargeCommunity> + '_ {
        Elements::new(self.value(AttributeType::LARGE_COMMUNITIES).unwrap_or_default()).iter()
    }

    /// The extended communities in the order received.
    pub fn extended_communities(&self) -> impl Iterator<Item = ExtendedCommunity> + '_ {
        Elements::new(self.value(AttributeType::EXTENDED_COMMUNITIES).unwrap_or_default()).iter()
    }

    /// The identifier of the router that brought the route into the autonomous system, if it was reflected.
    #[must_use]
    pub fn originator_id(&self) -> Option<BgpIdentifier> {
        self.summary.originator_id
    }

    /// The reflection clusters passed, the latest first.
    pub fn cluster_list(&self) -> impl Iterator<Item = ClusterId> + '_ {
        Elements::new(self.value(AttributeType::CLUSTER_LIST).unwrap_or_default()).iter()
    }

    /// Number of reflection clusters passed.
    #[must_use]
    pub fn cluster_list_length(&self) -> u32 {
        self.summary.cluster_list_length
    }

    /// The autonomous system after which the route is only sent to customers (RFC 9234 §5).
    #[must_use]
    pub fn only_to_customer(&self) -> Option<Asn> {
        only_to_customer(self.value(AttributeType::ONLY_TO_CUSTOMER)?)
    }

    /// The extended communities with IPv6 addresses, in the order received.
    pub fn ipv6_extended_communities(&self) -> impl Iterator<Item = Ipv6ExtendedCommunity> + '_ {
        Elements::new(self.value(AttributeType::IPV6_EXTENDED_COMMUNITIES).unwrap_or_default()).iter()
    }

    /// Whether an attribute of this type is in the set.
    #[must_use]
    pub fn contains(&self, attribute_type: AttributeType) -> bool {
        self.value(attribute_type).is_some()
    }

    /// The attributes that are passed on as octets.
    pub fn unknown(&self) -> impl Iterator<Item = UnknownAttribute<'_>> + '_ {
        self.attributes().filter(|attribute| attribute.attribute_type.is_carried_as_octets()).map(
            |attribute| UnknownAttribute { attribute_type: attribute.attribute_type, value: attribute.value },
        )
    }

    /// The set with another AS path, and without the attributes of these types. Equals what a
    /// [builder](Self::to_builder) makes of it, at less cost.
    #[must_use]
    pub fn passed_on(&self, as_path: &AsPathBuf, without: &[AttributeType]) -> Self {
        let kept = self.attributes().filter(|attribute| !without.contains(&attribute.attribute_type));
        Self::from_ascending(kept.map(|attribute| match attribute.attribute_type {
            AttributeType::AS_PATH => RawAttribute { value: as_path.octets(), ..attribute },
            _ => attribute,
        }))
    }

    /// The set without the attributes of these types, which are not ORIGIN or AS_PATH.
    #[must_use]
    pub fn without(&self, left_out: &[AttributeType]) -> Self {
        let is_left_out = |attribute: &RawAttribute<'_>| left_out.contains(&attribute.attribute_type);
        if !self.attributes().any(|attribute| is_left_out(&attribute)) {
            return self.clone();
        }
        Self::from_ascending(self.attributes().filter(|attribute| !is_left_out(attribute)))
    }

    /// Makes a set of these attributes: each valid, in ascending order of types, with ORIGIN and AS_PATH
    /// among them.
    pub(crate) fn from_ascending<'a>(attributes: impl Iterator<Item = RawAttribute<'a>> + Clone) -> Self {
        let lengths = attributes.clone().map(|attribute| attribute.encoded_octets());
        let mut octets = Vec::with_capacity(lengths.fold(0, usize::saturating_add));
        attributes.for_each(|attribute| attribute.encode(&mut octets));
        Self::from_canonical(octets.into_boxed_slice())
    }

    /// Makes a set of canonical octets.
    pub(crate) fn from_canonical(octets: Box<[u8]>) -> Self {
        let mut summary = Summary::EMPTY;
        raw_attributes(&octets).for_each(|attribute| summary.take_in(&attribute));
        Self { octets, summary }
    }

    /// The attributes in ascending order of their types.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = RawAttribute<'_>> + Clone + '_ {
        raw_attributes(&self.octets)
    }

    /// The attributes as typed values, in ascending order of their types.
    pub fn iter(&self) -> impl Iterator<Item = PathAttribute<'_>> + '_ {
        self.attributes().filter_map(PathAttribute::of_raw)
    }

    fn value(&self, wanted: AttributeType) -> Option<&[u8]> {
        self.attributes()
            .find(|attribute| attribute.attribute_type == wanted)
            .map(|attribute| attribute.value)
    }
}

impl Summary {
    const EMPTY: Self = Self {
        as_path_length: 0,
        cluster_list_length: 0,
        originator_id: None,
        optional: OptionalNumbers::NONE,
        origin: Origin::Incomplete,
    };

    fn take_in(&mut self, attribute: &RawAttribute<'_>) {
        let value = attribute.value;
        match attribute.attribute_type {
            AttributeType::ORIGIN => self.origin = Origin::decode(value).unwrap_or(self.origin),
            AttributeType::AS_PATH => {
                let as_path = AsPath::new(value);
                self.as_path_length = as_path.length();
                self.optional.set(NEIGHBOR_AS, as_path.neighbor_as().map(|asn| asn.0));
            }
            AttributeType::MULTI_EXIT_DISC => self.optional.set(MED, whole(value, be_u32)),
            AttributeType::LOCAL_PREF => self.optional.set(LOCAL_PREF, whole(value, be_u32)),
            AttributeType::ORIGINATOR_ID => {
                self.originator_id = whole(value, be_u32).and_then(BgpIdentifier::new)
            }
            AttributeType::CLUSTER_LIST => {
                self.cluster_list_length = u32::try_from(value.as_chunks::<4>().0.len()).unwrap_or(u32::MAX);
            }
            _ => {}
        }
    }
}

/// The attributes in canonical octets.
#[inline]
pub(crate) fn raw_attributes(octets: &[u8]) -> impl Iterator<Item = RawAttribute<'_>> + Clone {
    row(octets, RawAttribute::decode)
}

impl PartialEq for PathAttributes {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

impl Eq for PathAttributes {}

impl Hash for PathAttributes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets.hash(state);
    }
}

impl fmt::Debug for PathAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_builder().fmt(f)
    }
}
