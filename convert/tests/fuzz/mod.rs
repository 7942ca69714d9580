//! What fuzzing holds the converters to: each target takes any octets, and panics when something does not hold.
//!
//! `cargo xtask fuzz` runs them under libFuzzer; the inputs that it found to matter are kept in `<target>.hex`, a line each, and
//! every test run replays them.

#![allow(dead_code, reason = "each fuzz target uses its own function only")]

use margay_convert::{Conversion, ConvertError, convert_bird, convert_frr};

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 2] = [("bird", bird), ("frr", frr)];

/// A configuration of BIRD.
pub(crate) fn bird(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check(text, convert_bird("f", text, Some("/etc/margay"), &mut |_, _| Err("no files".to_owned())));
}

/// A configuration of FRR.
pub(crate) fn frr(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check(text, convert_frr("f", text, Some("/etc/margay")));
}

/// The result is a configuration without errors.
fn check(text: &str, result: Result<Conversion, ConvertError>) {
    match result {
        Ok(conversion) => {
            if let Err(errors) = margay_config::parse("converted", &conversion.toml) {
                panic!("{errors:#?} in {}", conversion.toml);
            }
        }
        Err(error) => assert!((1..=text.lines().count() + 1).contains(&error.line), "{error}"),
    }
}
