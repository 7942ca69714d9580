//! Replays the interesting inputs that fuzzing found.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fuzz;

#[test]
fn inputs_found_by_fuzzing_hold() {
    let corpora = [
        include_str!("fuzz/message.hex"),
        include_str!("fuzz/attribute.hex"),
        include_str!("fuzz/capability.hex"),
        include_str!("fuzz/nlri.hex"),
    ];
    for ((name, target), corpus) in fuzz::TARGETS.into_iter().zip(corpora) {
        let inputs: Vec<Vec<u8>> =
            corpus.lines().filter(|line| !line.starts_with('#')).map(|line| octets(line.trim())).collect();
        assert!(inputs.len() > 20, "{name} has only {} inputs", inputs.len());
        for input in inputs {
            let outcome = std::panic::catch_unwind(|| target(&input));
            assert!(outcome.is_ok(), "{name}: {input:02x?}");
        }
    }
}

fn octets(line: &str) -> Vec<u8> {
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    line.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}
