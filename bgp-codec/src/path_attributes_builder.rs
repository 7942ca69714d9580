//! Builder of attribute sets.

use crate::attribute_flags::AttributeFlags;
use crate::path_attribute::RawAttribute;
use crate::{
    Aggregator, AsPathBuf, Asn, AttributeType, BgpIdentifier, ClusterId, Community, ExtendedCommunity,
    LargeCommunity, Origin, PathAttributes, UnknownAttributeBuf,
};

/// The members of an attribute set in their own types; [`PathAttributesBuilder::build`] makes the set.
///
/// An empty list stands for an absent attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathAttributesBuilder {
    /// How the first speaker learned the route.
    pub origin: Origin,
    /// The autonomous systems passed.
    pub as_path: AsPathBuf,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// Whether ATOMIC_AGGREGATE is present.
    pub atomic_aggregate: bool,
    /// AGGREGATOR.
    pub aggregator: Option<Aggregator>,
    /// COMMUNITIES.
    pub communities: Vec<Community>,
    /// LARGE_COMMUNITIES; of equal ones, the first is kept.
    pub large_communities: Vec<LargeCommunity>,
    /// EXTENDED_COMMUNITIES.
    pub extended_communities: Vec<ExtendedCommunity>,
    /// ORIGINATOR_ID.
    pub originator_id: Option<BgpIdentifier>,
    /// CLUSTER_LIST, the latest first.
    pub cluster_list: Vec<ClusterId>,
    /// Attributes that are passed on as octets; of the same type, the first is kept.
    pub unknown: Vec<UnknownAttributeBuf>,
    /// Types that were received with the Partial bit, which must not be cleared (RFC 4271 §5).
    pub(crate) partial: Vec<AttributeType>,
}

impl PathAttributes {
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
}

impl PathAttributesBuilder {
    /// A set with an origin and an empty AS path.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            as_path: AsPathBuf::empty(),
            med: None,
            local_pref: None,
            atomic_aggregate: false,
            aggregator: None,
            communities: Vec::new(),
            large_communities: Vec::new(),
            extended_communities: Vec::new(),
            originator_id: None,
            cluster_list: Vec::new(),
            unknown: Vec::new(),
            partial: Vec::new(),
        }
    }

    /// Adds ONLY_TO_CUSTOMER with this AS number, unless it is there (RFC 9234 §5).
    pub fn add_only_to_customer(&mut self, asn: Asn) {
        let attribute_type = AttributeType::ONLY_TO_CUSTOMER;
        if !self.unknown.iter().any(|known| known.as_unknown().attribute_type() == attribute_type) {
            self.unknown.extend(UnknownAttributeBuf::new(attribute_type, asn.0.to_be_bytes().to_vec()));
        }
    }

    /// The set in canonical octets.
    ///
    /// An attribute of more than 65,535 octets is truncated. No message can carry it, so
    /// [`crate::UpdateEncoder::reach`] refuses the set in any case.
    #[must_use]
    pub fn build(&self) -> PathAttributes {
        let values = self.values();
        let known =
            values.iter().filter_map(|(attribute_type, value)| self.raw(*attribute_type, value.as_deref()?));
        let unknown = self.unknown.iter().map(|unknown| unknown.as_raw(self.came_partial(unknown)));
        let mut attributes: Vec<RawAttribute<'_>> = known.chain(unknown).collect();
        attributes.sort_by_key(|attribute| attribute.attribute_type);
        attributes.dedup_by_key(|attribute| attribute.attribute_type);
        PathAttributes::from_ascending(attributes.iter().copied())
    }

    /// The value of each attribute with a recognised type; `None` if it is absent.
    fn values(&self) -> [(AttributeType, Option<Vec<u8>>); 11] {
        let communities = self.communities.iter().flat_map(|community| community.0.to_be_bytes());
        let clusters = self.cluster_list.iter().flat_map(|cluster| cluster.0.to_be_bytes());
        let number = |number: u32| number.to_be_bytes().to_vec();
        [
            (AttributeType::ORIGIN, Some(vec![self.origin.octet()])),
            (AttributeType::AS_PATH, Some(self.as_path.octets().to_vec())),
            (AttributeType::MULTI_EXIT_DISC, self.med.map(number)),
            (AttributeType::LOCAL_PREF, self.local_pref.map(number)),
            (AttributeType::ATOMIC_AGGREGATE, self.atomic_aggregate.then(Vec::new)),
            (AttributeType::AGGREGATOR, self.aggregator.map(|aggregator| aggregator.octets().to_vec())),
            (AttributeType::COMMUNITIES, list(communities)),
            (AttributeType::ORIGINATOR_ID, self.originator_id.map(|originator| number(originator.to_u32()))),
            (AttributeType::CLUSTER_LIST, list(clusters)),
            (
                AttributeType::EXTENDED_COMMUNITIES,
                list(self.extended_communities.iter().flat_map(|one| one.0)),
            ),
            (AttributeType::LARGE_COMMUNITIES, list(self.large_communities_once())),
        ]
    }

    fn came_partial(&self, unknown: &UnknownAttributeBuf) -> bool {
        self.partial.contains(&unknown.as_unknown().attribute_type())
    }

    fn large_communities_once(&self) -> Vec<u8> {
        let octets: Vec<u8> =
            self.large_communities.iter().flat_map(|community| community.octets()).collect();
        crate::path_attribute::without_duplicates(&octets).unwrap_or(octets)
    }

    fn raw<'a>(&self, attribute_type: AttributeType, value: &'a [u8]) -> Option<RawAttribute<'a>> {
        let flags: AttributeFlags = attribute_type.specified_flags()?;
        let partial = self.partial.contains(&attribute_type) && flags.is_optional() && flags.is_transitive();
        Some(RawAttribute { flags: flags.with_partial(partial), attribute_type, value })
    }
}

/// The octets of a list; `None` if it is empty.
fn list(octets: impl IntoIterator<Item = u8>) -> Option<Vec<u8>> {
    let octets: Vec<u8> = octets.into_iter().collect();
    (!octets.is_empty()).then_some(octets)
}
