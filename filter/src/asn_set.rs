//! A set of AS numbers.

use std::str::FromStr;
use std::sync::Arc;

use bgp_codec::Asn;

use crate::value_range::{ValueRange, ValueRangeError};

/// A set of AS numbers and ranges of them. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(from = "Vec<ValueRange>", into = "Vec<ValueRange>")]
pub struct AsnSet(Arc<[ValueRange]>);

impl AsnSet {
    /// The set of these ranges.
    pub fn new(ranges: impl IntoIterator<Item = ValueRange>) -> Self {
        let mut ranges: Vec<ValueRange> = ranges.into_iter().collect();
        ranges.sort_by_key(|range| range.lowest());
        let mut merged: Vec<ValueRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.lowest() <= last.highest().saturating_add(1) => {
                    let highest = last.highest().max(range.highest());
                    *last = ValueRange::new(last.lowest(), highest).unwrap_or(*last);
                }
                Some(_) | None => merged.push(range),
            }
        }
        Self(merged.into())
    }

    /// Whether an AS number is in the set: one binary search.
    pub fn contains(&self, asn: Asn) -> bool {
        let after = self.0.partition_point(|range| range.lowest() <= asn.0);
        after.checked_sub(1).is_some_and(|at| self.0[at].contains(asn.0))
    }
}

/// AS numbers and ranges with commas between: `65001, 65010..65020`.
impl FromStr for AsnSet {
    type Err = ValueRangeError;

    fn from_str(text: &str) -> Result<Self, ValueRangeError> {
        let ranges: Result<Vec<ValueRange>, _> = text.split(',').map(|range| range.trim().parse()).collect();
        Ok(Self::new(ranges?))
    }
}

impl From<Vec<ValueRange>> for AsnSet {
    fn from(ranges: Vec<ValueRange>) -> Self {
        Self::new(ranges)
    }
}

impl From<AsnSet> for Vec<ValueRange> {
    fn from(set: AsnSet) -> Self {
        set.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_hold_their_ends() {
        let set: AsnSet = "65010..65020, 1, 65015..65030, 65031, 4294967295".parse().unwrap();
        let held = [1, 65010, 65020, 65030, 65031, u32::MAX];
        let others = [0, 2, 65009, 65032, u32::MAX - 1];
        assert!(held.iter().all(|&asn| set.contains(Asn(asn))));
        assert!(!others.iter().any(|&asn| set.contains(Asn(asn))));
        assert!(!AsnSet::new([]).contains(Asn(0)));
    }
}
