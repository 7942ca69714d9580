//! Selectors: their grammar, canonical form, evaluation, restrictions, and the index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::selector::{LabelIndex, MatchChange, Restrictions, Selector};
use margay_cluster::value::Labels;
use serde_json::{Value, json};

use crate::{judge, read_corpus};

#[test]
fn selectors_are_what_calico_takes_them_for() {
    let Some(records) = read_corpus("selectors.jsonl.zst") else { return };
    judge("selectors", &records, check, departure);
}

/// Why a record is decided another way here.
fn departure(record: &Value) -> Option<&'static str> {
    match record["kind"].as_str()? {
        "overlap_suppression" => {
            Some("the members of sets in the kernel are the policy's, not the selectors'")
        }
        _ => None,
    }
}

fn check(record: &Value) -> Result<(), String> {
    match record["kind"].as_str().unwrap() {
        "evaluate" => check_evaluation(record),
        "parse" => check_parse(record, &record["valid"]),
        "tokenize" => check_parse(record, &record["parses"]),
        "canonical" => check_canonical(record),
        "label_restrictions" => check_restrictions(record),
        "rewrite_labels" => check_rewritten(record),
        "index_state" => check_index_state(record),
        "ip_set_members" => check_members(record),
        "match_events" => check_events(record),
        "overlap_suppression" => Err("is not decided here".to_owned()),
        "note" => Ok(()),
        other => panic!("the kind {other} is not known"),
    }
}

fn selector(record: &Value) -> Result<Selector, String> {
    let text = record["selector"].as_str().unwrap();
    text.parse().map_err(|error| format!("{text} is refused: {error}"))
}

fn check_parse(record: &Value, valid: &Value) -> Result<(), String> {
    match (selector(record), *valid == true) {
        (Ok(_), true) | (Err(_), false) => Ok(()),
        (Ok(selector), false) => Err(format!("{selector} is accepted")),
        (Err(error), true) => Err(error),
    }
}

fn check_evaluation(record: &Value) -> Result<(), String> {
    let selector = selector(record)?;
    let matches = selector.matches(&labels_of(&record["labels"]));
    // The canonical form has to say the same.
    let again: Selector = selector.to_string().parse().unwrap();
    assert_eq!(again.matches(&labels_of(&record["labels"])), matches);
    same(&json!(matches), &record["matches"])
}

fn check_canonical(record: &Value) -> Result<(), String> {
    let selector = selector(record)?;
    same(&json!(selector.to_string()), &record["canonical"])?;
    match record.get("unique_id") {
        Some(wanted) => same(&json!(selector.unique_id()), wanted),
        None => Ok(()),
    }
}

fn check_rewritten(record: &Value) -> Result<(), String> {
    let rewritten = selector(record)?.with_label_prefix(record["prefix"].as_str().unwrap());
    same(&json!(rewritten.to_string()), &record["canonical_after"])
}

fn check_restrictions(record: &Value) -> Result<(), String> {
    let wanted = record["restrictions"].as_object().unwrap();
    let wanted: BTreeMap<&String, Value> =
        wanted.iter().map(|(label, value)| (label, sorted(value))).collect();
    let found = restrictions_as_json(&selector(record)?.restrictions());
    let found: BTreeMap<&String, Value> = found.iter().map(|(label, value)| (label, value.clone())).collect();
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{} has {found:?}, not {wanted:?}", record["selector"]))
    }
}

fn sorted(restriction: &Value) -> Value {
    let mut restriction = restriction.clone();
    if let Some(values) = restriction.get_mut("one_of").and_then(Value::as_array_mut) {
        values.sort_by_key(ToString::to_string);
    }
    restriction
}

fn restrictions_as_json(restrictions: &Restrictions) -> BTreeMap<String, Value> {
    let as_json = |restriction: &margay_cluster::selector::LabelRestriction| {
        let mut map = serde_json::Map::new();
        if restriction.must_be_present {
            map.insert("must_be_present".to_owned(), true.into());
        }
        if restriction.must_be_absent {
            map.insert("must_be_absent".to_owned(), true.into());
        }
        if let Some(values) = &restriction.one_of {
            map.insert("one_of".to_owned(), values.iter().cloned().collect());
        }
        Value::Object(map)
    };
    restrictions.iter().map(|(label, restriction)| (label.clone(), as_json(restriction))).collect()
}

/// Each state of the index, and each pair of states as a transition, by either order of changes.
#[test]
fn the_index_comes_from_any_state_to_any_other() {
    let Some(records) = read_corpus("selectors.jsonl.zst") else { return };
    let states: Vec<&Value> = records.iter().filter(|record| record["kind"] == "index_state").collect();
    for (from, to) in states.iter().flat_map(|from| states.iter().map(move |to| (from, to))) {
        for selectors_first in [false, true] {
            let mut index = Index::new();
            apply(&mut index, &Value::Null, from, selectors_first);
            apply(&mut index, from, to, selectors_first);
            same(&members(&index, to), &expected_members(to))
                .unwrap_or_else(|fault| panic!("from {} to {}: {fault}", from["id"], to["id"]));
        }
    }
    eprintln!("corpus: {} transitions of the index", states.len() * states.len() * 2);
}

type Index = LabelIndex<String, String, String>;

fn check_index_state(state: &Value) -> Result<(), String> {
    let mut index = Index::new();
    apply(&mut index, &Value::Null, state, false);
    same(&members(&index, state), &expected_members(state))
}

/// Makes the changes that lead from one state to another.
fn apply(index: &mut Index, from: &Value, to: &Value, selectors_first: bool) {
    let steps: [fn(&mut Index, &Value, &Value); 3] = [apply_parents, apply_endpoints, apply_selectors];
    let order = if selectors_first { [2, 1, 0] } else { [0, 1, 2] };
    order.into_iter().for_each(|step: usize| steps[step](index, from, to));
}

