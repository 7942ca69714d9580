//! The rules of a chain in one list, calls unfolded.

use crate::condition::Condition;
use crate::edit::Edit;
use crate::filter::Filter;
use crate::rule::{Action, Rule};
use crate::verdict::RuleIndex;

/// The steps of a chain. Cheap to run from any step on: there is no stack.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// Where each rule stands, by its index.
    pub(crate) places: Vec<Place>,
}

/// A step. Goes on with the next one unless it says otherwise.
#[derive(Debug)]
pub(crate) enum Step {
    /// A rule that decides, or sets values.
    Rule { condition: Condition, edits: Vec<Edit>, then: Then, index: RuleIndex, logs: bool },
    /// A rule that calls the steps up to `end`, which are passed over where its condition does not hold.
    Call { condition: Condition, edits: Vec<Edit>, end: usize, index: RuleIndex, logs: bool },
    /// The end of a filter of the chain: no rule decided.
    NoRule { filter: usize },
}

/// What follows when a rule's condition holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// The filter accepts: the next one of the chain begins at this step.
    Accept { next: usize },
    /// The chain rejects.
    Reject,
    /// The next step.
    Continue,
}

/// Where a rule stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The filter that the rule is in.
    pub(crate) filter: Filter,
    /// Its number there; the first is 0.
    pub(crate) rule: usize,
}

impl Program {
    pub(crate) fn new(filters: &[Filter]) -> Self {
        let mut program = Self { steps: Vec::new(), places: Vec::new() };
        for (index, filter) in filters.iter().enumerate() {
            let start = program.steps.len();
            program.unfold(filter);
            program.steps.push(Step::NoRule { filter: index });
            let end = program.steps.len();
            for step in &mut program.steps[start..] {
                if let Step::Rule { then: Then::Accept { next }, .. } = step {
                    *next = end;
                }
            }
        }
        program
    }

    fn unfold(&mut self, filter: &Filter) {
        for (number, Rule { condition, edits, action, logs }) in filter.rules().iter().enumerate() {
            let index = self.place(filter, number);
            let (condition, edits, logs) = (condition.clone(), edits.clone(), *logs);
            let then = match action {
                // The end of the filter is not known yet.
                Action::Accept => Then::Accept { next: usize::MAX },
                Action::Reject => Then::Reject,
                Action::Continue => Then::Continue,
                Action::Call(called) => {
                    let call = self.steps.len();
                    self.steps.push(Step::Call { condition, edits, end: usize::MAX, index, logs });
                    self.unfold(called);
                    let after = self.steps.len();
                    if let Some(Step::Call { end, .. }) = self.steps.get_mut(call) {
                        *end = after;
                    }
                    continue;
                }
            };
            self.steps.push(Step::Rule { condition, edits, then, index, logs });
        }
    }

    fn place(&mut self, filter: &Filter, rule: usize) -> RuleIndex {
        let index = u32::try_from(self.places.len()).expect("a chain has fewer than 2^32 rules");
        self.places.push(Place { filter: filter.clone(), rule });
        RuleIndex(index)
    }
}
