//! `margay datastore export` and `import`: everything that is stored, an entry a line.
//!
//! A line is `{"key": …, "value": …}`, or `{"key": …, "text": …}` for a value that is not JSON.

use std::io::Write;
use std::process::ExitCode;

use margay_cluster::key::{Key, ROOT};
use margay_datastore::{Expected, KeyValue, SwapOutcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::Store;
use crate::object_error::ObjectError;
use crate::run_error::RunError;

/// One entry of an export.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Line {
    fn of(key_value: &KeyValue) -> Result<Self, ObjectError> {
        let key = String::from_utf8_lossy(&key_value.key).into_owned();
        let octets = &key_value.entry.value;
        if let Ok(value) = serde_json::from_slice(octets) {
            return Ok(Self { key, value: Some(value), text: None });
        }
        match String::from_utf8(octets.to_vec()) {
            Ok(text) => Ok(Self { key, value: None, text: Some(text) }),
            Err(_) => Err(ObjectError::Unreadable(format!("{key} is neither JSON nor text"))),
        }
    }

    fn octets(&self) -> Vec<u8> {
        match (&self.value, &self.text) {
            (Some(value), _) => value.to_string().into_bytes(),
            (None, text) => text.clone().unwrap_or_default().into_bytes(),
        }
    }
}

/// Prints everything that is stored, what nodes report of themselves left aside: it ends with its lease.
pub(crate) fn export(store: &mut impl Store, out: &mut impl Write) -> Result<(), RunError> {
    for key_value in store.list(ROOT)? {
        let line = Line::of(&key_value)?;
        if is_report(&line.key) {
            continue;
        }
        let text =
            serde_json::to_string(&line).map_err(|error| ObjectError::Unreadable(error.to_string()))?;
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn is_report(key: &str) -> bool {
    matches!(key.parse::<Key>(), Ok(Key::NodeStatus(_) | Key::LastNodeStatus(_) | Key::WorkloadStatus(_)))
}

/// Stores the entries of an export: all lines are read before the first is written.
pub(crate) fn import(
    store: &mut impl Store,
    text: &str,
    overwrite: bool,
    dry_run: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let lines = read_lines(text)?;
    let mut in_the_way = Vec::new();
    if !overwrite {
        for line in &lines {
            let current = store.get(&line.key)?;
            in_the_way.extend(current.filter(|current| !is_same(line, &current.value)).map(|_| &line.key));
        }
    }
    if !in_the_way.is_empty() {
        in_the_way.iter().try_for_each(|key| writeln!(out, "{key} exists, with another value"))?;
        writeln!(out, "nothing was written; --overwrite replaces what is there")?;
        return Ok(ExitCode::FAILURE);
    }
    let mut failed = 0;
    let mut written = 0;
    for line in &lines {
        match put(store, line, overwrite, dry_run) {
            Ok(is_news) => written += usize::from(is_news),
            Err(error) => {
                failed += 1;
                writeln!(out, "{}: {error}", line.key)?;
            }
        }
    }
    let verb = if dry_run { "would be written" } else { "written" };
    let there = lines.len() - written - failed;
    writeln!(out, "{written} {verb}, {there} were there already, {failed} failed")?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_lines(text: &str) -> Result<Vec<Line>, ObjectError> {
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong =
            |why: String| ObjectError::Usage(format!("line {}: {why}; nothing was written", number + 1));
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if !line.key.starts_with(ROOT) {
            return Err(wrong(format!("the key {:?} does not begin with {ROOT}", line.key)));
        }
        if line.value.is_some() == line.text.is_some() {
            return Err(wrong("there must be either a value or a text".to_owned()));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn is_same(line: &Line, octets: &[u8]) -> bool {
    match &line.value {
        Some(value) => serde_json::from_slice::<Value>(octets).is_ok_and(|found| found == *value),
        None => line.octets() == octets,
    }
}

/// Writes an entry; returns whether it was not there before.
fn put(store: &mut impl Store, line: &Line, overwrite: bool, dry_run: bool) -> Result<bool, ObjectError> {
    let current = store.get(&line.key)?;
    if current.as_ref().is_some_and(|current| is_same(line, &current.value)) {
        return Ok(false);
    }
    if dry_run {
        return Ok(true);
    }
    let expected = match current {
        Some(current) if overwrite => Expected::At(current.stamp),
        _ => Expected::Absent,
    };
    match store.swap(&line.key, expected, Some(line.octets())) {
        SwapOutcome::Written(_) => Ok(true),
        SwapOutcome::Refused(why) => Err(ObjectError::Refused(why)),
        SwapOutcome::Unknown(why) => Err(ObjectError::Unknown(why)),
        SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => Err(ObjectError::Contended),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::memory_store::MemoryStore;

    fn filled() -> MemoryStore {
        let mut store = MemoryStore::default();
        store.put("/calico/resources/v3/projectcalico.org/tiers/a", &json!({"kind": "Tier"}));
        store.put("/calico/felix/v2/no-region/host/n/status", &json!({"time": "t"}));
        store.put_octets("/calico/ipam/v2/host/n/ipv4/block/10.0.0.0-26", Vec::new());
        store
    }

    fn exported(store: &mut MemoryStore) -> String {
        let mut out = Vec::new();
        export(store, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn imported(store: &mut MemoryStore, text: &str, overwrite: bool) -> String {
        let mut out = Vec::new();
        match import(store, text, overwrite, false, &mut out) {
            Ok(_) => String::from_utf8(out).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_exported_comes_back() {
        let text = exported(&mut filled());
        assert_eq!(text.lines().count(), 2, "reports of nodes end with their lease: {text}");
        let mut empty = MemoryStore::default();
        assert_eq!(imported(&mut empty, &text, false), "2 written, 0 were there already, 0 failed\n");
        assert_eq!(exported(&mut empty), text);
        assert_eq!(imported(&mut empty, &text, false), "0 written, 2 were there already, 0 failed\n");
    }

    #[test]
    fn nothing_is_overwritten_unless_asked_for() {
        let text = exported(&mut filled());
        let mut other = MemoryStore::default();
        other.put("/calico/resources/v3/projectcalico.org/tiers/a", &json!({"kind": "Tier", "x": 1}));
        let answer = imported(&mut other, &text, false);
        assert!(answer.contains("tiers/a exists, with another value\nnothing was written"), "{answer}");
        assert_eq!(other.writes, 0);
        assert_eq!(imported(&mut other, &text, true), "2 written, 0 were there already, 0 failed\n");
        assert_eq!(exported(&mut other), text);
    }

    #[test]
    fn a_line_that_is_wrong_stops_everything() {
        let good = "{\"key\": \"/calico/a\", \"value\": 1}\n";
        for bad in [
            "{",
            "{\"key\": \"/other\", \"value\": 1}",
            "{\"key\": \"/calico/b\"}",
            "{\"key\": \"/calico/b\", \"x\": 1}",
        ] {
            let mut store = MemoryStore::default();
            let answer = imported(&mut store, &format!("{good}{bad}"), false);
            assert!(answer.starts_with("line 2: "), "{bad}: {answer}");
            assert_eq!(store.writes, 0);
        }
    }
}