fn gone<'v>(from: &'v Value, to: &Value, field: &str) -> Vec<&'v String> {
    let known = |key: &&String| to[field].get(key.as_str()).is_none();
    from[field].as_object().into_iter().flat_map(serde_json::Map::keys).filter(known).collect()
}

fn entries<'v>(to: &'v Value, field: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    to[field].as_object().unwrap().iter()
}

fn apply_parents(index: &mut Index, from: &Value, to: &Value) {
    gone(from, to, "parents").into_iter().for_each(|parent| index.remove_parent(parent));
    for (parent, labels) in entries(to, "parents") {
        index.set_parent(parent.clone(), Arc::new(labels_of(labels)));
    }
}

fn apply_endpoints(index: &mut Index, from: &Value, to: &Value) {
    gone(from, to, "endpoints").into_iter().for_each(|endpoint| index.remove_item(endpoint));
    for (endpoint, value) in entries(to, "endpoints") {
        let parents = value["parents"].as_array().unwrap();
        let parents = parents.iter().map(|parent| parent.as_str().unwrap().to_owned()).collect();
        index.set_item(endpoint.clone(), Arc::new(labels_of(&value["labels"])), parents);
    }
}

fn apply_selectors(index: &mut Index, from: &Value, to: &Value) {
    gone(from, to, "ip_sets").into_iter().for_each(|set| index.remove_selector(set));
    for (set, value) in entries(to, "ip_sets") {
        index.set_selector(set.clone(), selector(value).unwrap());
    }
}

/// The addresses of the endpoints in each set; those with the port, as `address,protocol:port`, for a named port.
fn members(index: &Index, state: &Value) -> Value {
    let of_set = |(set, value): (&String, &Value)| {
        let endpoints = index.items_of(set).map(|endpoint| &state["endpoints"][endpoint.as_str()]);
        let members: BTreeSet<String> = endpoints.flat_map(|endpoint| of_endpoint(endpoint, value)).collect();
        (set.clone(), json!(members))
    };
    entries(state, "ip_sets").map(of_set).collect::<serde_json::Map<_, _>>().into()
}

fn of_endpoint(endpoint: &Value, set: &Value) -> Vec<String> {
    let nets = endpoint["nets"].as_array().unwrap().iter().map(|net| net.as_str().unwrap().to_owned());
    let Some(wanted) = set.get("named_port") else { return nets.collect() };
    let is_wanted = |port: &&Value| {
        let same_protocol =
            port["protocol"].as_str().unwrap().eq_ignore_ascii_case(wanted["protocol"].as_str().unwrap());
        port["name"] == wanted["name"] && same_protocol
    };
    let ports: Vec<&Value> = endpoint["ports"].as_array().unwrap().iter().filter(is_wanted).collect();
    let protocol = wanted["protocol"].as_str().unwrap();
    let with_port = |net: String| {
        let address = net.split_once('/').map_or(net.as_str(), |(address, _)| address).to_owned();
        ports.iter().map(|port| format!("{address},{protocol}:{}", port["port"])).collect::<Vec<_>>()
    };
    nets.flat_map(with_port).collect()
}

fn expected_members(state: &Value) -> Value {
    let sorted = |(set, members): (&String, &Value)| {
        let members: BTreeSet<String> =
            members.as_array().unwrap().iter().map(|member| member.as_str().unwrap().to_owned()).collect();
        (set.clone(), json!(members))
    };
    entries(state, "expect").map(sorted).collect::<serde_json::Map<_, _>>().into()
}

/// Which host endpoints and network sets a selector selects; what of their networks goes where is not looked at.
fn check_members(record: &Value) -> Result<(), String> {
    let selector = selector(record)?;
    let objects =
        ["host_endpoints", "network_sets"].iter().flat_map(|field| record[*field].as_array()).flatten();
    let selected = objects.filter(|object| selector.matches(&labels_of(&object["labels"]))).count();
    let wanted = usize::from(!record["members"].as_array().unwrap().is_empty());
    if selected.min(1) == wanted { Ok(()) } else { Err(format!("{selected} objects are selected")) }
}

fn check_events(record: &Value) -> Result<(), String> {
    let mut index = Index::new();
    for step in record["steps"].as_array().unwrap() {
        let id = || step["id"].as_str().unwrap().to_owned();
        match step["op"].as_str() {
            Some("set_labels") => index.set_item(id(), Arc::new(labels_of(&step["labels"])), Vec::new()),
            Some("delete_labels") => index.remove_item(&id()),
            Some("set_selector") => index.set_selector(id(), selector(step)?),
            Some("delete_selector") => index.remove_selector(&id()),
            Some(other) => return Err(format!("the step {other} is not known")),
            None => {
                let mut found: Vec<String> =
                    std::iter::from_fn(|| index.poll_change()).map(describe).collect();
                let mut wanted: Vec<String> =
                    step["expect_events"].as_array().unwrap().iter().map(Value::to_string).collect();
                found.sort();
                wanted.sort();
                same(&json!(found), &json!(wanted))?;
            }
        }
    }
    Ok(())
}

fn describe(change: MatchChange<String, String>) -> String {
    match change {
        MatchChange::Started { item, selector } => json!(["start", selector, item]).to_string(),
        MatchChange::Stopped { item, selector } => json!(["stop", selector, item]).to_string(),
    }
}

pub(crate) fn labels_of(value: &Value) -> Labels {
    let labels = value.as_object().unwrap().iter();
    Labels(labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect())
}

fn same(found: &Value, wanted: &Value) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("is {found}, not {wanted}")) }
}
