//! The filters a peer has in one direction.

use std::sync::Arc;

use bgp_codec::Prefix;

use crate::filter::{Filter, FilterContent};
use crate::verdict::{DecidedBy, Decision, Verdict};

/// The filters of a peer in one direction: a route passes when each accepts it. Without filters every route passes.
///
/// Cheap to clone. Equality includes the filters' names; [`FilterChain::content`] leaves them out.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
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

    /// What becomes of a route to `prefix`: the first rejection, or else the last filter's acceptance.
    /// Does not allocate.
    #[inline]
    pub fn evaluate(&self, prefix: Prefix) -> Verdict<'_> {
        let mut verdict = Verdict { decision: Decision::Accept, by: DecidedBy::NoFilter };
        for filter in &*self.0 {
            verdict = filter.evaluate(prefix);
            if !verdict.is_accepted() {
                break;
            }
        }
        verdict
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
    use crate::rule::{Action, Match, Rule};

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
            assert_eq!(chain.evaluate(prefix.parse().unwrap()).to_string(), expected, "{prefix}");
        }
    }

    #[test]
    fn no_filter_accepts() {
        let verdict_text = FilterChain::accept_all().evaluate("10.0.0.0/8".parse().unwrap()).to_string();
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
        let all = Filter::new("all", [Rule { matches: Match::ANY, action: Action::Accept }]);
        assert!(!FilterChain::accept_all().looks_at_prefix());
        assert!(!FilterChain::new([all.clone()]).looks_at_prefix());
        assert!(FilterChain::new([all, accepting("pods", &["10.65.0.0/16"])]).looks_at_prefix());
    }

    fn accepting(name: &str, prefixes: &[&str]) -> Filter {
        Filter::new(
            name,
            prefixes.iter().map(|prefix| Rule {
                matches: Match::new(Some(prefix.parse().unwrap()), None).unwrap(),
                action: Action::Accept,
            }),
        )
    }
}
