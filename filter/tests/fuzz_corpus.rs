//! The inputs that `cargo xtask fuzz` found to matter are replayed.
#![expect(clippy::unwrap_used, reason = "a test")]

mod fuzz;

#[test]
fn what_fuzzing_found_holds() {
    let inputs = include_str!("fuzz/expression.hex").lines().filter(|line| !line.starts_with('#'));
    let inputs: Vec<Vec<u8>> = inputs.map(|line| octets(line.trim())).collect();
    assert!(inputs.len() > 20, "only {} inputs", inputs.len());
    for input in inputs {
        let outcome = std::panic::catch_unwind(|| fuzz::expression(&input));
        assert!(outcome.is_ok(), "{}", String::from_utf8_lossy(&input));
    }
}

fn octets(line: &str) -> Vec<u8> {
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    line.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}
