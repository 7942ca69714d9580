//! Values of numbers along a path through a filter, as far as they are known.

use crate::model::Condition;

/// A number that a variable or an attribute has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Number {
    Constant(i64),
    /// An attribute of the route by its name here; whether it is certainly there.
    Attribute(&'static str, bool),
    /// A number, or a constant where it is missing.
    Or(Box<Self>, i64),
    /// A constant less a number.
    Minus(i64, Box<Self>),
    /// A number and a constant.
    Plus(Box<Self>, i64),
}

impl Number {
    /// The attribute that it depends on.
    pub(crate) fn attribute(&self) -> Option<&'static str> {
        match self {
            Self::Constant(_) => None,
            Self::Attribute(name, _) => Some(name),
            Self::Or(inner, _) | Self::Minus(_, inner) | Self::Plus(inner, _) => inner.attribute(),
        }
    }

    /// An expression of the target, in TOML.
    pub(crate) fn to_toml(&self) -> String {
        match self {
            Self::Constant(number) => number.to_string(),
            other => format!("\"{}\"", other.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Constant(number) => number.to_string(),
            Self::Attribute(name, _) => (*name).to_owned(),
            Self::Or(inner, default) => format!("({} or {default})", inner.text()),
            Self::Minus(from, inner) => match **inner {
                Self::Minus(..) | Self::Plus(..) => format!("{from} - ({})", inner.text()),
                _ => format!("{from} - {}", inner.text()),
            },
            Self::Plus(inner, number) if *number < 0 => {
                format!("{} - {}", inner.text(), number.unsigned_abs())
            }
            Self::Plus(inner, number) => format!("{} + {number}", inner.text()),
        }
    }

    /// Where it is between two numbers.
    pub(crate) fn is_within(&self, low: i64, high: i64) -> Condition {
        if low > high {
            return Condition::Never;
        }
        match self {
            Self::Constant(number) => Condition::constant((low..=high).contains(number)),
            Self::Attribute(name, _) => range(name, low, high),
            Self::Or(inner, default) => {
                let is_default = Condition::constant((low..=high).contains(default));
                inner.is_within(low, high).or(inner.is_missing().and(is_default))
            }
            Self::Minus(from, inner) => inner.is_within(from.saturating_sub(high), from.saturating_sub(low)),
            Self::Plus(inner, number) => {
                inner.is_within(low.saturating_sub(*number), high.saturating_sub(*number))
            }
        }
    }

    fn is_missing(&self) -> Condition {
        match self {
            Self::Constant(_) | Self::Or(..) | Self::Attribute(_, true) => Condition::Never,
            Self::Attribute(name, false) => Condition::text(name, "0..").not(),
            Self::Minus(_, inner) | Self::Plus(inner, _) => inner.is_missing(),
        }
    }
}

/// A range of an attribute that is a number of 32 bits.
pub(crate) fn range(name: &'static str, low: i64, high: i64) -> Condition {
    let highest = i64::from(u32::MAX);
    let (low, high) = (low.max(0), high.min(highest));
    match (low, high) {
        (low, high) if low > high => Condition::Never,
        (low, high) if low == high => Condition::key(name, low.to_string()),
        (low, high) if high == highest => Condition::text(name, &format!("{low}..")),
        (0, high) => Condition::text(name, &format!("..{high}")),
        (low, high) => Condition::text(name, &format!("{low}..{high}")),
    }
}
