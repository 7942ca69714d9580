//! Segments of keys.

use std::fmt;

/// Splits the rest of a key into exactly `N` segments, none of them empty.
pub(super) fn split<const N: usize>(rest: &str) -> Option<[&str; N]> {
    let segments: Vec<&str> = rest.split('/').collect();
    let segments: [&str; N] = segments.try_into().ok()?;
    segments.iter().all(|segment| !segment.is_empty()).then_some(segments)
}

/// A name in a segment, with `/` and `%` written as `%2f` and `%25`.
pub(super) struct Escaped<'n>(pub(super) &'n str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '%' => f.write_str("%25")?,
                '/' => f.write_str("%2f")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// The name that a segment stands for.
pub(super) fn unescape(segment: &str) -> String {
    segment.replace("%2f", "/").replace("%2F", "/").replace("%25", "%")
}
