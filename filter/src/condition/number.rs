//! The range that a number of a route lies in.

use crate::number::Number;
use crate::value_range::ValueRange;
use crate::view::View;

/// A condition on a number; a route that has no such number does not meet it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct NumberCondition {
    /// Which number.
    pub number: Number,
    /// The range.
    pub range: ValueRange,
}

impl NumberCondition {
    pub(super) fn holds_for(self, view: View<'_>) -> bool {
        self.number.of(view).is_some_and(|value| self.range.contains(value))
    }
}
