//! The decision process: numbered steps that leave one path, and report which of them decided.
//!
//! Paths have no order: with MULTI_EXIT_DISC the preference between two paths depends on a third (RFC 4271
//! §9.1.2.2 c), so each step removes candidates from the whole set.

mod best_few;
mod candidate;
mod contest;
mod effect;
mod steps;

use bgp_codec::Asn;

pub(crate) use self::best_few::BestFew;
pub use self::candidate::{Candidate, DEFAULT_LOCAL_PREF};
pub(crate) use self::contest::{Choice, PathChange, Unusable, best_of, candidate, contest, rival};
pub(crate) use self::effect::Effect;
pub use self::steps::Step;
use self::steps::{STEPS, Scope, StepRule};

/// Result of the decision process.
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
    /// Positions of the paths that may share the traffic: the best one, and those that lost to it by a
    /// tie-break only.
    pub fn multipath(&self) -> impl Iterator<Item = usize> + '_ {
        (0..).zip(&self.lost_at).filter(|&(_, lost)| lost.is_none_or(Step::is_tie_break)).map(|(i, _)| i)
    }
}

/// Chooses among the usable paths of one prefix; `None` if there are none.
///
/// The result does not depend on the order of the candidates.
#[must_use]
pub fn decide(candidates: &[Candidate<'_>]) -> Option<Decision> {
    let mut contest = Contest::new(candidates);
    for rule in &STEPS {
        contest.take(rule);
    }
    contest.finish()
}

/// The candidates that remain while the steps are applied.
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

    fn take(&mut self, rule: &StepRule) {
        if self.remaining < 2 {
            return;
        }
        match rule.scope {
            Scope::All => self.keep_lowest(rule),
            Scope::NeighborAs => self.keep_lowest_of_each_neighbor(rule),
        }
    }

    fn keep_lowest(&mut self, rule: &StepRule) {
        let Some((_, lowest)) = self.survivors().min_by(|(_, one), (_, other)| (rule.compare)(one, other))
        else {
            return;
        };
        self.remove_where(rule.step, |path| (rule.compare)(path, lowest).is_gt());
    }

    /// RFC 4271 §9.1.2.2 c.
    fn keep_lowest_of_each_neighbor(&mut self, rule: &StepRule) {
        let mut lowest: Vec<(Option<Asn>, &Candidate<'_>)> =
            self.survivors().map(|(_, path)| (path.neighbor(), path)).collect();
        lowest.sort_by(|one, other| one.0.cmp(&other.0).then_with(|| (rule.compare)(one.1, other.1)));
        lowest.dedup_by_key(|&mut (neighbor, _)| neighbor);
        self.remove_where(rule.step, |path| {
            lowest
                .binary_search_by_key(&path.neighbor(), |&(neighbor, _)| neighbor)
                .is_ok_and(|at| (rule.compare)(path, lowest[at].1).is_gt())
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

#[cfg(test)]
mod tests;
