//! The filters a peer has in one direction.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::condition::Condition;
use crate::filter::{Filter, FilterContent};
use crate::halfway::Halfway;
use crate::program::{Program, Step};
use crate::route::{Destination, RoutePath};
use crate::rule::Rule;
use crate::run::Run;
use crate::session::Session;
use crate::trace::{Trace, TracedRule};
use crate::verdict::{DecidedBy, Reason, Verdict};
use crate::view::View;

/// The filters of a peer in one direction: a route passes when each accepts it. Without filters every route passes.
///
/// Cheap to clone. Equality includes the filters' names; [`FilterChain::content`] leaves them out.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(from = "Vec<Filter>", into = "Vec<Filter>")]
pub struct FilterChain(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    filters: Vec<Filter>,
    program: Program,
    looks_at_prefix: bool,
    looks_at_source: bool,
    looks_at_staleness: bool,
    looks_at_rpki: bool,
    logs: bool,
}

/// The rules of a chain without its filters' names: peers whose chains have equal content can share their verdicts.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ChainContent(Vec<FilterContent>);

impl FilterChain {
    /// A chain of these filters, asked in this order.
    pub fn new(filters: impl IntoIterator<Item = Filter>) -> Self {
        let filters: Vec<Filter> = filters.into_iter().collect();
        let program = Program::new(&filters);
        let asks = |is_meant: fn(&Condition) -> bool| {
            filters.iter().any(|filter| filter.any_condition(&mut |condition| is_meant(condition)))
        };
        let (looks_at_prefix, looks_at_source) =
            (asks(Condition::looks_at_prefix), asks(Condition::looks_at_source));
        let looks_at_staleness = asks(Condition::looks_at_staleness);
        let looks_at_rpki = asks(Condition::looks_at_rpki);
        let logs = filters.iter().flat_map(Filter::rules).any(Rule::logs_any);
        Self(Arc::new(Compiled {
            filters,
            program,
            looks_at_prefix,
            looks_at_source,
            looks_at_staleness,
            looks_at_rpki,
            logs,
        }))
    }

    /// The chain without filters, which accepts everything.
    pub fn accept_all() -> Self {
        Self::new([])
    }

    /// The chain as it is for one session: what its rules ask of the peer is answered, so that the chains of peers that are
    /// equal in what is asked have equal content.
    #[must_use]
    pub fn for_session(&self, session: &Session) -> Self {
        let looks =
            self.0.filters.iter().any(|filter| filter.any_condition(&mut Condition::looks_at_session));
        if !looks {
            return self.clone();
        }
        Self::new(self.0.filters.iter().map(|filter| filter.for_session(session)))
    }

    /// What becomes of a route: the first rejection, or else the last filter's acceptance. A filter knows what those
    /// before it have set.
    pub fn evaluate(&self, path: &RoutePath<'_>, destination: &Destination) -> Verdict {
        Run::new().finish(&self.0.program, path, destination, |_, _, _| {})
    }

    /// The half of the verdict that follows from a path alone.
    pub fn by_path(&self, path: &RoutePath<'_>) -> Halfway {
        Halfway::new(self, path)
    }

    /// The verdict on a route, with every rule that was asked.
    pub fn trace(&self, path: &RoutePath<'_>, destination: &Destination) -> Trace<'_> {
        let mut rules = Vec::new();
        let verdict = Run::new().finish(&self.0.program, path, destination, |index, matched, edits| {
            let place = &self.0.program.places[index.0 as usize];
            let line = place.filter.line(place.rule);
            rules.push(TracedRule {
                filter: place.filter.name(),
                rule: place.rule + 1,
                line,
                matched,
                edits: edits.clone(),
            });
        });
        Trace { rules, reason: self.reason(&verdict), edits: verdict.edits }
    }

    /// A verdict of this chain in words.
    pub fn reason(&self, verdict: &Verdict) -> Reason<'_> {
        let decision = verdict.decision;
        match verdict.by {
            DecidedBy::NoFilter => Reason { decision, filter: None, rule: None, line: None },
            DecidedBy::NoRule(filter) => {
                let filter = self.0.filters.get(filter).map(Filter::name);
                Reason { decision, filter, rule: None, line: None }
            }
            DecidedBy::Rule(index) => {
                let place = self.0.program.places.get(index.0 as usize);
                Reason {
                    decision,
                    filter: place.map(|place| place.filter.name()),
                    rule: place.map(|place| place.rule + 1),
                    line: place.and_then(|place| place.filter.line(place.rule)),
                }
            }
        }
    }

