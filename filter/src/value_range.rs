//! A range of values that a condition asks for.

use std::fmt;
use std::str::FromStr;

/// From one value to another, both included; never empty.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ValueRange {
    lowest: u32,
    highest: u32,
}

/// Text that is not a range of values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a range of values is written \"100\", \"1..1023\", \"..1023\" or \"100..\"")]
pub struct ValueRangeError;

impl ValueRange {
    /// Every value.
    pub const ALL: Self = Self { lowest: 0, highest: u32::MAX };

    /// `None` when the ends are the wrong way round.
    pub fn new(lowest: u32, highest: u32) -> Option<Self> {
        (lowest <= highest).then_some(Self { lowest, highest })
    }

    /// The range of one value.
    pub fn exactly(value: u32) -> Self {
        Self { lowest: value, highest: value }
    }

    /// The lowest value inside.
    pub fn lowest(self) -> u32 {
        self.lowest
    }

    /// The highest value inside.
    pub fn highest(self) -> u32 {
        self.highest
    }

    /// Whether a value is in the range.
    pub fn contains(self, value: u32) -> bool {
        (self.lowest..=self.highest).contains(&value)
    }

    /// Whether some value is in both ranges.
    pub fn overlaps(self, other: Self) -> bool {
        self.lowest <= other.highest && other.lowest <= self.highest
    }
}

/// `100`, `1..1023`, `..1023` or `100..`.
impl FromStr for ValueRange {
    type Err = ValueRangeError;

    fn from_str(text: &str) -> Result<Self, ValueRangeError> {
        let (lowest, highest) = text.split_once("..").unwrap_or((text, text));
        let end = |digits: &str, default| match digits.trim() {
            "" if text.len() > 2 && text.contains("..") => Ok(default),
            digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| ValueRangeError)
            }
            _ => Err(ValueRangeError),
        };
        Self::new(end(lowest, 0)?, end(highest, u32::MAX)?).ok_or(ValueRangeError)
    }
}

impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lowest, highest } = self;
        if lowest == highest { write!(f, "{lowest}") } else { write!(f, "{lowest}..{highest}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_table() {
        let rows = [
            ("100", Some((100, 100))),
            ("1..1023", Some((1, 1023))),
            ("..1023", Some((0, 1023))),
            ("100..", Some((100, u32::MAX))),
            ("4294967295", Some((u32::MAX, u32::MAX))),
            ("4294967296", None),
            ("7..1", None),
            ("..", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1..2..3", None),
        ];
        for (text, expected) in rows {
            let range = text.parse::<ValueRange>().ok();
            assert_eq!(range.map(|range| (range.lowest(), range.highest())), expected, "{text:?}");
        }
    }
}
