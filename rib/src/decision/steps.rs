//! The steps of the decision process, in order.

use std::cmp::Ordering;
use std::fmt;

use super::candidate::Candidate;

/// The steps of the decision process, in order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The only usable path.
    OnlyPath,
    /// Paths before those that are long-lived stale (RFC 9494 §4.3).
    LongLivedStale,
    /// The highest preference: own routes before kernel routes before learned ones, unless a filter sets it.
    Preference,
    /// The highest weight, set by filters.
    Weight,
    /// Own routes before learned ones.
    LocallyOriginated,
    /// The highest degree of preference (RFC 4271 §9.1.1).
    LocalPref,
    /// The shortest AS_PATH (RFC 4271 §9.1.2.2 a).
    AsPathLength,
    /// The lowest ORIGIN (RFC 4271 §9.1.2.2 b).
    Origin,
    /// The lowest MULTI_EXIT_DISC among paths of the same neighbouring AS (RFC 4271 §9.1.2.2 c).
    MultiExitDisc,
    /// External before internal (RFC 4271 §9.1.2.2 d).
    ExternalOverInternal,
    /// The lowest cost to the next hop (RFC 4271 §9.1.2.2 e).
    InteriorCost,
    /// The present best path, if it is external and this is preferred (RFC 5004).
    PresentBest,
    /// The lowest BGP Identifier, ORIGINATOR_ID in its place where present (RFC 4271 §9.1.2.2 f, RFC 4456 §9).
    Identifier,
    /// The shortest CLUSTER_LIST (RFC 4456 §9).
    ClusterListLength,
    /// The lowest peer address (RFC 4271 §9.1.2.2 g).
    PeerAddress,
    /// The lowest number of the peer, among several sessions with one speaker at one address.
    Session,
    /// The lowest path identifier, among several paths of one peer (RFC 7911).
    PathId,
}

impl Step {
    /// Whether the step only separates paths that are equally good for forwarding.
    #[must_use]
    pub fn is_tie_break(self) -> bool {
        self > Self::InteriorCost
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyPath => "only path",
            Self::LongLivedStale => "long-lived stale",
            Self::Preference => "preference",
            Self::Weight => "weight",
            Self::LocallyOriginated => "locally originated",
            Self::LocalPref => "local preference",
            Self::AsPathLength => "AS path length",
            Self::Origin => "origin",
            Self::MultiExitDisc => "MED",
            Self::ExternalOverInternal => "eBGP over iBGP",
            Self::InteriorCost => "cost to the next hop",
            Self::PresentBest => "present best path",
            Self::Identifier => "router id",
            Self::ClusterListLength => "cluster list length",
            Self::PeerAddress => "peer address",
            Self::Session => "session",
            Self::PathId => "path id",
        })
    }
}

/// The comparison of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepRule {
    pub(super) step: Step,
    pub(super) scope: Scope,
    /// Compares two paths: the lower one is preferred.
    pub(super) compare: fn(&Candidate<'_>, &Candidate<'_>) -> Ordering,
}

/// The paths that a step compares with each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    /// All remaining paths.
    All,
    /// Paths of the same neighbouring AS, where a third path can matter.
    NeighborAs,
}

/// The list of steps, shared by the decision and [`Effect`](super::Effect). The last step separates several
/// paths of one speaker, so that a single path remains.
pub(super) const STEPS: [StepRule; 16] = [
    among_all(Step::LongLivedStale, |one, other| one.is_long_lived_stale.cmp(&other.is_long_lived_stale)),
    among_all(Step::Preference, |one, other| other.preference.cmp(&one.preference)),
    among_all(Step::Weight, |one, other| other.weight.cmp(&one.weight)),
    among_all(Step::LocallyOriginated, |one, other| one.is_learned().cmp(&other.is_learned())),
    among_all(Step::LocalPref, |one, other| other.local_pref().cmp(&one.local_pref())),
    among_all(Step::AsPathLength, |one, other| {
        one.attributes.as_path_length().cmp(&other.attributes.as_path_length())
    }),
    among_all(Step::Origin, |one, other| one.attributes.origin().cmp(&other.attributes.origin())),
    StepRule {
        step: Step::MultiExitDisc,
        scope: Scope::NeighborAs,
        compare: |one, other| one.med().cmp(&other.med()),
    },
    among_all(Step::ExternalOverInternal, |one, other| one.is_internal().cmp(&other.is_internal())),
    among_all(Step::InteriorCost, |one, other| one.interior_cost.cmp(&other.interior_cost)),
    among_all(Step::PresentBest, |one, other| other.is_kept().cmp(&one.is_kept())),
    among_all(Step::Identifier, |one, other| one.identifier().cmp(&other.identifier())),
    among_all(Step::ClusterListLength, |one, other| {
        one.attributes.cluster_list_length().cmp(&other.attributes.cluster_list_length())
    }),
    among_all(Step::PeerAddress, |one, other| one.peer_address().cmp(&other.peer_address())),
    among_all(Step::Session, |one, other| one.peer_number().cmp(&other.peer_number())),
    among_all(Step::PathId, |one, other| one.path_id.cmp(&other.path_id)),
];

const fn among_all(step: Step, compare: fn(&Candidate<'_>, &Candidate<'_>) -> Ordering) -> StepRule {
    StepRule { step, scope: Scope::All, compare }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths that only tie-breaks separate may share traffic, so the order of the variants matters, too.
    #[test]
    fn the_list_has_the_order_of_the_steps() {
        assert!(STEPS.is_sorted_by_key(|rule| rule.step));
        let compared_within: Vec<Step> =
            STEPS.iter().filter(|rule| rule.scope == Scope::NeighborAs).map(|rule| rule.step).collect();
        assert_eq!(compared_within, [Step::MultiExitDisc]);
    }
}
