//! The filters a peer has in one direction.

use std::sync::Arc;

use bgp_codec::Prefix;

use crate::edits::{RouteEdits, RouteFacts};
use crate::filter::{Filter, FilterContent};
use crate::verdict::{DecidedBy, Decision, Verdict};

/// The filters of a peer in one direction: a route passes when each accepts it. Without filters every route passes.
///
/// Cheap to clone. Equality includes the filters' names; [`FilterChain::content`] leaves them out.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct FilterChain(Arc<[Filter]>);

/// The rules of a chain without its filters' names: peers whose chains have equal content can share their verdicts.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ChainContent(Vec<FilterContent>);

impl FilterChain {
    /// A chain of these filters, asked in this order.
    pub fn new(filters: impl IntoIterator<Item = Filter>) -> Self {
        Self(filters.into_iter().collect())
    }

    /// The chain without filters, which accepts everything.
    pub fn accept_all() -> Self {
        Self::new([])
    }

    /// What becomes of a route to `prefix`, of which this is known: the first rejection, or else the last filter's
    /// acceptance. A filter knows what those before it have set. Does not allocate.
    #[inline]
    pub fn evaluate(&self, prefix: Prefix, facts: &RouteFacts) -> Verdict<'_> {
        let (by, edits) = (DecidedBy::NoFilter, RouteEdits::default());
        let mut verdict = Verdict { decision: Decision::Accept, by, edits };
        for filter in &*self.0 {
            let edits = verdict.edits;
            verdict = filter.evaluate(prefix, &facts.edited(edits));
            if !verdict.is_accepted() {
                break;
            }
            verdict.edits = edits.then(verdict.edits);
        }
        verdict
    }

    /// Whether any verdict depends on what is known of a route beside its prefix.
    pub fn looks_at_facts(&self) -> bool {
        self.0.iter().any(Filter::looks_at_facts)
    }

    /// The filters in order.
    pub fn filters(&self) -> &[Filter] {
        &self.0
    }

    /// The rules as a key, without names. Allocates once; the rules themselves are shared.
    pub fn content(&self) -> ChainContent {
        ChainContent(self.0.iter().map(|filter| filter.content().clone()).collect())
    }

    /// Whether both do the same to every route, whatever the filters' names.
    pub fn same_content(&self, other: &Self) -> bool {
        self.0.iter().map(Filter::content).eq(other.0.iter().map(Filter::content))
    }

    /// Whether any verdict depends on the route's prefix.
    pub fn looks_at_prefix(&self) -> bool {
        self.0.iter().any(Filter::looks_at_prefix)
    }
}

