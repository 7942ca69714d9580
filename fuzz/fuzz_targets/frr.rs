//! See `frr` in `convert/tests/fuzz`.
#![no_main]

#[path = "../../convert/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::frr(input));
