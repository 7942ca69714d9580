//! An accepted attribute set: what the routes of a message share.

use std::fmt;
use std::hash::{Hash, Hasher};

use nom::number::complete::be_u32;

use crate::optional_numbers::OptionalNumbers;
use crate::parser::{row, whole};
use crate::path_attribute::{Elements, RawAttribute, only_to_customer};
use crate::{
    Aggregator, AsPath, AsWidth, Asn, AttributeType, BgpIdentifier, ClusterId, Community, ExtendedCommunity,
    Ipv6ExtendedCommunity, LargeCommunity, Origin, PathAttribute, PathAttributesBuilder, UnknownAttribute,
};

/// The path attributes of accepted routes, in canonical octets, with a summary of what the decision process compares.
///
/// Canonical is: ascending types, each at most once; specified flags, an extended length only where it is needed; AS
/// numbers of four octets; no NEXT_HOP, MP_REACH_NLRI or MP_UNREACH_NLRI, since next hop and routes travel beside the
/// set; attributes that are not recognised, but to be passed on, with the Partial bit set. ORIGIN and AS_PATH are
/// always there. So equal sets are equal octets, and equality and hash look at nothing else.
#[derive(Clone)]
pub struct PathAttributes {
    octets: Box<[u8]>,
    summary: Summary,
}

/// What is asked often, as plain numbers. There is one for each of hundreds of thousands of sets.
#[derive(Clone, Copy, Debug)]
struct Summary {
    as_path_length: u32,
    cluster_list_length: u32,
    originator_id: Option<BgpIdentifier>,
    optional: OptionalNumbers<3>,
    origin: Origin,
}

/// Where the optional numbers of a summary are.
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

    /// [`AsPath::length`], known beforehand.
    #[must_use]
    pub fn as_path_length(&self) -> u32 {
        self.summary.as_path_length
    }

    /// [`AsPath::neighbor_as`], known beforehand.
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

    /// Whether ATOMIC_AGGREGATE is there.
    #[must_use]
    pub fn atomic_aggregate(&self) -> bool {
        self.value(AttributeType::ATOMIC_AGGREGATE).is_some()
    }

    /// Who aggregated.
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        Aggregator::decode(self.value(AttributeType::AGGREGATOR)?, AsWidth::Four)
    }

    /// The communities in the order received.
    pub fn communities(&self) -> impl Iterator<Item = Community> + '_ {
        Elements::new(self.value(AttributeType::COMMUNITIES).unwrap_or_default()).iter()
    }

    /// The large communities in the order received, each once.
    pub fn large_communities(&self) -> impl Iterator<Item = LargeCommunity> + '_ {
        Elements::new(self.value(AttributeType::LARGE_COMMUNITIES).unwrap_or_default()).iter()
    }

    /// The extended communities in the order received.
    pub fn extended_communities(&self) -> impl Iterator<Item = ExtendedCommunity> + '_ {
        Elements::new(self.value(AttributeType::EXTENDED_COMMUNITIES).unwrap_or_default()).iter()
    }

    /// Who brought the route into the autonomous system, where it was reflected.
    #[must_use]
    pub fn originator_id(&self) -> Option<BgpIdentifier> {
        self.summary.originator_id
    }

    /// The reflection clusters passed, the latest first.
    pub fn cluster_list(&self) -> impl Iterator<Item = ClusterId> + '_ {
        Elements::new(self.value(AttributeType::CLUSTER_LIST).unwrap_or_default()).iter()
    }

    /// How many reflection clusters were passed.
    #[must_use]
    pub fn cluster_list_length(&self) -> u32 {
        self.summary.cluster_list_length
    }

    /// The autonomous system beyond which the route only goes to customers (RFC 9234 §5).
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

    /// What is carried as octets.
    pub fn unknown(&self) -> impl Iterator<Item = UnknownAttribute<'_>> + '_ {
        self.attributes().filter(|attribute| attribute.attribute_type.is_carried_as_octets()).map(
            |attribute| UnknownAttribute { attribute_type: attribute.attribute_type, value: attribute.value },
        )
    }

    /// The set taken apart, to be changed and built again.
    #[must_use]
    pub fn to_builder(&self) -> PathAttributesBuilder {
        let partial = self.attributes().filter(|attribute| attribute.flags.is_partial());
        PathAttributesBuilder {
            origin: self.origin(),
            as_path: self.as_path().to_buf(),
            med: self.med(),
            local_pref: self.local_pref(),
            atomic_aggregate: self.atomic_aggregate(),
            aggregator: self.aggregator(),
            communities: self.communities().collect(),
            large_communities: self.large_communities().collect(),
            extended_communities: self.extended_communities().collect(),
            originator_id: self.originator_id(),
            cluster_list: self.cluster_list().collect(),
            unknown: self.unknown().map(|unknown| unknown.to_owned()).collect(),
            partial: partial.map(|attribute| attribute.attribute_type).collect(),
        }
    }

    /// The set with an autonomous system in front of its path (RFC 4271 §5.1.2 b), and without the attributes of these
    /// types: what a [builder](Self::to_builder) makes of it, without taking everything apart.
    #[must_use]
    pub fn passed_on(&self, asn: Asn, without: &[AttributeType]) -> Self {
        let mut as_path = self.as_path().to_buf();
        as_path.prepend(asn, 1);
        let kept = self.attributes().filter(|attribute| !without.contains(&attribute.attribute_type));
        Self::from_ascending(kept.map(|attribute| match attribute.attribute_type {
            AttributeType::AS_PATH => RawAttribute { value: as_path.octets(), ..attribute },
            _ => attribute,
        }))
    }

    /// The set of these attributes: each acceptable, of ascending types, ORIGIN and AS_PATH among them.
    pub(crate) fn from_ascending<'a>(attributes: impl Iterator<Item = RawAttribute<'a>> + Clone) -> Self {
        let lengths = attributes.clone().map(|attribute| attribute.encoded_octets());
        let mut octets = Vec::with_capacity(lengths.fold(0, usize::saturating_add));
        attributes.for_each(|attribute| attribute.encode(&mut octets));
        Self::from_canonical(octets.into_boxed_slice())
    }

    /// The set of canonical octets.
    pub(crate) fn from_canonical(octets: Box<[u8]>) -> Self {
        let mut summary = Summary::EMPTY;
        raw_attributes(&octets).for_each(|attribute| summary.take_in(&attribute));
        Self { octets, summary }
    }

    /// The attributes in ascending order of their types.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = RawAttribute<'_>> + Clone + '_ {
        raw_attributes(&self.octets)
    }

    /// The attributes by their values, in ascending order of their types.
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

/// The attributes of canonical octets.
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
