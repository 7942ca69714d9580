//! See `object_json` in `cluster/tests/fuzz`.
#![no_main]

#[path = "../../cluster/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::object_json(input));
