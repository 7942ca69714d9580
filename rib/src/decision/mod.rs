//! The decision process: numbered steps that leave one path, and say which of them decided.
//!
//! Routes are not ordered here: with MULTI_EXIT_DISC the preference between two paths depends on the third
//! (RFC 4271 §9.1.2.2 c), so each step removes candidates from the whole set.

mod contest;
mod effect;

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;

use bgp_codec::{Asn, BgpIdentifier, PathAttributes, PathId, PeerKind};

pub(crate) use self::contest::{Choice, PathChange, Unusable, best_of, candidate, contest};
pub(crate) use self::effect::Effect;
use crate::paths::CandidateOrigin;

/// LOCAL_PREF of a path that carries none (the field's common default; RFC 4271 §5.1.5 leaves it to local policy).
pub const DEFAULT_LOCAL_PREF: u32 = 100;

/// What the decision process looks at in one usable path.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where the path comes from.
    pub origin: CandidateOrigin,
    /// The peer's own number for the path; zero where the session has none.
    pub path_id: PathId,
    /// Its attributes after import.
    pub attributes: &'a PathAttributes,
    /// The cost to reach its next hop.
    pub interior_cost: u32,
    /// What it is worth to this speaker before anything of BGP is compared; the highest wins.
    pub preference: u32,
    /// What filters add to that; the highest wins.
    pub weight: u32,
}

/// The steps in the order in which they are taken.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// There is no other usable path.
    OnlyPath,
    /// The highest preference: own routes before those of the kernel before learned ones, unless filters set another.
    Preference,
    /// The highest weight, which filters set.
    Weight,
    /// Own routes come before learned ones.
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
    /// The lowest BGP Identifier, ORIGINATOR_ID in its place where present (RFC 4271 §9.1.2.2 f, RFC 4456 §9).
    Identifier,
    /// The shortest CLUSTER_LIST (RFC 4456 §9).
    ClusterListLength,
    /// The lowest peer address (RFC 4271 §9.1.2.2 g).
    PeerAddress,
    /// Several paths of one peer (RFC 7911): the one with the lowest path id.
    PathId,
}

impl Step {
    /// Whether the step only tells apart paths that are equally good for forwarding.
    #[must_use]
    pub fn is_tie_break(self) -> bool {
        self > Self::InteriorCost
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyPath => "only path",
            Self::Preference => "preference",
            Self::Weight => "weight",
            Self::LocallyOriginated => "locally originated",
            Self::LocalPref => "local preference",
            Self::AsPathLength => "AS path length",
            Self::Origin => "origin",
            Self::MultiExitDisc => "MED",
            Self::ExternalOverInternal => "eBGP over iBGP",
            Self::InteriorCost => "cost to the next hop",
            Self::Identifier => "router id",
            Self::ClusterListLength => "cluster list length",
            Self::PeerAddress => "peer address",
            Self::PathId => "path id",
        })
    }
}

/// What the decision process found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// Position of the best path among the candidates.
    pub best: usize,
    /// The step that removed the last rival.
    pub decided_by: Step,
    /// For each candidate, the step at which it was removed; `None` for the best.
    pub lost_at: Vec<Option<Step>>,
}

impl Decision {
    /// The positions of the paths over which traffic may be shared: those that only a tie-break put behind the best.
    pub fn multipath(&self) -> impl Iterator<Item = usize> + '_ {
        (0..).zip(&self.lost_at).filter(|&(_, lost)| lost.is_none_or(Step::is_tie_break)).map(|(i, _)| i)
    }
}

