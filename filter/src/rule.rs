//! One rule of a filter.

use crate::condition::Condition;
use crate::edit::Edit;
use crate::filter::Filter;

/// What is done with the routes that meet a condition.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Rule {
    /// The routes that it is for.
    pub condition: Condition,
    /// What is set in them, in this order. Lost when the rule rejects.
    pub edits: Vec<Edit>,
    /// What becomes of them.
    pub action: Action,
    /// Whether operators are to read in the log which routes these are.
    pub logs: bool,
}

/// What becomes of the routes that a rule is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Action {
    /// They pass this filter.
    Accept,
    /// They are dropped.
    Reject,
    /// The next rule is asked.
    Continue,
    /// The rules of another filter are asked, as if they stood here; where none decides, the next rule is asked.
    Call(Filter),
}

impl Rule {
    /// A rule that sets nothing.
    pub fn new(condition: Condition, action: Action) -> Self {
        Self { condition, edits: Vec::new(), action, logs: false }
    }

    /// The same rule, which also sets these values.
    #[must_use]
    pub fn with_edits(self, edits: impl IntoIterator<Item = Edit>) -> Self {
        Self { edits: edits.into_iter().collect(), ..self }
    }

    /// The same rule, which also has its routes logged.
    #[must_use]
    pub fn with_log(self, logs: bool) -> Self {
        Self { logs, ..self }
    }

    /// Whether this rule or one that it calls has routes logged.
    pub(crate) fn logs_any(&self) -> bool {
        self.logs || matches!(&self.action, Action::Call(filter) if filter.rules().iter().any(Self::logs_any))
    }

    /// The conditions of this rule and of those it calls.
    pub(crate) fn any_condition(&self, is_meant: &mut impl FnMut(&Condition) -> bool) -> bool {
        is_meant(&self.condition)
            || match &self.action {
                Action::Call(filter) => filter.rules().iter().any(|rule| rule.any_condition(is_meant)),
                Action::Accept | Action::Reject | Action::Continue => false,
            }
    }
}
