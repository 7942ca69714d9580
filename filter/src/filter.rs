//! A named, ordered list of rules.

use std::sync::Arc;

use bgp_codec::Prefix;

use crate::edits::{RouteEdits, RouteFacts};
use crate::rule::{Action, Rule};
use crate::verdict::{DecidedBy, Decision, Verdict};

/// A named list of rules, of which the first that matches decides; a route that none matches is rejected.
///
/// Cheap to clone. Two filters are equal when name and rules are; [`Filter::content`] leaves the name out.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Filter {
    name: Arc<str>,
    content: FilterContent,
}

/// The rules of a filter without its name: what two filters share that do the same.
///
/// Serves as a key where peers with equal filters are to be treated as one.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct FilterContent(Arc<[Rule]>);

impl Filter {
    /// A filter of these rules, in this order.
    pub fn new(name: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { name: name.into(), content: FilterContent(rules.into_iter().collect()) }
    }

    /// What becomes of a route to `prefix`, of which this is known. Does not allocate.
    #[inline]
    pub fn evaluate(&self, prefix: Prefix, facts: &RouteFacts) -> Verdict<'_> {
        let filter = &*self.name;
        let matching =
            self.rules().iter().enumerate().find(|(_, rule)| rule.matches.holds_for(prefix, facts));
        let Some((index, rule)) = matching else {
            let by = DecidedBy::NoRule { filter };
            return Verdict { decision: Decision::Reject, by, edits: RouteEdits::default() };
        };
        let (decision, edits) = match rule.action {
            Action::Accept => (Decision::Accept, rule.edits.on(facts)),
            Action::Reject => (Decision::Reject, RouteEdits::default()),
        };
        Verdict { decision, by: DecidedBy::Rule { filter, number: index + 1 }, edits }
    }

    /// The name under which the operator knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.content.0
    }

    /// The rules as a key.
    pub fn content(&self) -> &FilterContent {
        &self.content
    }

    /// Whether both do the same to every route, whatever their names.
    pub fn same_content(&self, other: &Self) -> bool {
        self.content == other.content
    }

    /// Whether the verdict depends on what is known of the route beside its prefix.
    pub fn looks_at_facts(&self) -> bool {
        self.rules().iter().any(|rule| rule.matches.looks_at_facts() || rule.edits.looks_at_facts())
    }

    /// Whether the verdict depends on the route's prefix. If not, one verdict holds for all routes that share their
    /// attributes.
    pub fn looks_at_prefix(&self) -> bool {
        // A rule without conditions decides for all, and what stands behind it is never asked: only the first counts.
        self.rules().first().is_some_and(|rule| rule.matches.looks_at_prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edits::RuleEdits;
    use crate::length_range::LengthRange;
    use crate::rule::Match;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let filter = Filter::new(
            "pods-only",
            [
                rule(Some("10.65.9.0/24"), None, Action::Reject),
                rule(Some("10.65.0.0/16"), Some((26, 32)), Action::Accept),
                rule(Some("10.0.0.0/8"), None, Action::Reject),
            ],
        );
        let rows = [
            ("10.65.9.0/26", "rejected by filter pods-only, rule 1"),
            ("10.65.1.0/26", "accepted by filter pods-only, rule 2"),
            ("10.65.0.0/16", "rejected by filter pods-only, rule 3"),
            ("192.0.2.0/24", "rejected by filter pods-only: no rule matches"),
        ];
        for (prefix, expected) in rows {
            assert_eq!(
                filter.evaluate(prefix.parse().unwrap(), &RouteFacts::default()).to_string(),
                expected,
                "{prefix}"
            );
        }
    }

    #[test]
    fn a_filter_without_rules_rejects() {
        let filter = Filter::new("nothing", []);
        assert_eq!(
            filter.evaluate("10.0.0.0/8".parse().unwrap(), &RouteFacts::default()).to_string(),
            "rejected by filter nothing: no rule matches"
        );
    }

    #[test]
    fn content_is_the_rules_and_their_order_but_not_the_name() {
        let (pods, hosts) =
            (rule(Some("10.65.0.0/16"), None, Action::Accept), rule(None, None, Action::Reject));
        let filter = Filter::new("a", [pods, hosts]);
        assert!(filter.same_content(&Filter::new("b", [pods, hosts])));
        assert_ne!(filter, Filter::new("b", [pods, hosts]));
        assert!(!filter.same_content(&Filter::new("a", [hosts, pods])));
        assert!(!filter.same_content(&Filter::new("a", [pods])));
    }

    #[test]
    fn looks_at_the_prefix_only_where_a_condition_is_reached() {
        let any = rule(None, None, Action::Accept);
        let pods = rule(Some("10.65.0.0/16"), None, Action::Reject);
        let rows = [
            (vec![], false),
            (vec![any], false),
            (vec![pods], true),
            (vec![pods, any], true),
            (vec![any, pods], false),
            (vec![rule(None, Some((24, 24)), Action::Accept)], true),
        ];
        for (rules, expected) in rows {
            let filter = Filter::new("a", rules);
            assert_eq!(filter.looks_at_prefix(), expected, "{filter:?}");
        }
    }

    fn rule(prefix: Option<&str>, lengths: Option<(u8, u8)>, action: Action) -> Rule {
        let prefix = prefix.map(|text| text.parse().unwrap());
        let lengths = lengths.map(|(shortest, longest)| LengthRange::new(shortest, longest).unwrap());
        Rule { matches: Match::new(prefix, lengths).unwrap(), action, edits: RuleEdits::default() }
    }
}
