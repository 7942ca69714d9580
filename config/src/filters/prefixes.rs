//! `prefix` and `length`: prefixes with ranges of lengths, in matches and in prefix sets.

use margay_filter::{LengthRange, PrefixCondition, PrefixRange, PrefixSet};

use super::values;
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// The conditions `prefix` and `length`.
pub(crate) fn read_prefixes(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<PrefixCondition> {
    let prefix = section.get("prefix");
    let lengths = section.get("length");
    let prefix =
        prefix.map_or(Some(None), |value| value.parsed("10.65.0.0/16", report, prefix::parse).map(Some));
    let Some(lengths) = lengths else { return PrefixCondition::new(prefix?, None).ok() };
    let range = lengths.parsed("26..32", report, parse_lengths);
    match PrefixCondition::new(prefix?, Some(range?)) {
        Ok(condition) => Some(condition),
        Err(error) => {
            lengths.reject(report, error);
            None
        }
    }
}

/// Several prefixes, in any of which a route may lie; a range of lengths holds for each.
pub(super) fn read_several(
    value: Value<'_>,
    lengths: Option<Value<'_>>,
    report: &mut Report<'_>,
) -> Option<PrefixSet> {
    let prefixes = values::each(value, "10.65.0.0/16", report, prefix::parse);
    let lengths = match lengths {
        Some(lengths) => Some((lengths, lengths.parsed("26..32", report, parse_lengths)?)),
        None => None,
    };
    let mut members = Vec::new();
    for prefix in prefixes? {
        match (PrefixRange::new(prefix, lengths.map(|(_, range)| range)), lengths) {
            (Ok(member), _) => members.push(member),
            (Err(error), Some((lengths, _))) => {
                lengths.reject(report, error);
                return None;
            }
            (Err(_), None) => return None,
        }
    }
    Some(PrefixSet::new(members))
}

fn parse_lengths(text: &str) -> Result<LengthRange, String> {
    let wrong = |_| {
        format!(
            "{text:?} is not a range of prefix lengths: write \"26\", or \"26..32\" with the shorter length first"
        )
    };
    text.parse().map_err(wrong)
}
