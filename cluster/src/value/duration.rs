//! Spans of time as Go writes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema};

/// A span of time, written as in Go: `90s`, `3m20s`, `1.5h`, `250ms`.
///
/// Negative spans, which Go has, make no sense anywhere and are refused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(pub Duration);

/// A text is not a span of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a span of time such as 90s, 3m20s or 250ms, not negative and with a unit")]
pub struct NotASpan;

/// Units with their nanoseconds, longer names before those that they begin with.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// What Go's 64 bits hold.
const MAX_NANOSECONDS: f64 = 9.22e18;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(NotASpan);
        }
        let mut nanoseconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(NotASpan)?;
            let (number, after) = rest.split_at(digits);
            let number: f64 = number.parse().map_err(|_| NotASpan)?;
            let (unit, size) = UNITS.iter().find(|(unit, _)| after.starts_with(unit)).ok_or(NotASpan)?;
            nanoseconds += number * size;
            rest = after.strip_prefix(unit).unwrap_or_default();
        }
        if nanoseconds > MAX_NANOSECONDS {
            return Err(NotASpan);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is looked at")]
        Ok(Self(Duration::from_nanos(nanoseconds.round() as u64)))
    }
}

/// Prints as Go does: `1h0m0s`, `3m20s`, `1.5s`, `250ms`, `0s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let fraction = |unit: u128| {
            let digits = format!("{:0width$}", nanoseconds % unit, width = unit.ilog10() as usize);
            let digits = digits.trim_end_matches('0');
            if digits.is_empty() { String::new() } else { format!(".{digits}") }
        };
        match nanoseconds {
            0 => return f.write_str("0s"),
            1..1_000 => return write!(f, "{nanoseconds}ns"),
            1_000..1_000_000 => return write!(f, "{}{}µs", nanoseconds / 1_000, fraction(1_000)),
            1_000_000..1_000_000_000 => {
                return write!(f, "{}{}ms", nanoseconds / 1_000_000, fraction(1_000_000));
            }
            _ => {}
        }
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}{}s", seconds % 60, fraction(1_000_000_000))
    }
}

impl Schema for Span {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().and_then(|text| text.parse().ok());
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be {NotASpan}", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_as_go_does() {
        let rows = [
            ("0", "0s"),
            ("90s", "1m30s"),
            ("3m20s", "3m20s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("1.5h", "1h30m0s"),
            ("250ms", "250ms"),
            ("1500us", "1.5ms"),
            ("10ns", "10ns"),
            ("1h1ms", "1h0m0.001s"),
            (".5s", "500ms"),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "1", "-1s", "s", "1x", "1s2", "1..5s", ".s", "9999999h", "+"] {
            assert_eq!(text.parse::<Span>(), Err(NotASpan), "{text}");
        }
    }
}
