//! Whether the tables have all of the language: the schema is its list of keys and words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::actions::ACTS;
use super::matches::{MATCHES, MATCHES_AFTER_A_CRASH, Match};
use super::scene::offers;

/// Keys of a table with the words that stand for their values.
type Used = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_key_and_word_of_the_language_has_a_row() {
    let schema: Value = serde_json::from_str(margay_config::schema()).unwrap();
    let mut used: BTreeMap<&str, Used> = BTreeMap::new();
    for row in MATCHES.iter().chain(MATCHES_AFTER_A_CRASH) {
        collect_match(&table(&format!("it = {{ {} }}", row.text))["it"], used.entry("match").or_default());
    }
    for act in ACTS {
        let rules = [act.rules.import, act.rules.export, act.rules.kernel];
        for rule in rules.iter().flat_map(|rules| list(&table(&format!("it = [{rules}]"))["it"])) {
            collect(&rule, used.entry("rule").or_default());
            if let Some(set) = rule.get("set") {
                collect(set, used.entry("set").or_default());
            }
        }
    }
    let mut missing = Vec::new();
    for (kind, used) in &used {
        let keys = schema["$defs"][kind]["properties"].as_object().unwrap();
        assert!(keys.len() >= 8, "{kind}: {keys:?}");
        for (key, shape) in keys {
            match used.get(key) {
                None => missing.push(format!("{kind}: {key}")),
                Some(seen) => {
                    let words = words(&schema, shape).into_iter().filter(|word| !seen.contains(word));
                    missing.extend(words.map(|word| format!("{kind}: {key} = {word:?}")));
                }
            }
        }
    }
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    // The schema leaves these words to the reader of the file.
    for word in ["self", "keep", "peer"] {
        assert!(used["set"]["next_hop"].contains(word), "set: next_hop = {word:?}");
    }
}

/// A row that all routes meet, or none, would also pass where its condition is not evaluated.
#[test]
fn every_condition_has_a_row_that_tells_routes_apart() {
    let schema: Value = serde_json::from_str(margay_config::schema()).unwrap();
    let all = offers().count();
    let is_telling = |row: &&Match| {
        let imported = row.import.map_or(0, str::len);
        (1..all).contains(&row.export.len()) || (1..all - 3).contains(&imported)
    };
    let rows: Vec<&Match> = MATCHES.iter().chain(MATCHES_AFTER_A_CRASH).filter(is_telling).collect();
    for key in schema["$defs"]["match"]["properties"].as_object().unwrap().keys() {
        // Without a validator, the state of all routes is the same.
        let is_told =
            rows.iter().any(|row| table(&format!("it = {{ {} }}", row.text))["it"].get(key).is_some());
        assert!(is_told || key == "rpki", "no row tells routes apart by {key}");
    }
}

fn table(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn list(value: &toml::Value) -> Vec<toml::Value> {
    value.as_array().unwrap().clone()
}

/// The keys of a match, and of those inside it.
fn collect_match(value: &toml::Value, used: &mut Used) {
    collect(value, used);
    for (key, inner) in value.as_table().unwrap() {
        match key.as_str() {
            "any" | "all" => list(inner).iter().for_each(|inner| collect_match(inner, used)),
            "not" => collect_match(inner, used),
            _ => {}
        }
    }
}

fn collect(value: &toml::Value, used: &mut Used) {
    for (key, value) in value.as_table().unwrap() {
        let words = used.entry(key.clone()).or_default();
        match value {
            toml::Value::Array(items) => {
                words.extend(items.iter().filter_map(|item| item.as_str().map(str::to_owned)));
            }
            value => words.extend(value.as_str().map(str::to_owned)),
        }
    }
}

/// The words that the schema allows for a key.
fn words(schema: &Value, shape: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![shape.clone()];
    while let Some(shape) = open.pop() {
        if let Some(name) = shape["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
            // Inner matches are looked at by themselves.
            if !["match", "set", "rule"].contains(&name) {
                open.push(schema["$defs"][name].clone());
            }
        }
        found.extend(
            shape["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|word| word.as_str().map(str::to_owned)),
        );
        open.extend(shape["anyOf"].as_array().into_iter().flatten().cloned());
        open.extend(shape.get("items").cloned());
    }
    found
}
