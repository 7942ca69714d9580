//! `margay decode --format jsonl` for the messages of other projects' test suites and of real sessions, if
//! the corpus is present.
//!
//! Each message of high or medium confidence has the result that its source states: the verdict, the
//! NOTIFICATION, the fields. Where margay differs, `docs/rfc/vectors.md` has a row with the reason; rows that
//! are not needed fail as well.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

#[test]
fn vectors_come_out_as_their_sources_say_or_as_the_page_argues() {
    let Some(records) = read_corpus("vectors/vectors.jsonl.zst") else { return };
    let records: Vec<Value> = records.into_iter().filter(is_gate).collect();
    let answers = decode(&records);
    assert_eq!(answers.len(), records.len());

    let mut argued = argued_differences();
    let mut failures = Vec::new();
    for (record, answer) in records.iter().zip(&answers) {
        let id = record["id"].as_str().unwrap();
        let difference = compare(record, answer).err();
        match (difference, argued.remove(id)) {
            (None, None) => {}
            (Some(_), Some(outcome)) if outcome == answer["verdict"] => {}
            (Some(difference), None) => failures.push(format!("{id}: {difference}\n  {answer}")),
            (Some(_), Some(outcome)) => failures.push(format!("{id}: no longer {outcome}: {answer}")),
            (None, Some(_)) => failures.push(format!("{id}: is argued about, and comes out as expected")),
        }
    }
    failures.extend(argued.keys().map(|id| format!("{id}: is argued about, and is no vector")));
    eprintln!("corpus: {} vectors", records.len());
    assert!(records.len() > 3500, "only {} vectors", records.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// The records of one file of the corpus; `None`, said on stderr, when the corpus is not there.
fn read_corpus(name: &str) -> Option<Vec<Value>> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(name);
    if !path.exists() {
        eprintln!("corpus: {name} is absent, nothing to compare with");
        return None;
    }
    let text = String::from_utf8(zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap()).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Whether a record is one message, or a part of one wrapped into a message, and its expectation to be relied on.
fn is_gate(record: &Value) -> bool {
    let confident = record["expect"]["confidence"] == "high" || record["expect"]["confidence"] == "medium";
    let whole = !["stream", "partial", "bmp"].iter().any(|kind| record["kind"] == *kind);
    whole && confident
}

fn decode(records: &[Value]) -> Vec<Value> {
    let mut margay = Command::new(env!("CARGO_BIN_EXE_margay"))
        .args(["decode", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = String::new();
    for record in records {
        let hex = record.get("wrapped").unwrap_or_else(|| &record["hex"]);
        let given = record["context"].as_object().unwrap();
        let context: Map<String, Value> = ["as4", "addpath", "peer", "extmsg"]
            .iter()
            .filter_map(|key| given.get(*key).map(|value| ((*key).to_owned(), value.clone())))
            .collect();
        lines.push_str(&format!("{}\n", json!({"id": record["id"], "hex": hex, "context": context})));
    }
    let mut input = margay.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = margay.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output
        .stdout
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The vectors that the page argues about, with the verdict that it says they get.
fn argued_differences() -> BTreeMap<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rfc/vectors.md");
    let text = fs::read_to_string(page).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [ids, _source, verdict, _why] = cells[..] else { continue };
        for id in ids
            .split_whitespace()
            .filter(|id| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
        {
            assert!(rows.insert(id.to_owned(), verdict.to_owned()).is_none(), "{id} is argued twice");
        }
    }
    rows
}

fn compare(record: &Value, answer: &Value) -> Result<(), String> {
    let expect = &record["expect"];
    let verdict = &answer["verdict"];
    let rfc7606 = expect.get("rfc7606").filter(|value| !value.is_null());
    if expect["verdict"] == "ok" {
        let expected = rfc7606.cloned().unwrap_or_else(|| json!("ok"));
        if *verdict != expected {
            return Err(format!("{verdict} instead of {expected}"));
        }
        return compare_fields(&expect["decode"], &answer["message"]);
    }
    if *verdict == "ok" || rfc7606.is_some_and(|expected| expected != verdict) {
        return Err(format!("{verdict} instead of {expect}"));
    }
    compare_notification(&expect["error"], &answer["notification"])
}

fn compare_notification(expected: &Value, found: &Value) -> Result<(), String> {
    if expected.is_null() || found.is_null() {
        return Ok(());
    }
    // A subcode with a note is what one implementation sends.
    let same_subcode = expected.get("note").is_some()
        || expected.get("subcode").is_none_or(|subcode| *subcode == found["subcode"]);
    if expected["code"] == found["code"] && same_subcode {
        Ok(())
    } else {
        Err(format!("{found} instead of {expected}"))
    }
}

fn compare_fields(expected: &Value, message: &Value) -> Result<(), String> {
    let Some(expected) = expected.as_object().filter(|_| message["type"] == "update") else { return Ok(()) };
    for (field, wanted) in expected.iter().filter(|(_, wanted)| **wanted != "opaque") {
        let found = &message[field];
        let same = match (found, wanted) {
            (Value::Object(found), Value::Object(wanted)) => {
                wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| same(found, wanted)))
            }
            _ => same(found, wanted),
        };
        if !same {
            return Err(format!("{field}: {found} instead of {wanted}"));
        }
    }
    let extra =
        MESSAGE_FIELDS.iter().find(|field| message.get(**field).is_some() && !expected.contains_key(**field));
    extra.map_or(Ok(()), |field| Err(format!("{field}: {} instead of nothing", message[*field])))
}

/// Whether two values mean the same: prefixes are compared as such, since IPv6 addresses have several texts.
fn same(found: &Value, wanted: &Value) -> bool {
    let (Value::Array(found_list), Value::Array(wanted_list)) = (found, wanted) else {
        return found == wanted;
    };
    let meaning = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text.parse::<bgp_codec::Prefix>().map_or_else(|_| value.clone(), |prefix| json!(prefix.to_string()))
    };
    found_list.iter().map(meaning).eq(wanted_list.iter().map(meaning))
}

/// What a message may not have when its source says nothing about it.
const MESSAGE_FIELDS: [&str; 12] = [
    "origin",
    "as_path",
    "next_hop",
    "med",
    "local_pref",
    "communities",
    "large_communities",
    "cluster_list",
    "originator_id",
    "mp_reach",
    "mp_unreach",
    "aggregator",
];
