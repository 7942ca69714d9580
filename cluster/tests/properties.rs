//! What must hold for any input: selectors, the index, documents, changes of documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::document::{carry_over, merge_patch, read_json, read_yaml, write_yaml};
use margay_cluster::key::Key;
use margay_cluster::object::{AnyObject, EndpointName};
use margay_cluster::schema::UnknownFields;
use margay_cluster::selector::{Expression, LabelIndex, MatchChange, Selector};
use margay_cluster::value::Labels;
use proptest::prelude::*;
use serde_json::{Value, json};

fn label() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "pcns.x/y", "in"]).prop_map(ToOwned::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "x", "y", "xy", "it's", "\"quoted\"", "日本"]).prop_map(ToOwned::to_owned)
}

fn expression() -> impl Strategy<Value = Expression> {
    let values = || prop::collection::btree_set(value(), 0..3);
    let leaf = prop_oneof![
        Just(Expression::All),
        Just(Expression::Global),
        label().prop_map(Expression::Has),
        (label(), value()).prop_map(|(label, value)| Expression::Equal(label, value)),
        (label(), value()).prop_map(|(label, value)| Expression::NotEqual(label, value)),
        (label(), value()).prop_map(|(label, value)| Expression::Contains(label, value)),
        (label(), value()).prop_map(|(label, value)| Expression::StartsWith(label, value)),
        (label(), value()).prop_map(|(label, value)| Expression::EndsWith(label, value)),
        (label(), values()).prop_map(|(label, values)| Expression::In(label, values)),
        (label(), values()).prop_map(|(label, values)| Expression::NotIn(label, values)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            // Two negations in a row are none when they are read again.
            inner.prop_map(|operand| match operand {
                Expression::Not(operand) => *operand,
                operand => Expression::Not(Box::new(operand)),
            }),
            several.clone().prop_map(Expression::And),
            several.prop_map(Expression::Or),
        ]
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map(label(), value(), 0..4).prop_map(Labels)
}

proptest! {
    #[test]
    fn a_selector_is_what_its_canonical_text_says(expression in expression(), labels in labels()) {
        let selector = Selector::new(expression);
        let again: Selector = selector.to_string().parse().unwrap();
        prop_assert_eq!(&again, &selector);
        prop_assert_eq!(again.to_string(), selector.to_string());
        prop_assert_eq!(again.unique_id(), selector.unique_id());
        prop_assert_eq!(again.matches(&labels), selector.matches(&labels));
    }

    #[test]
    fn what_matches_obeys_the_restrictions(expression in expression(), labels in labels()) {
        let selector = Selector::new(expression);
        if selector.matches(&labels) {
            for (label, restriction) in selector.restrictions() {
                let value = labels.get(&label);
                prop_assert!(!restriction.must_be_present || value.is_some(), "{} {}", selector, label);
                prop_assert!(!restriction.must_be_absent || value.is_none(), "{} {}", selector, label);
                if let Some(values) = restriction.one_of {
                    prop_assert!(value.is_some_and(|value| values.contains(value)), "{} {}", selector, label);
                }
            }
        }
    }

    #[test]
    fn a_prefix_moves_a_selector_with_its_labels(expression in expression(), labels in labels()) {
        let selector = Selector::new(expression);
        let moved = Labels(labels.iter().map(|(label, value)| (format!("p/{label}"), value.clone())).collect());
        prop_assert_eq!(selector.with_label_prefix("p/").matches(&moved), selector.matches(&labels));
    }

    #[test]
    fn any_text_is_a_selector_or_has_an_error_in_it(text in r#"[ab=!&|(){}"', in]{0,30}"#) {
        match text.parse::<Selector>() {
            Ok(selector) => {
                let again: Selector = selector.to_string().parse().unwrap();
                prop_assert_eq!(again.matches(&Labels::default()), selector.matches(&Labels::default()));
            }
            Err(error) => prop_assert!(error.character <= text.chars().count() + 1),
        }
    }
}

/// A change of the index.
#[derive(Clone, Debug)]
enum Step {
    SetItem(u8, Labels, Vec<u8>),
    RemoveItem(u8),
    SetParent(u8, Labels),
    RemoveParent(u8),
    SetSelector(u8, Selector),
    RemoveSelector(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let parents = prop::collection::vec(0..3_u8, 0..3);
    prop_oneof![
        3 => (0..6_u8, labels(), parents).prop_map(|(id, labels, parents)| Step::SetItem(id, labels, parents)),
        1 => (0..6_u8).prop_map(Step::RemoveItem),
        2 => (0..3_u8, labels()).prop_map(|(id, labels)| Step::SetParent(id, labels)),
        1 => (0..3_u8).prop_map(Step::RemoveParent),
        3 => (0..5_u8, expression()).prop_map(|(id, expression)| Step::SetSelector(id, Selector::new(expression))),
        1 => (0..5_u8).prop_map(Step::RemoveSelector),
    ]
}

/// The index from scratch: every selector looks at every item.
#[derive(Default)]
struct Naive {
    items: BTreeMap<u8, (Labels, Vec<u8>)>,
    parents: BTreeMap<u8, Labels>,
    selectors: BTreeMap<u8, Selector>,
}

impl Naive {
    fn apply(&mut self, step: &Step) {
        match step.clone() {
            Step::SetItem(id, labels, parents) => drop(self.items.insert(id, (labels, parents))),
            Step::RemoveItem(id) => drop(self.items.remove(&id)),
            Step::SetParent(id, labels) => drop(self.parents.insert(id, labels)),
            Step::RemoveParent(id) => drop(self.parents.remove(&id)),
            Step::SetSelector(id, selector) => drop(self.selectors.insert(id, selector)),
            Step::RemoveSelector(id) => drop(self.selectors.remove(&id)),
        }
    }

    fn matches(&self) -> BTreeSet<(u8, u8)> {
        let mut matches = BTreeSet::new();
        for (&item, (own, parents)) in &self.items {
            let mut labels = own.clone();
            for inherited in parents.iter().filter_map(|parent| self.parents.get(parent)) {
                for (label, value) in &inherited.0 {
                    labels.entry(label.clone()).or_insert_with(|| value.clone());
                }
            }
            let selected = self.selectors.iter().filter(|(_, selector)| selector.matches(&labels));
            matches.extend(selected.map(|(&selector, _)| (item, selector)));
        }
        matches
    }
}

fn apply(index: &mut LabelIndex<u8, u8, u8>, step: Step) {
    match step {
        Step::SetItem(id, labels, parents) => index.set_item(id, Arc::new(labels), parents),
        Step::RemoveItem(id) => index.remove_item(&id),
        Step::SetParent(id, labels) => index.set_parent(id, Arc::new(labels)),
        Step::RemoveParent(id) => index.remove_parent(&id),
        Step::SetSelector(id, selector) => index.set_selector(id, selector),
        Step::RemoveSelector(id) => index.remove_selector(&id),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_index_after_any_history_is_the_one_from_scratch(steps in prop::collection::vec(step(), 1..40)) {
        let mut index = LabelIndex::new();
        let mut naive = Naive::default();
        let mut reported = BTreeSet::new();
        for step in steps {
            naive.apply(&step);
            apply(&mut index, step);
            while let Some(change) = index.poll_change() {
                let is_news = match change {
                    MatchChange::Started { item, selector } => reported.insert((item, selector)),
                    MatchChange::Stopped { item, selector } => reported.remove(&(item, selector)),
                };
                prop_assert!(is_news, "{:?} was known", change);
            }
            let expected = naive.matches();
            prop_assert_eq!(&reported, &expected);
            for selector in 0..5 {
                let found: BTreeSet<u8> = index.items_of(&selector).copied().collect();
                let expected = expected.iter().filter(|(_, other)| *other == selector).map(|&(item, _)| item);
                prop_assert_eq!(found, expected.collect::<BTreeSet<u8>>());
            }
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9:./ -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A value in which every map has a field that no type knows.
fn with_unknown(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let known = map.iter().map(|(key, value)| (key.clone(), with_unknown(value)));
            Value::Object(known.chain([("unknown".to_owned(), json!(map.len()))]).collect())
        }
        Value::Array(items) => items.iter().map(with_unknown).collect(),
        other => other.clone(),
    }
}

fn without_unknown(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let known = map.iter().filter(|(key, _)| *key != "unknown");
            Value::Object(known.map(|(key, value)| (key.clone(), without_unknown(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_unknown).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_change_arrives_whole_in_a_document_with_unknown_fields(before in json_value(), after in json_value()) {
        let mut document = with_unknown(&before);
        carry_over(&mut document, &before, &after);
        prop_assert_eq!(without_unknown(&document), after);
    }

    #[test]
    fn no_change_changes_nothing(before in json_value()) {
        let mut document = with_unknown(&before);
        carry_over(&mut document, &before, &before);
        prop_assert_eq!(document, with_unknown(&before));
    }

    #[test]
    fn a_field_that_is_added_leaves_every_unknown_one(before in json_value(), added in json_value()) {
        let Value::Object(map) = &before else { return Ok(()) };
        let mut after = map.clone();
        after.insert("added".to_owned(), added.clone());
        let mut document = with_unknown(&before);
        carry_over(&mut document, &before, &Value::Object(after));
        let mut expected = with_unknown(&before);
        expected["added"] = added;
        prop_assert_eq!(document, expected);
    }

    #[test]
    fn a_patch_that_is_applied_twice_is_applied_once(document in json_value(), patch in json_value()) {
        let mut once = document;
        merge_patch(&mut once, &patch);
        let mut twice = once.clone();
        merge_patch(&mut twice, &patch);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn json_is_yaml(value in json_value()) {
        let text = value.to_string();
        let from_json = read_json(text.as_bytes()).unwrap().to_json();
        prop_assert_eq!(&from_json, &value);
        let documents = read_yaml(&text).unwrap();
        let from_yaml = documents.first().map_or(Value::Null, |document| document.to_json());
        prop_assert_eq!(from_yaml, value);
    }

    #[test]
    fn yaml_that_is_written_reads_back(value in json_value(), text in any::<String>(), words in "[a-z0-9:#'\"{}!&*%@,. -]{0,12}") {
        for value in [value, json!({text.as_str(): text}), json!([words.as_str(), {words.as_str(): words}])] {
            let written = write_yaml(&value);
            let documents = read_yaml(&written).map_err(|error| TestCaseError::fail(format!("{error}: {written}")))?;
            let read = documents.first().map_or(Value::Null, |document| document.to_json());
            prop_assert_eq!(read, value, "{}", written);
        }
    }

    #[test]
    fn any_object_is_good_or_has_its_problems_named(
        kind in prop::sample::select(margay_cluster::object::Kind::ALL.to_vec()),
        spec in json_value(),
    ) {
        let object = json!({
            "apiVersion": "projectcalico.org/v3", "kind": kind.as_str(), "metadata": {"name": "x"}, "spec": spec,
        });
        let text = object.to_string();
        let node = read_json(text.as_bytes()).unwrap();
        match AnyObject::decode(&node, UnknownFields::Refuse) {
            Ok(object) => prop_assert_eq!(object.kind(), kind),
            Err(problems) => prop_assert!(!problems.0.is_empty() && !problems.to_string().is_empty()),
        }
    }

    #[test]
    fn names_of_endpoints_come_back(parts in prop::array::uniform4("[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?")) {
        let [node, orchestrator, workload, endpoint] = parts;
        let identity = EndpointName { node, orchestrator, workload, endpoint };
        let name = identity.build().unwrap();
        prop_assert!(identity.matches(&name).unwrap());
        prop_assert_eq!(EndpointName::parse(&name).unwrap(), identity);
    }

    #[test]
    fn any_text_is_a_key_or_not(text in "/calico/(resources/v3/projectcalico.org|ipam/v2|felix/v2)(/[a-z0-9.:%-]{0,12}){0,8}") {
        if let Ok(key) = text.parse::<Key>() {
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }
    }
}
