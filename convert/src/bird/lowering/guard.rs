//! The conditions that a statement stands under, and the rules that come of it.

use crate::model::{Action, Condition, Rule};

use super::Stuck;
use super::edits;

/// Conditions, each with the number of changes that had been made to routes when it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard(Vec<(Condition, usize)>);

/// Rules under way.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) list: Vec<Rule>,
    /// The keys that were set in routes that go on, in order.
    pub(super) edits: Vec<&'static str>,
    /// How many there were before the last rule.
    edits_before_last: usize,
}

impl Guard {
    pub(super) fn and(&self, condition: Condition, asked_after: usize) -> Self {
        let mut conditions = self.0.clone();
        if condition != Condition::Always {
            conditions.push((condition, asked_after));
        }
        Self(conditions)
    }

    pub(super) fn condition(&self) -> Condition {
        self.0.iter().fold(Condition::Always, |all, (condition, _)| all.and(condition.clone()))
    }

    /// The same with an answer in the place of questions for the interface.
    pub(super) fn with_interface(&self, answer: &Condition) -> Self {
        let known = |(condition, asked_after): &(Condition, usize)| {
            (condition.clone().with_interface(answer), *asked_after)
        };
        Self(self.0.iter().map(known).collect())
    }

    fn was_asked_before(&self, edits: usize) -> bool {
        self.0.iter().all(|&(_, asked_after)| asked_after <= edits)
    }
}

impl Rules {
    /// Adds what happens to routes that meet the guard. What is set in them by the rule before becomes part of it.
    pub(super) fn add(&mut self, guard: &Guard, action: Action) -> Result<(), Stuck> {
        let condition = guard.condition();
        let (before, action_sets) = (self.edits_before_last, action != Action::Reject);
        if let Some(last) = self.list.last_mut()
            && last.condition == condition
            && last.action == Action::Continue
            && guard.was_asked_before(before)
        {
            last.action = action;
            if !action_sets {
                last.set.clear();
            }
            return Ok(());
        }
        self.check(guard)?;
        self.edits_before_last = self.edits.len();
        self.list.push(Rule::new(condition, action));
        Ok(())
    }

    /// Adds a change of routes that meet the guard.
    pub(super) fn set(&mut self, guard: &Guard, key: &'static str, value: String) -> Result<(), Stuck> {
        let condition = guard.condition();
        let before = self.edits_before_last;
        if let Some(last) = self.list.last_mut()
            && last.condition == condition
            && last.action == Action::Continue
            && guard.was_asked_before(before)
            && edits::merge(&mut last.set, key, &value)
        {
            self.edits.push(key);
            return Ok(());
        }
        self.check(guard)?;
        self.edits_before_last = self.edits.len();
        self.edits.push(key);
        self.list.push(Rule { set: vec![(key, value)], ..Rule::new(condition, Action::Continue) });
        Ok(())
    }

    /// A rule asks for the route as the rules before left it, which must be as it was when the statement asked.
    fn check(&self, guard: &Guard) -> Result<(), Stuck> {
        for (condition, asked_after) in &guard.0 {
            let keys = condition.keys();
            let since = self.edits.get(*asked_after..).unwrap_or_default();
            if since.iter().flat_map(|edit| edits::touched(edit)).any(|key| keys.contains(key)) {
                return Err("a change of what its condition asks for comes before it".to_owned());
            }
        }
        Ok(())
    }
}
