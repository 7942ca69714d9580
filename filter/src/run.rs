//! Running the steps of a chain on a route.

use crate::condition::Condition;
use crate::program::{Program, Step, Then};
use crate::route::{Destination, RoutePath};
use crate::route_edits::RouteEdits;
use crate::verdict::{DecidedBy, Decision, RuleIndex, Verdict};
use crate::view::View;

/// How far a route has come: the next step, what is set, and who accepted it last.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) step: usize,
    pub(crate) edits: RouteEdits,
    by: DecidedBy,
    logged_by: Option<RuleIndex>,
}

/// What stopped a run.
pub(crate) enum Stop {
    /// The chain has decided.
    Settled(Verdict),
    /// The condition of the next step has no answer.
    Open(Run),
}

impl Run {
    pub(crate) fn new() -> Self {
        Self { step: 0, edits: RouteEdits::default(), by: DecidedBy::NoFilter, logged_by: None }
    }

    /// Runs to the end for one route.
    pub(crate) fn finish(
        self,
        program: &Program,
        path: &RoutePath<'_>,
        destination: &Destination,
        mut on_step: impl FnMut(RuleIndex, bool, &RouteEdits),
    ) -> Verdict {
        let answer = |condition: &Condition, view: View<'_>| Some(condition.holds(view, destination));
        match self.go(program, path, answer, &mut on_step) {
            Stop::Settled(verdict) => verdict,
            Stop::Open(run) => run.rejected(DecidedBy::NoFilter),
        }
    }

    /// Runs as far as the answer does not depend on the prefix.
    pub(crate) fn advance(self, program: &Program, path: &RoutePath<'_>) -> Stop {
        self.go(program, path, |condition, view| condition.settled(view), &mut |_, _, _| {})
    }

    fn go(
        mut self,
        program: &Program,
        path: &RoutePath<'_>,
        answer: impl Fn(&Condition, View<'_>) -> Option<bool>,
        on_step: &mut impl FnMut(RuleIndex, bool, &RouteEdits),
    ) -> Stop {
        while let Some(step) = program.steps.get(self.step) {
            let holds = match step {
                Step::Rule { condition, .. } | Step::Call { condition, .. } => {
                    match answer(condition, View { path, edits: &self.edits }) {
                        Some(holds) => holds,
                        None => return Stop::Open(self),
                    }
                }
                Step::NoRule { filter } => {
                    let by = DecidedBy::NoRule(*filter);
                    return Stop::Settled(self.rejected(by));
                }
            };
            if let Some(verdict) = self.take(step, holds, path, on_step) {
                return Stop::Settled(verdict);
            }
        }
        let Self { edits, by, logged_by, .. } = self;
        Stop::Settled(Verdict { decision: Decision::Accept, by, edits, logged_by })
    }

    /// Takes a step whose condition holds or does not; returns the verdict of a rule that rejects.
    pub(crate) fn take(
        &mut self,
        step: &Step,
        holds: bool,
        path: &RoutePath<'_>,
        on_step: &mut impl FnMut(RuleIndex, bool, &RouteEdits),
    ) -> Option<Verdict> {
        let (edits, index, logs) = match step {
            Step::Rule { edits, index, logs, .. } | Step::Call { edits, index, logs, .. } => {
                (edits, *index, *logs)
            }
            Step::NoRule { filter } => return Some(self.rejected(DecidedBy::NoRule(*filter))),
        };
        if holds && !matches!(step, Step::Rule { then: Then::Reject, .. }) {
            edits.iter().for_each(|edit| edit.apply(path, &mut self.edits));
        }
        if holds && logs {
            self.logged_by = Some(index);
        }
        on_step(index, holds, &self.edits);
        match step {
            Step::Rule { then: Then::Reject, .. } if holds => {
                return Some(self.rejected(DecidedBy::Rule(index)));
            }
            Step::Rule { then: Then::Accept { next }, .. } if holds => {
                self.by = DecidedBy::Rule(index);
                self.step = *next;
            }
            Step::Call { end, .. } if !holds => self.step = *end,
            Step::Rule { .. } | Step::Call { .. } | Step::NoRule { .. } => self.step += 1,
        }
        None
    }

    fn rejected(&self, by: DecidedBy) -> Verdict {
        Verdict { decision: Decision::Reject, by, edits: RouteEdits::default(), logged_by: self.logged_by }
    }
}
