//! What is asked of the AS path.

use bgp_codec::{AsPath, Asn, SegmentKind};

use crate::as_path_pattern::AsPathPattern;
use crate::as_text;
use crate::asn_set::AsnSet;

/// A condition on the AS path.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum AsPathCondition {
    /// It matches a regular expression.
    Matches(AsPathPattern),
    /// An AS of the set is in it.
    Contains(AsnSet),
    /// It begins with these systems, in this order.
    StartsWith(#[serde(with = "as_text::list")] Vec<Asn>),
    /// Its last system, which originated the route, is in the set; of a set at the end, any system.
    OriginatedBy(AsnSet),
    /// Its first system is in the set.
    ReceivedFrom(AsnSet),
    /// All its systems are in the set; so are those of the empty path.
    Only(AsnSet),
}

impl AsPathCondition {
    pub(super) fn holds_for(&self, path: AsPath<'_>) -> bool {
        match self {
            Self::Matches(pattern) => pattern.matches(path),
            Self::Contains(set) => path.asns().any(|asn| set.contains(asn)),
            Self::StartsWith(asns) => {
                let mut passed = path.asns();
                asns.iter().all(|&asn| passed.next() == Some(asn))
            }
            Self::OriginatedBy(set) => match path.segments().last() {
                Some(segment)
                    if matches!(
                        segment.kind(),
                        SegmentKind::Sequence | SegmentKind::ConfederationSequence
                    ) =>
                {
                    segment.asns().last().is_some_and(|asn| set.contains(asn))
                }
                Some(segment) => segment.asns().any(|asn| set.contains(asn)),
                None => false,
            },
            Self::ReceivedFrom(set) => path.neighbor_as().is_some_and(|asn| set.contains(asn)),
            Self::Only(set) => path.asns().all(|asn| set.contains(asn)),
        }
    }
}
