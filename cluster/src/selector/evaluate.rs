//! Whether an object with certain labels is selected.

use std::collections::BTreeMap;

use crate::value::Labels;

use super::expression::Expression;

/// Where labels come from.
pub trait LabelSource {
    /// The value of a label; `None` where the object does not have it.
    fn label(&self, name: &str) -> Option<&str>;
}

impl LabelSource for BTreeMap<String, String> {
    fn label(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

impl LabelSource for Labels {
    fn label(&self, name: &str) -> Option<&str> {
        self.0.label(name)
    }
}

impl Expression {
    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &(impl LabelSource + ?Sized)) -> bool {
        let is = |label: &str, test: &dyn Fn(&str) -> bool| labels.label(label).is_some_and(test);
        match self {
            Self::All | Self::Global => true,
            Self::Has(label) => is(label, &|_| true),
            Self::Equal(label, wanted) => is(label, &|value| value == wanted),
            Self::NotEqual(label, wanted) => !is(label, &|value| value == wanted),
            Self::Contains(label, part) => is(label, &|value| value.contains(part.as_str())),
            Self::StartsWith(label, start) => is(label, &|value| value.starts_with(start.as_str())),
            Self::EndsWith(label, end) => is(label, &|value| value.ends_with(end.as_str())),
            Self::In(label, wanted) => is(label, &|value| wanted.contains(value)),
            Self::NotIn(label, wanted) => !is(label, &|value| wanted.contains(value)),
            Self::Not(operand) => !operand.matches(labels),
            Self::And(operands) => operands.iter().all(|operand| operand.matches(labels)),
            Self::Or(operands) => operands.iter().any(|operand| operand.matches(labels)),
        }
    }
}
