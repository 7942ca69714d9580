//! What fuzzing holds the operator's file to: the target takes any octets, and panics when something does not hold.
//!
//! `cargo xtask fuzz` runs it under libFuzzer; the inputs that it found to matter are kept in `file.hex`, a line each, and every
//! test run replays them.

use margay_config::{Config, diff, parse};

/// A file: its errors are at places in it, and a configuration differs from itself in nothing.
pub(crate) fn file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse("f", text) {
        Ok(config) => check(&config),
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.text.is_empty() && !error.to_string().is_empty());
                assert!(!error.snippet().is_empty());
            }
        }
    }
}

fn check(config: &Config) {
    assert!(diff(config, config).is_empty());
    let mut kept = config.clone();
    kept.keep_former(config);
    assert_eq!(&kept, config, "nothing is left out");
    assert!(config.warnings().iter().all(|warning| !warning.is_empty()));
}
