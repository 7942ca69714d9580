//! Facts about Calico's policy, where the corpus is there to be read: calculation, rules, verdicts, HTTP.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod calculation;
mod http;
#[path = "../random/interpreter.rs"]
mod interpreter;
mod rules;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The records of one file of the corpus; none, said on stderr, when the corpus is not there.
#[expect(clippy::disallowed_methods, reason = "the corpus is read from where it lies")]
fn read_corpus(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/policy").join(name);
    if !path.exists() {
        eprintln!("corpus: {name} is absent, nothing to compare with");
        return Vec::new();
    }
    let compressed = std::fs::read(&path).unwrap();
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'r>(records: &'r [Value], kind: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

/// Fails with every record that did not come out as expected, unless `departure` knows a reason; a reason for a record
/// that came out as expected is a failure, too.
fn judge(
    what: &str,
    records: &[&Value],
    check: impl Fn(&Value) -> Result<(), String>,
    departure: impl Fn(&Value) -> Option<&'static str>,
) {
    let mut failures = Vec::new();
    let mut departures: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        let id = record["id"].as_str().unwrap();
        match (check(record), departure(record)) {
            (Ok(()), None) => {}
            (Err(_), Some(reason)) => *departures.entry(reason).or_default() += 1,
            (Err(fault), None) => failures.push(format!("{id}: {fault}")),
            (Ok(()), Some(reason)) => failures.push(format!("{id}: is as expected, in spite of {reason:?}")),
        }
    }
    eprintln!("corpus: {} {what}; departures: {departures:#?}", records.len());
    assert!(failures.is_empty(), "{} of {what}\n{}", failures.len(), failures.join("\n"));
}
