//! The members of a conjunction or disjunction.

use super::Condition;

/// Conditions in the order in which they are asked: those that look at the prefix last.
///
/// The first half is answered once for all routes of a path.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Members {
    conditions: Vec<Condition>,
    /// How many do not look at the prefix.
    by_path: usize,
}

impl Members {
    pub(super) fn new(conditions: Vec<Condition>) -> Self {
        let (by_prefix, mut conditions): (Vec<_>, Vec<_>) =
            conditions.into_iter().partition(Condition::looks_at_prefix);
        let by_path = conditions.len();
        conditions.extend(by_prefix);
        Self { conditions, by_path }
    }

    pub(super) fn by_path(&self) -> &[Condition] {
        &self.conditions[..self.by_path]
    }

    pub(super) fn by_prefix(&self) -> &[Condition] {
        &self.conditions[self.by_path..]
    }

    /// The conditions, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }
}
