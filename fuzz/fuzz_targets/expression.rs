//! See `expression` in `filter/tests/fuzz`.
#![no_main]

#[path = "../../filter/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::expression(input));
