//! A range of prefix lengths.

use std::fmt;
use std::str::FromStr;

/// An inclusive range of prefix lengths in bits, never empty: `26..32`, or `26` for a single one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LengthRange {
    shortest: u8,
    longest: u8,
}

impl LengthRange {
    /// The range from `shortest` to `longest`, both included; `None` when it would be empty or exceed 128 bits.
    pub fn new(shortest: u8, longest: u8) -> Option<Self> {
        (shortest <= longest && longest <= 128).then_some(Self { shortest, longest })
    }

    /// The shortest length inside, in bits.
    pub fn shortest(self) -> u8 {
        self.shortest
    }

    /// The longest length inside, in bits.
    pub fn longest(self) -> u8 {
        self.longest
    }

    /// Whether a prefix of this length is inside.
    pub fn contains(self, length: u8) -> bool {
        (self.shortest..=self.longest).contains(&length)
    }
}

impl fmt::Display for LengthRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shortest == self.longest {
            write!(f, "{}", self.shortest)
        } else {
            write!(f, "{}..{}", self.shortest, self.longest)
        }
    }
}

/// `26`, or `26..32` with the shorter length first.
impl FromStr for LengthRange {
    type Err = LengthRangeError;

    fn from_str(text: &str) -> Result<Self, LengthRangeError> {
        let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
        let ends = shortest.parse().ok().zip(longest.parse().ok());
        ends.and_then(|(shortest, longest)| Self::new(shortest, longest)).ok_or(LengthRangeError)
    }
}

/// Text that is not a range of prefix lengths.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a range of prefix lengths is written \"26\", or \"26..32\" with the shorter length first")]
pub struct LengthRangeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_impossible_range_does_not_exist() {
        assert_eq!(LengthRange::new(27, 26), None);
        assert_eq!(LengthRange::new(0, 129), None);
        assert!(LengthRange::new(128, 128).is_some());
    }

    #[test]
    fn both_ends_are_inside() {
        let range = LengthRange::new(26, 32).unwrap();
        let inside: Vec<u8> = (0..=128).filter(|&length| range.contains(length)).collect();
        assert_eq!(inside, (26..=32).collect::<Vec<u8>>());
    }
}
