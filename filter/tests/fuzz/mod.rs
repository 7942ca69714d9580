//! What fuzzing holds the small languages of filters to: the target takes any octets, and panics when something does not hold.
//!
//! `cargo xtask fuzz` runs it under libFuzzer; the inputs that it found to matter are kept in `expression.hex`, a line each, and
//! every test run replays them.

use std::fmt::Display;
use std::str::FromStr;

use margay_filter::{AsPathPattern, CommunityPattern, Expression, LengthRange, ValueRange};

/// An expression, pattern or range: its text is read as the same value again.
pub(crate) fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check::<Expression>(text);
    // These have no text of their own.
    drop((text.parse::<AsPathPattern>(), text.parse::<CommunityPattern>()));
    check::<LengthRange>(text);
    check::<ValueRange>(text);
}

fn check<T: FromStr<Err: Display> + Display + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let shown = value.to_string();
            let again = shown.parse::<T>().unwrap_or_else(|error| panic!("{shown:?} of {text:?}: {error}"));
            assert!(again == value, "{text:?} is shown as {shown:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
