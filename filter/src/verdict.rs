//! What a filter chain says about a route, and why.

use std::fmt;

use crate::route_edits::RouteEdits;

/// What became of a route, and what decided it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What became of it.
    pub decision: Decision,
    /// What decided it: [`FilterChain::reason`](crate::FilterChain::reason) has the words.
    pub by: DecidedBy,
    /// What is set in it; nothing when it is dropped.
    pub edits: RouteEdits,
    /// The last rule it met that has its routes logged.
    pub logged_by: Option<RuleIndex>,
}

/// What becomes of a route.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Decision {
    /// It passes.
    Accept,
    /// It is dropped.
    Reject,
}

/// What decided about a route; of several filters that accept, the last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DecidedBy {
    /// There is no filter.
    NoFilter,
    /// A rule, by its place in the chain.
    Rule(RuleIndex),
    /// No rule of the filter at this place in the chain decided.
    NoRule(usize),
}

/// Names a rule of a chain, in whichever filter it stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleIndex(pub(crate) u32);

/// A verdict in words: `rejected by filter tor-in, rule 2 (line 14)`.
#[derive(Clone, Copy, Debug)]
pub struct Reason<'f> {
    /// What became of the route.
    pub decision: Decision,
    /// The filter; `None` where there is none.
    pub filter: Option<&'f str>,
    /// The number of the rule, of which the first is 1; `None` where no rule decided.
    pub rule: Option<usize>,
    /// The line of the operator's file on which the rule begins, where it is known.
    pub line: Option<u32>,
}

impl Verdict {
    /// Whether the route passes.
    pub fn is_accepted(&self) -> bool {
        self.decision == Decision::Accept
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = self.decision;
        match (self.filter, self.rule) {
            (None, _) => write!(f, "{decision}: no filter")?,
            (Some(filter), Some(rule)) => write!(f, "{decision} by filter {filter}, rule {rule}")?,
            (Some(filter), None) => write!(f, "{decision} by filter {filter}: no rule matches")?,
        }
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
        })
    }
}
