//! A set of community patterns.

use std::sync::Arc;

use bgp_codec::{Community, ExtendedCommunity, LargeCommunity};

use crate::community_pattern::CommunityPattern;
use crate::view::View;

/// A set of community patterns. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(from = "Vec<CommunityPattern>", into = "Vec<CommunityPattern>")]
pub struct CommunitySet(Arc<Members>);

#[derive(Debug, Eq, Hash, PartialEq)]
struct Members {
    /// The single communities of RFC 1997, ascending: sets of thousands are sets of these.
    single: Box<[Community]>,
    /// All others, in the order given.
    patterns: Box<[CommunityPattern]>,
    has_standard: bool,
    has_large: bool,
    has_extended: bool,
}

impl CommunitySet {
    /// The set of these patterns.
    pub fn new(patterns: impl IntoIterator<Item = CommunityPattern>) -> Self {
        let (mut single, mut others) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern.single_standard() {
                Some(community) => single.push(community),
                None => others.push(pattern),
            }
        }
        single.sort_unstable();
        single.dedup();
        let has = |is_kind: fn(&CommunityPattern) -> bool| others.iter().any(is_kind);
        let has_standard =
            !single.is_empty() || has(|pattern| matches!(pattern, CommunityPattern::Standard(_)));
        let has_large = has(|pattern| matches!(pattern, CommunityPattern::Large(_)));
        let has_extended = has(|pattern| matches!(pattern, CommunityPattern::Extended(_)));
        Self(Arc::new(Members {
            single: single.into(),
            patterns: others.into(),
            has_standard,
            has_large,
            has_extended,
        }))
    }

    /// Whether a route carries a community of the set.
    pub(crate) fn matches(&self, view: View<'_>) -> bool {
        self.0.has_standard && view.communities().any(|community| self.has_standard(community))
            || self.0.has_large && view.large_communities().any(|community| self.has_large(community))
            || self.0.has_extended
                && view.extended_communities().any(|community| self.has_extended(community))
    }

    pub(crate) fn has_standard(&self, community: Community) -> bool {
        self.0.single.binary_search(&community).is_ok()
            || self.0.patterns.iter().any(|pattern| pattern.is_standard(community))
    }

    pub(crate) fn has_large(&self, community: LargeCommunity) -> bool {
        self.0.patterns.iter().any(|pattern| pattern.is_large(community))
    }

    pub(crate) fn has_extended(&self, community: ExtendedCommunity) -> bool {
        self.0.patterns.iter().any(|pattern| pattern.is_extended(community))
    }

    /// The patterns: single communities first.
    pub fn patterns(&self) -> impl Iterator<Item = CommunityPattern> + '_ {
        let single = self.0.single.iter().map(|community| {
            let numbers = [community.0 >> 16, community.0 & 0xffff];
            CommunityPattern::Standard(numbers.map(crate::value_range::ValueRange::exactly))
        });
        single.chain(self.0.patterns.iter().copied())
    }
}

impl From<Vec<CommunityPattern>> for CommunitySet {
    fn from(patterns: Vec<CommunityPattern>) -> Self {
        Self::new(patterns)
    }
}

impl From<CommunitySet> for Vec<CommunityPattern> {
    fn from(set: CommunitySet) -> Self {
        set.patterns().collect()
    }
}