/// Chooses among the usable paths of one prefix; `None` when there is none.
///
/// The answer does not depend on the order of the candidates.
#[must_use]
pub fn decide(candidates: &[Candidate<'_>]) -> Option<Decision> {
    let mut contest = Contest::new(candidates);
    contest.keep_lowest(Step::Preference, |path| Reverse(path.preference));
    contest.keep_lowest(Step::Weight, |path| Reverse(path.weight));
    contest.keep_lowest(Step::LocallyOriginated, |path| path.origin != CandidateOrigin::Local);
    contest.keep_lowest(Step::LocalPref, |path| {
        Reverse(path.attributes.local_pref().unwrap_or(DEFAULT_LOCAL_PREF))
    });
    contest.keep_lowest(Step::AsPathLength, |path| path.attributes.as_path_length());
    contest.keep_lowest(Step::Origin, |path| path.attributes.origin());
    contest.keep_lowest_med_of_each_neighbor();
    contest.keep_lowest(Step::ExternalOverInternal, |path| path.is_internal());
    contest.keep_lowest(Step::InteriorCost, |path| path.interior_cost);
    contest.keep_lowest(Step::Identifier, |path| path.identifier());
    contest.keep_lowest(Step::ClusterListLength, |path| path.attributes.cluster_list_length());
    contest.keep_lowest(Step::PeerAddress, |path| path.peer_address());
    contest.keep_lowest(Step::PathId, |path| path.path_id);
    contest.finish()
}

impl Candidate<'_> {
    fn is_internal(&self) -> bool {
        matches!(self.origin, CandidateOrigin::Peer { kind: PeerKind::Ibgp, .. })
    }

    fn identifier(&self) -> Option<BgpIdentifier> {
        match self.origin {
            CandidateOrigin::Local => None,
            CandidateOrigin::Peer { identifier, .. } => {
                Some(self.attributes.originator_id().unwrap_or(identifier))
            }
        }
    }

    fn peer_address(&self) -> Option<IpAddr> {
        match self.origin {
            CandidateOrigin::Local => None,
            CandidateOrigin::Peer { address, .. } => Some(address),
        }
    }
}

/// The candidates while they are being removed.
struct Contest<'a> {
    candidates: &'a [Candidate<'a>],
    lost_at: Vec<Option<Step>>,
    remaining: usize,
    decided_by: Step,
}

impl<'a> Contest<'a> {
    fn new(candidates: &'a [Candidate<'a>]) -> Self {
        Self {
            candidates,
            lost_at: vec![None; candidates.len()],
            remaining: candidates.len(),
            decided_by: Step::OnlyPath,
        }
    }

    fn keep_lowest<K: Ord>(&mut self, step: Step, key: impl Fn(&Candidate<'_>) -> K) {
        if self.remaining < 2 {
            return;
        }
        let Some(lowest) = self.survivors().map(|(_, path)| key(path)).min() else { return };
        self.remove_where(step, |path| key(path) > lowest);
    }

    /// RFC 4271 §9.1.2.2 c: a missing MULTI_EXIT_DISC counts as the lowest value.
    fn keep_lowest_med_of_each_neighbor(&mut self) {
        if self.remaining < 2 {
            return;
        }
        let mut lowest: Vec<_> = self.survivors().map(|(_, path)| neighbor_and_med(path)).collect();
        lowest.sort_unstable();
        lowest.dedup_by_key(|&mut (neighbor, _)| neighbor);
        self.remove_where(Step::MultiExitDisc, |path| {
            let (neighbor, med) = neighbor_and_med(path);
            lowest
                .binary_search_by_key(&neighbor, |&(neighbor, _)| neighbor)
                .is_ok_and(|at| lowest[at].1 < med)
        });
    }

    fn survivors(&self) -> impl Iterator<Item = (usize, &'a Candidate<'a>)> + '_ {
        self.candidates.iter().enumerate().filter(|&(position, _)| self.lost_at[position].is_none())
    }

    fn remove_where(&mut self, step: Step, loses: impl Fn(&Candidate<'_>) -> bool) {
        for (lost_at, path) in self.lost_at.iter_mut().zip(self.candidates) {
            if lost_at.is_none() && loses(path) {
                *lost_at = Some(step);
                self.remaining -= 1;
                self.decided_by = step;
            }
        }
    }

    fn finish(mut self) -> Option<Decision> {
        let best = self.survivors().next()?.0;
        for lost_at in self.lost_at.iter_mut().skip(best + 1).filter(|lost_at| lost_at.is_none()) {
            *lost_at = Some(Step::PathId);
            self.decided_by = Step::PathId;
        }
        Some(Decision { best, decided_by: self.decided_by, lost_at: self.lost_at })
    }
}

/// A path without a neighbouring AS stays inside our own, which then is the "neighbour" of all such paths.
fn neighbor_and_med(path: &Candidate<'_>) -> (Option<Asn>, u32) {
    (path.attributes.neighbor_as(), path.attributes.med().unwrap_or(0))
}

#[cfg(test)]
mod tests;
