//! The page that maps each construct of Calico's templates: it has all of them, and names keys that there are.

use std::collections::BTreeSet;

use margay_config::schema;
use serde_json::Value;

/// The constructs that Calico's templates write for BIRD.
const CONSTRUCTS: usize = 31;

#[test]
fn each_construct_is_mapped_to_keys_that_the_file_has() {
    let page = include_str!("../../docs/calico.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 5 && cells[1].parse::<usize>().is_ok())
        .collect();
    let numbers: Vec<usize> = rows.iter().map(|cells| cells[1].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=CONSTRUCTS).collect::<Vec<_>>());

    let mut known = BTreeSet::new();
    collect(&serde_json::from_str(schema()).unwrap(), &mut known);
    for cells in rows {
        let here = cells[3];
        assert!(!here.contains("not yet"), "{cells:?}");
        for code in here.split('`').skip(1).step_by(2) {
            // Text between quotation marks is the operator's, and so are names of files and filters, and words in capital letters.
            let outside: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            let words = outside
                .split(|c: char| !(c.is_ascii_lowercase() || c == '_'))
                .filter(|word| !word.is_empty());
            for word in words.filter(|_| !code.contains(['/', '-'])) {
                assert!(known.contains(word), "{word:?} of {code:?} in row {}", cells[1]);
            }
        }
    }
}

/// The keys and words of a schema, and the values of switches.
fn collect(schema: &Value, known: &mut BTreeSet<String>) {
    known.extend(["true", "false"].map(str::to_owned));
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                known.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(words)) = members.get("enum") {
                known.extend(words.iter().filter_map(|word| word.as_str().map(str::to_owned)));
            }
            members.values().for_each(|inner| collect(inner, known));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, known)),
        _ => {}
    }
}
