//! The way of a route through a chain, rule by rule.

use crate::route_edits::RouteEdits;
use crate::verdict::Reason;

/// Every rule that a route was asked by, and the verdict.
#[derive(Clone, Debug)]
pub struct Trace<'f> {
    /// The rules in the order asked.
    pub rules: Vec<TracedRule<'f>>,
    /// The verdict in words.
    pub reason: Reason<'f>,
    /// What is set in the end.
    pub edits: RouteEdits,
}

/// A rule that a route was asked by.
#[derive(Clone, Debug)]
pub struct TracedRule<'f> {
    /// The filter it stands in.
    pub filter: &'f str,
    /// Its number there; the first is 1.
    pub rule: usize,
    /// The line of the operator's file on which it begins, where it is known.
    pub line: Option<u32>,
    /// Whether its condition holds.
    pub matched: bool,
    /// What is set after it.
    pub edits: RouteEdits,
}
