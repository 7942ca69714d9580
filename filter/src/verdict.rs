//! What a filter chain says about a route, and why.

use std::fmt;

use crate::edits::RouteEdits;

/// What became of a route, and what decided it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict<'f> {
    /// What became of it.
    pub decision: Decision,
    /// What decided it.
    pub by: DecidedBy<'f>,
    /// What is set in it; nothing when it is dropped.
    pub edits: RouteEdits,
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
pub enum DecidedBy<'f> {
    /// There is no filter.
    NoFilter,
    /// The first rule that matched.
    Rule {
        /// The filter's name.
        filter: &'f str,
        /// The rule's number; the first one is 1.
        number: usize,
    },
    /// No rule of the filter matched.
    NoRule {
        /// The filter's name.
        filter: &'f str,
    },
}

impl Verdict<'_> {
    /// Whether the route passes.
    pub fn is_accepted(&self) -> bool {
        self.decision == Decision::Accept
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = self.decision;
        match self.by {
            DecidedBy::NoFilter => write!(f, "{decision}: no filter"),
            DecidedBy::Rule { filter, number } => write!(f, "{decision} by filter {filter}, rule {number}"),
            DecidedBy::NoRule { filter } => write!(f, "{decision} by filter {filter}: no rule matches"),
        }
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
