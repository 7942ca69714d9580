//! Route filters: what rules ask of a route, what they set in it, and the reason for each verdict.
//!
//! A [`Filter`] is a list of [`Rule`]s; a rule has a [`Condition`], some [`Edit`]s and an [`Action`]. A [`FilterChain`] runs
//! filters in order on a route, which is handed over in two parts: the [`RoutePath`], which routes of one attribute set
//! share, and the [`Destination`]. [`FilterChain::by_path`] answers once for a path what does not depend on the prefix.

mod as_path_pattern;
mod as_text;
mod asn_set;
mod chain;
mod community_pattern;
mod community_set;
mod condition;
mod edit;
mod expression;
mod filter;
mod finding;
mod glob;
mod halfway;
mod length_range;
mod number;
mod prefix_range;
mod prefix_set;
mod program;
mod route;
mod route_edits;
mod rule;
mod run;
mod serialisation;
mod session;
#[cfg(test)]
mod tests;
mod trace;
mod value_range;
mod verdict;
mod view;

pub use as_path_pattern::{AsPathPattern, AsPathPatternError};
pub use asn_set::AsnSet;
pub use chain::{ChainContent, FilterChain};
pub use community_pattern::{AnyCommunity, CommunityPattern, CommunityTextError, ExtendedPattern};
pub use community_set::CommunitySet;
pub use condition::{
    AsPathCondition, Condition, Covering, Members, NextHopCondition, NumberCondition, OriginSet,
    PeerCondition, PeerRelation, PrefixCondition,
};
pub use edit::{Edit, NextHopChoice};
pub use expression::{Expression, ExpressionError, Operator};
pub use filter::{Filter, FilterContent};
pub use finding::{Finding, FindingKind};
pub use glob::Glob;
pub use halfway::Halfway;
pub use length_range::{LengthRange, LengthRangeError};
pub use number::Number;
pub use prefix_range::{ImpossibleLengths, PrefixRange, PrefixRangeError};
pub use prefix_set::PrefixSet;
pub use route::{Destination, LocalValues, RoutePath, RouteSource, RpkiState, SourceKind};
pub use route_edits::{ListEdits, NextHopEdit, RouteEdits};
pub use rule::{Action, Rule};
pub use session::Session;
pub use trace::{Trace, TracedRule};
pub use value_range::{ValueRange, ValueRangeError};
pub use verdict::{DecidedBy, Decision, Reason, RuleIndex, Verdict};
