//! See `file` in `config/tests/fuzz`.
#![no_main]

#[path = "../../config/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::file(input));
