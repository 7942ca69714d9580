//! One rule of a filter: what it is about and what it does.

use std::fmt;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};

use crate::edits::{RouteFacts, RuleEdits};
use crate::length_range::LengthRange;
use crate::value_range::ValueRange;

/// One rule of a filter.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Rule {
    /// Which routes it is about.
    pub matches: Match,
    /// What happens to them.
    pub action: Action,
    /// What is set in them when they are accepted.
    pub edits: RuleEdits,
}

/// What a rule does with the routes it matches.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Action {
    /// The route passes this filter.
    Accept,
    /// The route is dropped.
    Reject,
}

/// The conditions of a rule; all of them must hold.
///
/// A prefix condition holds for that prefix and for everything inside it; a length condition narrows this down.
/// Without conditions a rule matches every route of every family.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Match {
    prefix: Option<Prefix>,
    lengths: Option<LengthRange>,
    local_pref: Option<ValueRange>,
    metric: Option<ValueRange>,
}

impl Match {
    /// Matches every route.
    pub const ANY: Self = Self { prefix: None, lengths: None, local_pref: None, metric: None };

    /// Matches routes inside `prefix` (itself included) whose length is in `lengths`; `None` asks for nothing.
    ///
    /// # Errors
    ///
    /// When `lengths` holds a length that no prefix inside `prefix` can have: the condition is not what was meant.
    pub fn new(prefix: Option<Prefix>, lengths: Option<LengthRange>) -> Result<Self, MatchError> {
        if let (Some(prefix), Some(lengths)) = (prefix, lengths) {
            let possible = possible_lengths(prefix);
            if lengths.shortest() < possible.shortest() || lengths.longest() > possible.longest() {
                return Err(MatchError { prefix, lengths, possible });
            }
        }
        Ok(Self { prefix, lengths, ..Self::ANY })
    }

    /// Also asks for a LOCAL_PREF and for a metric in the kernel; a route that has none does not match.
    #[must_use]
    pub fn with_values(self, local_pref: Option<ValueRange>, metric: Option<ValueRange>) -> Self {
        Self { local_pref, metric, ..self }
    }

    /// Whether a route to `prefix`, of which this is known, meets the conditions.
    #[inline]
    pub fn holds_for(&self, prefix: Prefix, facts: &RouteFacts) -> bool {
        self.lengths.is_none_or(|lengths| lengths.contains(prefix.length()))
            && self.prefix.is_none_or(|covering| covering.contains(prefix))
            && self.local_pref.is_none_or(|range| range.contains(facts.local_pref))
            && self.metric.is_none_or(|range| range.contains(facts.metric))
    }

    /// The prefix condition.
    pub fn prefix(&self) -> Option<Prefix> {
        self.prefix
    }

    /// The length condition.
    pub fn lengths(&self) -> Option<LengthRange> {
        self.lengths
    }

    /// The condition on LOCAL_PREF.
    pub fn local_pref(&self) -> Option<ValueRange> {
        self.local_pref
    }

    /// The condition on the metric in the kernel.
    pub fn metric(&self) -> Option<ValueRange> {
        self.metric
    }

    /// Whether the outcome depends on what is known of the route beside its prefix.
    pub(crate) fn looks_at_facts(&self) -> bool {
        self.local_pref.is_some() || self.metric.is_some()
    }

    /// Whether the outcome depends on the route's prefix.
    pub(crate) fn looks_at_prefix(&self) -> bool {
        self.prefix.is_some() || self.lengths.is_some()
    }
}

/// A length condition reaches outside the prefix condition beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MatchError {
    prefix: Prefix,
    lengths: LengthRange,
    possible: LengthRange,
}

impl std::error::Error for MatchError {}

impl fmt::Display for MatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, lengths, possible } = self;
        write!(f, "prefixes inside {prefix} have lengths {possible}, not {lengths}")
    }
}

fn possible_lengths(prefix: Prefix) -> LengthRange {
    let longest = match prefix {
        Prefix::Ipv4(_) => Ipv4Prefix::MAX_LENGTH,
        Prefix::Ipv6(_) => Ipv6Prefix::MAX_LENGTH,
    };
    LengthRange::new(prefix.length(), longest).expect("a prefix is at most as long as its family allows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_table() {
        // (prefix, lengths, route, matches)
        let rows = [
            (Some("10.65.0.0/16"), None, "10.65.0.0/16", true),
            (Some("10.65.0.0/16"), None, "10.65.1.0/26", true),
            (Some("10.65.0.0/16"), None, "10.65.1.1/32", true),
            (Some("10.65.0.0/16"), None, "10.64.0.0/15", false),
            (Some("10.65.0.0/16"), None, "10.66.0.0/26", false),
            (Some("10.65.0.0/16"), None, "2001:db8::/32", false),
            (Some("10.65.0.0/16"), Some((26, 32)), "10.65.1.0/25", false),
            (Some("10.65.0.0/16"), Some((26, 32)), "10.65.1.0/26", true),
            (Some("10.65.0.0/16"), Some((26, 32)), "10.66.1.0/26", false),
            (Some("2001:db8::/32"), Some((64, 64)), "2001:db8:1::/64", true),
            (Some("2001:db8::/32"), Some((64, 64)), "2001:db8:1::/63", false),
            (Some("0.0.0.0/0"), None, "::/0", false),
            (Some("0.0.0.0/0"), None, "0.0.0.0/0", true),
            (None, Some((0, 24)), "10.0.0.0/24", true),
            (None, Some((0, 24)), "10.0.0.0/25", false),
            (None, Some((64, 64)), "2001:db8::/64", true),
            (None, None, "10.0.0.0/8", true),
        ];
        for (prefix, lengths, route, expected) in rows {
            let condition = Match::new(
                prefix.map(|text| text.parse().unwrap()),
                lengths.map(|(shortest, longest)| LengthRange::new(shortest, longest).unwrap()),
            )
            .unwrap();
            assert_eq!(
                condition.holds_for(route.parse().unwrap(), &RouteFacts::default()),
                expected,
                "{prefix:?} {lengths:?} on {route}"
            );
        }
    }

    #[test]
    fn a_length_range_reaching_outside_the_prefix_is_an_error() {
        let rows = [
            ("10.65.0.0/16", (15, 32), "prefixes inside 10.65.0.0/16 have lengths 16..32, not 15..32"),
            ("10.65.0.0/16", (16, 33), "prefixes inside 10.65.0.0/16 have lengths 16..32, not 16..33"),
            ("2001:db8::/128", (64, 64), "prefixes inside 2001:db8::/128 have lengths 128, not 64"),
        ];
        for (prefix, (shortest, longest), expected) in rows {
            let lengths = LengthRange::new(shortest, longest).unwrap();
            let error = Match::new(Some(prefix.parse().unwrap()), Some(lengths)).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
