//! What fuzzing holds the objects to: each target takes any octets, and panics when something does not hold.
//!
//! `cargo xtask fuzz` runs them under libFuzzer; the inputs that it found to matter are kept in `<target>.hex`, a line
//! each, and every test run replays them.

#![allow(dead_code, reason = "each fuzz target uses its own function only")]

use std::collections::BTreeMap;

use margay_cluster::document::{Node, read_json, read_yaml};
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_cluster::selector::Selector;

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 3] =
    [("selector", selector), ("object_json", object_json), ("object_yaml", object_yaml)];

/// A selector: its canonical text is one, and says the same.
pub(crate) fn selector(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match text.parse::<Selector>() {
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.character), "{error}"),
        Ok(selector) => {
            let again: Selector = selector.to_string().parse().expect("the canonical text is a selector");
            // Of two negations with parentheses between them, the canonical text leaves none to be read again.
            let third: Selector = again.to_string().parse().expect("the canonical text is a selector");
            assert_eq!(third.to_string(), again.to_string());
            for (label, restriction) in selector.restrictions() {
                assert!(!label.is_empty());
                assert!(restriction.must_be_present || restriction.must_be_absent);
            }
            let labels: BTreeMap<String, String> =
                [("a", "b"), ("c", "")].map(|(k, v)| (k.into(), v.into())).into();
            assert_eq!(again.matches(&labels), selector.matches(&labels));
        }
    }
}

/// An object as JSON, as it stands in the store.
pub(crate) fn object_json(input: &[u8]) {
    if let Ok(node) = read_json(input) {
        object(&node, UnknownFields::Ignore);
    }
}

/// Objects as YAML, as people write them.
pub(crate) fn object_yaml(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for document in read_yaml(text).into_iter().flatten() {
        object(&document, UnknownFields::Refuse);
    }
}

/// An object that is good stays good, and the same, when it is written and read again, its defaults set.
fn object(node: &Node<'_>, unknown_fields: UnknownFields) {
    match AnyObject::decode(node, unknown_fields) {
        Err(problems) => assert!(!problems.0.is_empty() && !problems.to_string().is_empty()),
        Ok(mut object) => {
            object.apply_defaults();
            let encoded = object.encode();
            let text = encoded.to_string();
            let node = read_json(text.as_bytes()).expect("what is encoded is JSON");
            let again = AnyObject::decode(&node, UnknownFields::Refuse);
            let again = again.unwrap_or_else(|problems| panic!("{encoded} is refused: {problems}"));
            assert_eq!(again.encode(), encoded);
        }
    }
}
