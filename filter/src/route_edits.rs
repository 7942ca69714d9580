//! What filters have set in a route.

use std::sync::Arc;

use bgp_codec::{
    AsPath, AsPathBuf, Asn, Community, ExtendedCommunity, LargeCommunity, NextHop, Origin, PathAttributes,
};

use crate::route::LocalValues;

/// The values that filters have set in a route; `None` leaves a value as it was.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct RouteEdits {
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC; `Some(None)` removes it.
    pub med: Option<Option<u32>>,
    /// ORIGIN.
    pub origin: Option<Origin>,
    /// The metric in the kernel.
    pub metric: Option<u32>,
    /// The preference.
    pub preference: Option<u32>,
    /// The weight.
    pub weight: Option<u32>,
    /// The operator's mark.
    pub tag: Option<u32>,
    /// The next hop.
    pub next_hop: Option<NextHopEdit>,
    /// The link that packets leave over.
    pub link: Option<Arc<str>>,
    /// Whether packets to the route are dropped (RFC 7999).
    pub blackhole: bool,
    /// ONLY_TO_CUSTOMER, where the route has none (RFC 9234 §5): import sets it for the role of a peer, rules do not.
    pub only_to_customer: Option<Asn>,
    /// The lists, which take memory of their own and are rarely set.
    lists: Option<Box<ListEdits>>,
}

/// The next hop that a filter sets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NextHopEdit {
    /// This address.
    Address(NextHop),
    /// The speaker's own address, whatever the session's next hop mode.
    OwnAddress,
    /// The received one, whatever the session's next hop mode.
    Keep,
}

/// The lists of attributes that filters have set, whole; `None` leaves a list as it was.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ListEdits {
    /// AS_PATH.
    pub as_path: Option<AsPathBuf>,
    /// COMMUNITIES.
    pub communities: Option<Vec<Community>>,
    /// LARGE_COMMUNITIES.
    pub large_communities: Option<Vec<LargeCommunity>>,
    /// EXTENDED_COMMUNITIES.
    pub extended_communities: Option<Vec<ExtendedCommunity>>,
}

impl RouteEdits {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The lists that are set.
    pub fn lists(&self) -> Option<&ListEdits> {
        self.lists.as_deref()
    }

    pub(crate) fn lists_mut(&mut self) -> &mut ListEdits {
        self.lists.get_or_insert_default()
    }

    /// Prepends an AS number to the path: to the one that is set, or else to this `received` one.
    pub fn prepend(&mut self, received: AsPath<'_>, asn: Asn) {
        self.lists_mut().as_path.get_or_insert_with(|| received.to_buf()).prepend(asn, 1);
    }

    /// Whether any path attribute differs from what it was; the next hop is not an attribute here.
    pub fn changes_attributes(&self) -> bool {
        self.local_pref.is_some()
            || self.med.is_some()
            || self.origin.is_some()
            || self.only_to_customer.is_some()
            || self.lists.is_some()
    }

    /// The attributes with the edits made.
    pub fn applied_to(&self, attributes: &PathAttributes) -> PathAttributes {
        if !self.changes_attributes() {
            return attributes.clone();
        }
        let mut builder = attributes.to_builder();
        builder.local_pref = self.local_pref.or(builder.local_pref);
        builder.med = self.med.unwrap_or(builder.med);
        builder.origin = self.origin.unwrap_or(builder.origin);
        self.only_to_customer.into_iter().for_each(|asn| builder.add_only_to_customer(asn));
        if let Some(lists) = &self.lists {
            let ListEdits { as_path, communities, large_communities, extended_communities } = lists.as_ref();
            builder.as_path = as_path.clone().unwrap_or(builder.as_path);
            builder.communities = communities.clone().unwrap_or(builder.communities);
            builder.large_communities = large_communities.clone().unwrap_or(builder.large_communities);
            builder.extended_communities =
                extended_communities.clone().unwrap_or(builder.extended_communities);
        }
        builder.build()
    }

    /// The local values with the edits made.
    pub fn applied_to_local(&self, local: LocalValues) -> LocalValues {
        LocalValues {
            preference: self.preference.unwrap_or(local.preference),
            weight: self.weight.unwrap_or(local.weight),
            metric: self.metric.or(local.metric),
            tag: self.tag.or(local.tag),
        }
    }
}
