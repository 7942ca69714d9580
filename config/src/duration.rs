//! Durations as operators write them.

use std::ops::RangeInclusive;
use std::time::Duration;

use bgp_codec::HoldTime;

/// Parses numbers with units, such as `90s`, `1m30s` or `500ms`.
///
/// # Errors
///
/// Returns what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after_number) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after_unit) = split_where(after_number, |c| c.is_ascii_digit());
        if !number.is_empty() && unit.is_empty() {
            return Err(format!("{text:?} has no unit: write \"{number}s\" if seconds are meant"));
        }
        let part = number.parse().ok().and_then(|number| duration_of(number, unit));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| not_understood(text))?;
        rest = after_unit;
    }
    if text.is_empty() { Err(not_understood(text)) } else { Ok(total) }
}

/// Parses a duration within a range.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_within(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = parse(text)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (range.start().as_secs(), range.end().as_secs());
    Err(format!("{text} is out of range: write \"{least}s\" to \"{most}s\""))
}

/// Parses a hold time: zero, or whole seconds from 3 to 65535 (RFC 4271 §4.2).
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn parse_hold_time(text: &str) -> Result<HoldTime, String> {
    let duration = parse(text)?;
    Some(duration)
        .filter(|duration| duration.subsec_nanos() == 0)
        .and_then(|duration| u16::try_from(duration.as_secs()).ok())
        .and_then(HoldTime::from_seconds)
        .ok_or_else(|| {
            format!(
                "{text} is not a valid hold time: write \"3s\" to \"65535s\" in whole seconds, or \"0s\" for no expiry"
            )
        })
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn duration_of(number: u64, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn not_understood(text: &str) -> String {
    format!(
        "{text:?} is not a valid duration: write a number and a unit (ms, s, m, h, d), such as \"90s\" or \"1m30s\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_table() {
        let rows = [
            ("90s", 90_000),
            ("0s", 0),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn wrong_durations_say_what_would_be_right() {
        let not_understood = "is not a valid duration: write a number and a unit (ms, s, m, h, d)";
        let rows = [
            ("90", "write \"90s\" if seconds are meant"),
            ("1m30", "write \"30s\" if seconds are meant"),
            ("", not_understood),
            ("s", not_understood),
            ("90 s", not_understood),
            ("-1s", not_understood),
            ("1.5s", not_understood),
            ("90sec", not_understood),
            ("99999999999999999999s", not_understood),
            ("18446744073709551615d", not_understood),
            ("18446744073709551615s1s", not_understood),
        ];
        for (text, expected) in rows {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_hold_time_is_zero_or_3_to_65535_seconds() {
        for (text, seconds) in [("0s", 0), ("3s", 3), ("90s", 90), ("65535s", 65535)] {
            assert_eq!(parse_hold_time(text), Ok(HoldTime::from_seconds(seconds).unwrap()), "{text}");
        }
        for text in ["1s", "2s", "65536s", "3500ms", "4d"] {
            assert!(parse_hold_time(text).unwrap_err().contains("is not a valid hold time"), "{text}");
        }
    }
}