    /// Whether there are no filters, so that every route passes as it is.
    pub fn is_empty(&self) -> bool {
        self.0.filters.is_empty()
    }

    /// Whether any verdict depends on the route's prefix. If not, one verdict holds for all routes of a path.
    pub fn looks_at_prefix(&self) -> bool {
        self.0.looks_at_prefix
    }

    /// Whether any rule has its routes logged, so that each route has to be asked about.
    pub fn logs(&self) -> bool {
        self.0.logs
    }

    /// The rule that has a route logged, in words, with what became of the route.
    pub fn logged(&self, verdict: &Verdict) -> Option<String> {
        let place = self.0.program.places.get(verdict.logged_by?.0 as usize)?;
        let line = place.filter.line(place.rule).map(|line| format!(" (line {line})")).unwrap_or_default();
        let (filter, rule) = (place.filter.name(), place.rule + 1);
        let reason = self.reason(verdict);
        let is_same = verdict.logged_by.map(DecidedBy::Rule) == Some(verdict.by);
        Some(if is_same {
            reason.to_string()
        } else {
            format!("{reason}; logged by filter {filter}, rule {rule}{line}")
        })
    }

    /// Whether any verdict depends on where the route comes from.
    pub fn looks_at_source(&self) -> bool {
        self.0.looks_at_source
    }

    /// Whether any verdict depends on whether the route is kept from a session that ended.
    pub fn looks_at_staleness(&self) -> bool {
        self.0.looks_at_staleness
    }

    /// Whether any verdict depends on the result of origin validation.
    pub fn looks_at_rpki(&self) -> bool {
        self.0.looks_at_rpki
    }

    /// The filters in order.
    pub fn filters(&self) -> &[Filter] {
        &self.0.filters
    }

    /// The rules as a key, without names. Allocates once; the rules themselves are shared.
    pub fn content(&self) -> ChainContent {
        ChainContent(self.0.filters.iter().map(|filter| filter.content().clone()).collect())
    }

    /// Whether both do the same to every route, whatever the filters' names.
    pub fn same_content(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.filters.iter().map(Filter::content).eq(other.0.filters.iter().map(Filter::content))
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0.program
    }

    /// The answer to the question that a run waits at.
    #[inline]
    pub(crate) fn answers(&self, run: &Run, path: &RoutePath<'_>, destination: &Destination) -> bool {
        match &self.0.program.steps[run.step] {
            Step::Rule { condition, .. } | Step::Call { condition, .. } => {
                condition.holds_for_destination(View { path, edits: &run.edits }, destination)
            }
            Step::NoRule { .. } => false,
        }
    }

    pub(crate) fn take_step(&self, run: &mut Run, holds: bool, path: &RoutePath<'_>) -> Option<Verdict> {
        let step = &self.0.program.steps[run.step];
        run.take(step, holds, path, &mut |_, _, _| {})
    }
}

impl Default for FilterChain {
    fn default() -> Self {
        Self::accept_all()
    }
}

impl PartialEq for FilterChain {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.filters == other.0.filters
    }
}

impl Eq for FilterChain {}

impl Hash for FilterChain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.filters.hash(state);
    }
}

impl From<Vec<Filter>> for FilterChain {
    fn from(filters: Vec<Filter>) -> Self {
        Self::new(filters)
    }
}

impl From<FilterChain> for Vec<Filter> {
    fn from(chain: FilterChain) -> Self {
        chain.0.filters.clone()
    }
}