impl Default for FilterChain {
    fn default() -> Self {
        Self::accept_all()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::edits::{NewValue, RuleEdits, Value};
    use crate::rule::{Action, Match, Rule};
    use crate::value_range::ValueRange;

    #[test]
    fn every_filter_must_accept() {
        let chain = FilterChain::new([
            accepting("pods", &["10.65.0.0/16", "10.66.0.0/16"]),
            accepting("first-half", &["10.65.0.0/17", "10.66.0.0/17"]),
        ]);
        let rows = [
            ("10.65.1.0/26", "accepted by filter first-half, rule 1"),
            ("10.66.1.0/26", "accepted by filter first-half, rule 2"),
            ("10.65.128.0/26", "rejected by filter first-half: no rule matches"),
            ("10.67.0.0/26", "rejected by filter pods: no rule matches"),
        ];
        for (prefix, expected) in rows {
            assert_eq!(
                chain.evaluate(prefix.parse().unwrap(), &RouteFacts::default()).to_string(),
                expected,
                "{prefix}"
            );
        }
    }

    #[test]
    fn no_filter_accepts() {
        let verdict_text = FilterChain::accept_all()
            .evaluate("10.0.0.0/8".parse().unwrap(), &RouteFacts::default())
            .to_string();
        assert_eq!(verdict_text, "accepted: no filter");
    }

    #[test]
    fn a_thousand_chains_of_one_content_are_one_key() {
        let keys: HashSet<ChainContent> = (0..1000)
            .map(|peer| FilterChain::new([accepting(&format!("peer-{peer}"), &["10.65.0.0/16"])]).content())
            .collect();
        assert_eq!(keys.len(), 1);
        assert!(!keys.contains(&FilterChain::accept_all().content()));
        assert!(!keys.contains(&FilterChain::new([accepting("peer-0", &["10.66.0.0/16"])]).content()));
    }

    #[test]
    fn same_content_ignores_names_and_respects_order() {
        let (pods, services) =
            (accepting("pods", &["10.65.0.0/16"]), accepting("services", &["10.96.0.0/12"]));
        let renamed = accepting("other", &["10.65.0.0/16"]);
        let chain = FilterChain::new([pods.clone(), services.clone()]);
        assert!(chain.same_content(&FilterChain::new([renamed, services.clone()])));
        assert!(!chain.same_content(&FilterChain::new([services, pods.clone()])));
        assert!(!chain.same_content(&FilterChain::new([pods])));
    }

    #[test]
    fn looks_at_the_prefix_when_one_of_its_filters_does() {
        let all = Filter::new(
            "all",
            [Rule { matches: Match::ANY, action: Action::Accept, edits: RuleEdits::default() }],
        );
        assert!(!FilterChain::accept_all().looks_at_prefix());
        assert!(!FilterChain::new([all.clone()]).looks_at_prefix());
        assert!(FilterChain::new([all, accepting("pods", &["10.65.0.0/16"])]).looks_at_prefix());
    }

    /// The contract of Calico's clusters, with 2147483647 as the number from which both values are taken.
    #[test]
    fn values_are_set_from_one_another_and_read_back_by_later_filters() {
        const M: u32 = 2_147_483_647;
        let any = |lowest, highest| Match::ANY.with_values(ValueRange::new(lowest, highest), None);
        let accept = |matches, edits| Rule { matches, action: Action::Accept, edits };
        let metric =
            RuleEdits { metric: Some(NewValue::RestOf(M, Value::LocalPref)), ..RuleEdits::default() };
        let elevated = RuleEdits { preference: Some(200), ..metric };
        let import = Filter::new("in", [accept(any(M - 1023, M), elevated), accept(Match::ANY, metric)]);
        let own_metrics = Match::ANY.with_values(None, ValueRange::new(1, 600));
        let read_back = Filter::new(
            "read-back",
            [
                accept(
                    own_metrics,
                    RuleEdits { local_pref: Some(NewValue::Fixed(7)), ..RuleEdits::default() },
                ),
                accept(Match::ANY, RuleEdits::default()),
            ],
        );
        let chain = FilterChain::new([import, read_back]);
        assert!(chain.looks_at_facts() && !FilterChain::accept_all().looks_at_facts());
        let edits = |local_pref| {
            let facts = RouteFacts { local_pref, metric: None };
            let edits = chain.evaluate("10.65.1.0/26".parse().unwrap(), &facts).edits;
            (edits.metric, edits.preference, edits.local_pref)
        };
        assert_eq!(edits(Some(M - 1024)), (Some(1024), None, None));
        assert_eq!(edits(Some(M - 512)), (Some(512), Some(200), Some(7)));
        assert_eq!(edits(Some(u32::MAX)), (Some(0), None, None), "never below nothing");
        assert_eq!(edits(None), (None, None, None));
        assert!(edits(None) == (None, None, None) && RouteEdits::default().is_empty());
    }

    fn accepting(name: &str, prefixes: &[&str]) -> Filter {
        Filter::new(
            name,
            prefixes.iter().map(|prefix| Rule {
                matches: Match::new(Some(prefix.parse().unwrap()), None).unwrap(),
                action: Action::Accept,
                edits: RuleEdits::default(),
            }),
        )
    }
}
