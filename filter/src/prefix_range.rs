//! Prefixes inside another one, by their lengths.

use std::fmt;
use std::str::FromStr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};

use crate::as_text;
use crate::length_range::{LengthRange, LengthRangeError};

/// The prefixes inside a prefix, itself included, whose lengths are in a range.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct PrefixRange {
    #[serde(with = "as_text")]
    prefix: Prefix,
    lengths: LengthRange,
}

impl PrefixRange {
    /// The prefixes inside `prefix` with these lengths; `None` is every length.
    ///
    /// # Errors
    ///
    /// When `lengths` holds a length that no prefix inside `prefix` can have: the range is not what was meant.
    pub fn new(prefix: Prefix, lengths: Option<LengthRange>) -> Result<Self, ImpossibleLengths> {
        let possible = possible_lengths(prefix);
        let lengths = lengths.unwrap_or(possible);
        if lengths.shortest() < possible.shortest() || lengths.longest() > possible.longest() {
            return Err(ImpossibleLengths { prefix, lengths, possible });
        }
        Ok(Self { prefix, lengths })
    }

    /// The prefix alone.
    #[expect(clippy::missing_panics_doc, reason = "every prefix has a length that a range can hold")]
    pub fn exactly(prefix: Prefix) -> Self {
        let length = prefix.length();
        let lengths = LengthRange::new(length, length).expect("a prefix is at most 128 bits long");
        Self { prefix, lengths }
    }

    /// The prefix around all.
    pub fn prefix(self) -> Prefix {
        self.prefix
    }

    /// The lengths.
    pub fn lengths(self) -> LengthRange {
        self.lengths
    }

    /// Whether a prefix is in the range.
    pub fn contains(self, prefix: Prefix) -> bool {
        self.lengths.contains(prefix.length()) && self.prefix.contains(prefix)
    }
}

/// A prefix, with a space and a range of lengths where not all prefixes inside it are meant: `10.112.0.0/16 24..32`.
impl FromStr for PrefixRange {
    type Err = PrefixRangeError;

    fn from_str(text: &str) -> Result<Self, PrefixRangeError> {
        let (prefix, lengths) = match text.trim().split_once(char::is_whitespace) {
            Some((prefix, lengths)) => (prefix, Some(lengths.trim().parse()?)),
            None => (text.trim(), None),
        };
        Ok(Self::new(prefix.parse()?, lengths)?)
    }
}

/// Why text is not a range of prefixes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixRangeError {
    /// The prefix is wrong.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The lengths are wrong by themselves.
    #[error(transparent)]
    Lengths(#[from] LengthRangeError),
    /// The prefix has no such lengths inside it.
    #[error(transparent)]
    Impossible(#[from] ImpossibleLengths),
}

/// A range of lengths that reaches outside its prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("prefixes inside {prefix} have lengths {possible}, not {lengths}")]
pub struct ImpossibleLengths {
    prefix: Prefix,
    lengths: LengthRange,
    possible: LengthRange,
}

impl fmt::Display for PrefixRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lengths == possible_lengths(self.prefix) {
            self.prefix.fmt(f)
        } else {
            write!(f, "{} {}", self.prefix, self.lengths)
        }
    }
}

fn possible_lengths(prefix: Prefix) -> LengthRange {
    let longest = match prefix {
        Prefix::Ipv4(_) => Ipv4Prefix::MAX_LENGTH,
        Prefix::Ipv6(_) => Ipv6Prefix::MAX_LENGTH,
    };
    LengthRange::new(prefix.length(), longest).expect("a prefix is at most as long as its family allows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_is_inside_the_prefix_and_the_lengths() {
        let rows = [
            ("10.65.0.0/16", "10.65.0.0/16", true),
            ("10.65.0.0/16", "10.65.1.1/32", true),
            ("10.65.0.0/16", "10.64.0.0/15", false),
            ("10.65.0.0/16", "10.66.0.0/26", false),
            ("10.65.0.0/16", "2001:db8::/32", false),
            ("10.65.0.0/16 26..32", "10.65.1.0/25", false),
            ("10.65.0.0/16 26..32", "10.65.1.0/26", true),
            ("10.65.0.0/16 26..32", "10.66.1.0/26", false),
            ("2001:db8::/32 64", "2001:db8:1::/64", true),
            ("2001:db8::/32 64", "2001:db8:1::/63", false),
            ("0.0.0.0/0", "::/0", false),
            ("0.0.0.0/0", "0.0.0.0/0", true),
        ];
        for (range, route, expected) in rows {
            let parsed: PrefixRange = range.parse().unwrap();
            assert_eq!(parsed.to_string(), range);
            assert_eq!(parsed.contains(route.parse().unwrap()), expected, "{range} on {route}");
        }
    }

    #[test]
    fn lengths_outside_the_prefix_are_an_error() {
        let rows = [
            ("10.65.0.0/16 15..32", "prefixes inside 10.65.0.0/16 have lengths 16..32, not 15..32"),
            ("10.65.0.0/16 16..33", "prefixes inside 10.65.0.0/16 have lengths 16..32, not 16..33"),
            ("2001:db8::/128 64", "prefixes inside 2001:db8::/128 have lengths 128, not 64"),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<PrefixRange>().unwrap_err().to_string(), expected);
        }
    }
}
