//! See `message` in `bgp-codec/tests/fuzz`.
#![no_main]

#[path = "../../bgp-codec/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::message(input));
