//! Test data of other projects, where the corpus is there to be read: selectors, validation, names and keys.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod model;
mod selectors;
mod validation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The records of one file of the corpus; `None`, said on stderr, when the corpus is not there.
#[expect(clippy::disallowed_methods, reason = "the corpus is read from where it lies")]
fn read_corpus(name: &str) -> Option<Vec<Value>> {
    let path: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/policy").join(name);
    if !path.exists() {
        eprintln!("corpus: {name} is absent, nothing to compare with");
        return None;
    }
    let compressed = std::fs::read(&path).unwrap();
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Fails with every record that did not come out as expected, unless `departure` knows a reason; a reason for a record
/// that came out as expected is a failure, too.
fn judge(
    what: &str,
    records: &[Value],
    check: impl Fn(&Value) -> Result<(), String>,
    departure: impl Fn(&Value) -> Option<&'static str>,
) {
    let mut failures = Vec::new();
    let mut departures: BTreeMap<&str, usize> = BTreeMap::new();
    let mut passed = 0;
    for record in records {
        let id = record["id"].as_str().unwrap();
        match (check(record), departure(record)) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(reason)) => *departures.entry(reason).or_default() += 1,
            (Err(fault), None) => failures.push(format!("{id}: {fault}")),
            (Ok(()), Some(reason)) => failures.push(format!("{id}: is as expected, in spite of {reason:?}")),
        }
    }
    eprintln!("corpus: {passed} {what} as expected; departures: {departures:#?}");
    assert!(failures.is_empty(), "{} of {what}\n{}", failures.len(), failures.join("\n"));
    assert!(passed > records.len() / 5 * 4, "only {passed} of {} {what}", records.len());
}
