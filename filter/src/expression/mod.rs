//! Numbers computed from a route.

mod parser;

use std::fmt;
use std::str::FromStr;

pub use self::parser::ExpressionError;
use crate::number::Number;
use crate::view::View;

/// A number computed from a route: `2147483647 - (local_pref or 100)`.
///
/// Sums and differences are exact in between; the result is kept within 0 to 4294967295. Where a number is missing that no
/// `or` replaces, there is no result.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Expression {
    /// Always the same.
    Fixed(u32),
    /// A number of the route.
    Of(Number),
    /// The first, or the second where the first is missing.
    Or(Box<[Self; 2]>),
    /// Two numbers joined.
    Joined(Operator, Box<[Self; 2]>),
}

/// How two numbers are joined.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Operator {
    /// The sum.
    Plus,
    /// The difference.
    Minus,
    /// The product.
    Times,
    /// The lower one.
    Min,
    /// The higher one.
    Max,
}

impl Expression {
    /// The result for a route.
    pub(crate) fn value(&self, view: View<'_>) -> Option<u32> {
        let value = self.exact(view)?;
        Some(u32::try_from(value.max(0)).unwrap_or(u32::MAX))
    }

    fn exact(&self, view: View<'_>) -> Option<i128> {
        match self {
            Self::Fixed(number) => Some((*number).into()),
            Self::Of(number) => number.of(view).map(Into::into),
            Self::Or(both) => both[0].exact(view).or_else(|| both[1].exact(view)),
            Self::Joined(operator, both) => {
                let (left, right) = (both[0].exact(view)?, both[1].exact(view)?);
                Some(match operator {
                    Operator::Plus => left.saturating_add(right),
                    Operator::Minus => left.saturating_sub(right),
                    Operator::Times => left.saturating_mul(right),
                    Operator::Min => left.min(right),
                    Operator::Max => left.max(right),
                })
            }
        }
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        parser::parse(text)
    }
}

/// In the notation that is parsed, with every pair in parentheses.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(number) => number.fmt(f),
            Self::Of(number) => number.fmt(f),
            Self::Or(both) => write!(f, "({} or {})", both[0], both[1]),
            Self::Joined(operator, both) => {
                let [left, right] = both.as_ref();
                match operator {
                    Operator::Plus => write!(f, "({left} + {right})"),
                    Operator::Minus => write!(f, "({left} - {right})"),
                    Operator::Times => write!(f, "({left} * {right})"),
                    Operator::Min => write!(f, "min({left}, {right})"),
                    Operator::Max => write!(f, "max({left}, {right})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{Origin, PathAttributesBuilder};

    use super::*;
    use crate::route_edits::RouteEdits;
    use crate::tests::path_of;

    #[test]
    fn values_table() {
        // With LOCAL_PREF 200, no MED, and 3 systems in the path.
        let rows = [
            ("7", Some(7)),
            ("local_pref", Some(200)),
            ("2147483647 - local_pref", Some(2_147_483_447)),
            ("100 - local_pref", Some(0)),
            ("100 - local_pref + 150", Some(50)),
            ("med", None),
            ("med or 5", Some(5)),
            ("10 - (med or 4)", Some(6)),
            ("med + 1", None),
            ("local_pref or med", Some(200)),
            ("4294967295 + 1", Some(u32::MAX)),
            ("2 + 3 * 4", Some(14)),
            ("(2 + 3) * 4", Some(20)),
            ("10 - 3 - 2", Some(5)),
            ("min(local_pref, 150)", Some(150)),
            ("max(local_pref, 150, 300)", Some(300)),
            ("100 + 10 * as_path_length", Some(130)),
        ];
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.local_pref = Some(200);
        builder.as_path = "1 2 3".parse().unwrap();
        let attributes = builder.build();
        let path = path_of(&attributes);
        let edits = RouteEdits::default();
        for (text, expected) in rows {
            let expression: Expression = text.parse().unwrap();
            assert_eq!(expression.value(View { path: &path, edits: &edits }), expected, "{text}");
            assert_eq!(expression.to_string().parse(), Ok(expression), "{text}");
        }
    }

    #[test]
    fn wrong_expressions_say_what_would_be_right() {
        let rows = [
            ("", "expected a number, the name of one or a parenthesis, found the end"),
            ("1 +", "expected a number, the name of one or a parenthesis, found the end"),
            ("1 2", "expected + - * or \"or\", found \"2\""),
            ("(1", "expected a closing parenthesis, found the end"),
            ("4294967296", "4294967296 is out of range: numbers reach from 0 to 4294967295"),
            (
                "lokal_pref",
                "there is no number \"lokal_pref\": there is local_pref, med, metric, preference, weight, tag, as_path_length",
            ),
            ("min(1)", "min and max take two numbers or more, with commas between"),
            ("1 % 2", "'%' has no meaning here"),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<Expression>().unwrap_err().to_string(), expected, "{text}");
        }
        let deep = "(".repeat(10_000) + "1" + &")".repeat(10_000);
        assert_eq!(deep.parse::<Expression>(), Err(ExpressionError::TooDeep));
        let long = "1".to_owned() + &" + 1".repeat(10_000);
        assert_eq!(long.parse::<Expression>(), Err(ExpressionError::TooDeep));
    }
}
