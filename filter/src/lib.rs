//! Route filters: match, act, and the reason for each verdict.
//!
//! A [`Filter`] is a named list of rules, of which the first that matches decides. A peer has a [`FilterChain`] for
//! each direction; a route passes when every filter of the chain accepts it. What falls through all rules of a filter
//! is rejected, and a chain without any filter accepts everything.

mod chain;
mod edits;
mod filter;
mod length_range;
mod rule;
mod serialisation;
mod value_range;
mod verdict;

pub use chain::{ChainContent, FilterChain};
pub use edits::{NewValue, RouteEdits, RouteFacts, RuleEdits, Value};
pub use filter::{Filter, FilterContent};
pub use length_range::LengthRange;
pub use rule::{Action, Match, MatchError, Rule};
pub use value_range::ValueRange;
pub use verdict::{DecidedBy, Decision, Verdict};
