//! What a selector says, as a tree.

use std::collections::BTreeSet;
use std::fmt;

/// An expression over labels.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Expression {
    /// `all()`: every object.
    All,
    /// `global()`: in the namespace selector of a rule, objects without a namespace; anywhere else, every object.
    Global,
    /// `has(label)`
    Has(String),
    /// `label == "value"`
    Equal(String, String),
    /// `label != "value"`, also where the label is absent.
    NotEqual(String, String),
    /// `label contains "text"`
    Contains(String, String),
    /// `label starts with "text"`
    StartsWith(String, String),
    /// `label ends with "text"`
    EndsWith(String, String),
    /// `label in {"a", "b"}`
    In(String, BTreeSet<String>),
    /// `label not in {"a", "b"}`, also where the label is absent.
    NotIn(String, BTreeSet<String>),
    /// `!expression`
    Not(Box<Self>),
    /// `a && b && …`, at least two.
    And(Vec<Self>),
    /// `a || b || …`, at least two.
    Or(Vec<Self>),
}

impl Expression {
    /// The expression with each label's name changed.
    #[must_use]
    pub fn map_labels(&self, change: &impl Fn(&str) -> String) -> Self {
        let all = |operands: &[Self]| operands.iter().map(|operand| operand.map_labels(change)).collect();
        match self {
            Self::All => Self::All,
            Self::Global => Self::Global,
            Self::Has(label) => Self::Has(change(label)),
            Self::Equal(label, value) => Self::Equal(change(label), value.clone()),
            Self::NotEqual(label, value) => Self::NotEqual(change(label), value.clone()),
            Self::Contains(label, value) => Self::Contains(change(label), value.clone()),
            Self::StartsWith(label, value) => Self::StartsWith(change(label), value.clone()),
            Self::EndsWith(label, value) => Self::EndsWith(change(label), value.clone()),
            Self::In(label, values) => Self::In(change(label), values.clone()),
            Self::NotIn(label, values) => Self::NotIn(change(label), values.clone()),
            Self::Not(operand) => Self::Not(Box::new(operand.map_labels(change))),
            Self::And(operands) => Self::And(all(operands)),
            Self::Or(operands) => Self::Or(all(operands)),
        }
    }

    /// Whether `test` is true of any part of the expression.
    pub(super) fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::Not(operand) => operand.any(test),
                Self::And(operands) | Self::Or(operands) => operands.iter().any(|operand| operand.any(test)),
                _ => false,
            }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all()"),
            Self::Global => f.write_str("global()"),
            Self::Has(label) => write!(f, "has({label})"),
            Self::Equal(label, value) => write!(f, "{label} == {}", Quoted(value)),
            Self::NotEqual(label, value) => write!(f, "{label} != {}", Quoted(value)),
            Self::Contains(label, value) => write!(f, "{label} contains {}", Quoted(value)),
            Self::StartsWith(label, value) => write!(f, "{label} starts with {}", Quoted(value)),
            Self::EndsWith(label, value) => write!(f, "{label} ends with {}", Quoted(value)),
            Self::In(label, values) => write!(f, "{label} in {}", Set(values)),
            Self::NotIn(label, values) => write!(f, "{label} not in {}", Set(values)),
            Self::Not(operand) => write!(f, "!{operand}"),
            Self::And(operands) => joined(f, operands, " && "),
            Self::Or(operands) => joined(f, operands, " || "),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, operands: &[Expression], operator: &str) -> fmt::Result {
    f.write_str("(")?;
    for (number, operand) in operands.iter().enumerate() {
        if number > 0 {
            f.write_str(operator)?;
        }
        write!(f, "{operand}")?;
    }
    f.write_str(")")
}

/// A string in the quotes that do not stand in it. A string that was parsed cannot hold both.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('"') { '\'' } else { '"' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

struct Set<'t>(&'t BTreeSet<String>);

impl fmt::Display for Set<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (number, value) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", Quoted(value))?;
        }
        f.write_str("}")
    }
}
