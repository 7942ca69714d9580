//! The JSON Schema of the file: it has every key that the file may have, and no others.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use margay_config::{parse, schema};
use serde_json::Value;

/// Each table with a key that is not known in it, and the place of the table's keys in the schema.
const TABLES: &[(&str, &str)] = &[
    ("[zzzzzzzzzz]", ""),
    ("[global]\nzzzzzzzzzz = 1", "/properties/global"),
    ("[global]\nwatch_file = { zzzzzzzzzz = 1 }", "/properties/global/properties/watch_file/anyOf/1"),
    ("[control]\nzzzzzzzzzz = 1", "/properties/control"),
    ("[kernel]\nzzzzzzzzzz = 1", "/properties/kernel"),
    ("[kernel]\nonlink = [{ zzzzzzzzzz = 1 }]", "/properties/kernel/properties/onlink/items"),
    ("[[kernel.import]]\nzzzzzzzzzz = 1", "/properties/kernel/properties/import/items"),
    ("[prefix_set.a]\nzzzzzzzzzz = 1", "/properties/prefix_set/additionalProperties"),
    (
        "[prefix_set.a]\nprefixes = [{ zzzzzzzzzz = 1 }]",
        "/properties/prefix_set/additionalProperties/properties/prefixes/items/anyOf/1",
    ),
    ("[community_set.a]\nzzzzzzzzzz = 1", "/properties/community_set/additionalProperties"),
    ("[as_set.a]\nzzzzzzzzzz = 1", "/properties/as_set/additionalProperties"),
    ("[filter.a]\nzzzzzzzzzz = 1", "/properties/filter/additionalProperties"),
    ("[filter.a]\nrules = [{ zzzzzzzzzz = 1 }]", "/$defs/rule"),
    ("[filter.a]\nrules = [{ match = { zzzzzzzzzz = 1 } }]", "/$defs/match"),
    ("[filter.a]\nrules = [{ set = { zzzzzzzzzz = 1 } }]", "/$defs/set"),
    ("[[network]]\nzzzzzzzzzz = 1", "/properties/network/items"),
    ("[[static]]\nzzzzzzzzzz = 1", "/properties/static/items"),
    ("[[static]]\nprefix = \"10.0.0.0/8\"\nvia = [{ zzzzzzzzzz = 1 }]", "/$defs/next_hop/anyOf/1"),
    ("[[aggregate]]\nzzzzzzzzzz = 1", "/properties/aggregate/items"),
    ("[peer_group.a]\nzzzzzzzzzz = 1", "/properties/peer_group/additionalProperties"),
    ("[[peer]]\nzzzzzzzzzz = 1", "/properties/peer/items"),
    ("[[dynamic_peers]]\nzzzzzzzzzz = 1", "/properties/dynamic_peers/items"),
    ("[peer_group.a]\nbfd = { zzzzzzzzzz = 1 }", "/$defs/bfd/anyOf/1"),
    ("[peer_group.a]\ngraceful_restart = { zzzzzzzzzz = 1 }", "/$defs/graceful_restart/anyOf/1"),
    ("[peer_group.a]\nprefix_limit = { zzzzzzzzzz = 1 }", "/$defs/prefix_limit/anyOf/1"),
];

/// The keys that the file may have at the place of a key that is not known; `None` where there are too many to name.
fn known_keys(text: &str) -> Option<BTreeSet<String>> {
    let errors = parse("f", text).unwrap_err();
    let error = errors.iter().find(|error| error.text.starts_with("unknown key \"zzzzzzzzzz\""));
    let text = &error.unwrap_or_else(|| panic!("{text}: {errors:#?}")).text;
    text.split_once("there is ").map(|(_, keys)| keys.split(", ").map(str::to_owned).collect())
}

#[test]
fn the_schema_has_the_keys_of_every_table() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    for (text, place) in TABLES {
        let table = schema.pointer(place).unwrap_or_else(|| panic!("nothing at {place}"));
        let properties = table["properties"].as_object().unwrap_or_else(|| panic!("no keys at {place}"));
        let in_schema: BTreeSet<String> = properties.keys().cloned().collect();
        match known_keys(text) {
            Some(known) => {
                assert_eq!(in_schema, known, "keys at {place} of config/schema.json and in the file: {text}")
            }
            None => in_schema.iter().for_each(|key| {
                let text = text.replace("zzzzzzzzzz", key);
                let errors = parse("f", &text).err().unwrap_or_default();
                assert!(
                    !errors.iter().any(|error| error.text.starts_with("unknown key")),
                    "{text}: {errors:#?}"
                );
            }),
        }
        assert_eq!(table["additionalProperties"], false, "{place} takes any key");
    }
}

#[test]
fn the_schema_has_every_key_of_the_filter_language() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let page = include_str!("../../docs/filters.md");
    let [matches, sets] = ["## What `match` compares", "## What `set` does"].map(|title| {
        let (_, section) = page.split_once(title).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let cells =
            section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
        let keys = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        keys.map(|key| key.split(' ').next().unwrap().to_owned()).collect::<BTreeSet<String>>()
    });
    for (keys, place) in [(matches, "/$defs/match/properties"), (sets, "/$defs/set/properties")] {
        assert!(keys.len() > 10, "{keys:?}");
        let known = schema.pointer(place).unwrap();
        let missing: Vec<&String> = keys.iter().filter(|key| known.get(key.as_str()).is_none()).collect();
        assert!(missing.is_empty(), "not at {place}: {missing:?}");
    }
}

/// Where the error does not name all keys, the reference file has them.
#[test]
fn the_schema_has_every_key_of_the_reference_file() {
    let schema: Value = serde_json::from_str(schema()).unwrap();
    let file: Value = toml::from_str(include_str!("../example.toml")).unwrap();
    let items =
        |name: &str| file[name].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap().keys());
    let group = file["peer_group"]["mesh"].as_object().unwrap().keys();
    for (keys, place) in [
        (items("peer").collect::<Vec<_>>(), "/properties/peer/items/properties"),
        (group.collect(), "/properties/peer_group/additionalProperties/properties"),
    ] {
        let known = schema.pointer(place).unwrap();
        let missing: Vec<&String> =
            keys.into_iter().filter(|key| known.get(key.as_str()).is_none()).collect();
        assert!(missing.is_empty(), "not at {place} of config/schema.json: {missing:?}");
    }
}
