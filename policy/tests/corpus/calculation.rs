//! States of the datastore and what is wanted in them, reached in many ways; the order of tiers and policies.

use std::collections::{BTreeMap, BTreeSet};

use margay_cluster::document::read_json;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{AnyObject, EndpointName, Kind};
use margay_cluster::schema::UnknownFields;
use margay_policy::{Calculation, Endpoint, Member, PortMember, SelectorText, SetKey, TierPolicies, Wanted};
use serde_json::{Value, json};

use crate::rules::port_member;
use crate::{judge, of_kind, read_corpus};

type Objects = BTreeMap<ObjectKey, AnyObject>;

/// One of the lists of tiers that an endpoint has.
type TiersOf = fn(&Endpoint) -> &[TierPolicies];

#[test]
fn states_lead_to_what_is_recorded() {
    let records = read_corpus("calc.jsonl.zst");
    judge("states", &of_kind(&records, "state"), check_state, departure);
}

/// Every state after every other that a sequence names, with five ways to get from one to the next.
#[test]
fn sequences_of_states_end_as_each_state_does() {
    let records = read_corpus("calc.jsonl.zst");
    let states: BTreeMap<&str, Objects> = of_kind(&records, "state")
        .iter()
        .map(|state| (state["id"].as_str().unwrap(), objects(state)))
        .collect();
    let none = Objects::new();
    for sequence in of_kind(&records, "sequence") {
        let named = sequence["states"].as_array().unwrap().iter();
        let mut steps: Vec<&Objects> =
            named.map(|id| states.get(id.as_str().unwrap()).unwrap_or(&none)).collect();
        run(sequence, &steps, Way::AtOnce);
        run(sequence, &steps, Way::KeyByKey);
        run(sequence, &steps, Way::KeyByKeyReversed);
        run(sequence, &steps, Way::EachTwice);
        let with_empty: Vec<&Objects> = steps.iter().flat_map(|state| [&none, *state]).collect();
        run(sequence, &with_empty, Way::AtOnce);
        steps.reverse();
        run(sequence, &steps, Way::KeyByKey);
    }
}

/// How a state is reached from the one before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    AtOnce,
    KeyByKey,
    KeyByKeyReversed,
    EachTwice,
}

fn run(sequence: &Value, states: &[&Objects], way: Way) {
    let mut calculation = Calculation::new("localhostname");
    let mut present = Objects::new();
    for state in states {
        let all: BTreeSet<&ObjectKey> = state.keys().chain(present.keys()).collect();
        let mut keys: Vec<ObjectKey> =
            all.into_iter().filter(|key| state.get(key) != present.get(key)).cloned().collect();
        if way == Way::KeyByKeyReversed {
            keys.reverse();
        }
        for key in &keys {
            for _ in 0..if way == Way::EachTwice { 2 } else { 1 } {
                calculation.handle_object(key, state.get(key));
            }
            if way != Way::AtOnce {
                calculation.take_changes();
            }
        }
        calculation.take_changes();
        present = (*state).clone();
        assert_eq!(*calculation.wanted(), wanted(state), "{} {way:?}", sequence["id"]);
    }
}

/// What is wanted in a state, from nothing.
fn wanted(objects: &Objects) -> Wanted {
    let mut calculation = Calculation::new("localhostname");
    for (key, object) in objects {
        calculation.handle_object(key, Some(object));
    }
    calculation.take_changes();
    calculation.wanted().clone()
}

fn objects(state: &Value) -> Objects {
    let entries = state["state_v3"].as_array().into_iter().flatten();
    let decoded = entries.filter_map(|entry| {
        let key = ObjectKey::parse(entry["key"].as_str().unwrap())?;
        let text = entry["value"].to_string();
        // An object that is not valid is absent: that is how the feed hands it over.
        let object = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Ignore);
        object.ok().map(|object| (key, object))
    });
    decoded.collect()
}

fn departure(state: &Value) -> Option<&'static str> {
    let sets = state["expect"]["ip_sets"].as_array()?;
    let has_service = |set: &Value| set["type"] == "service_with_ports" || set["type"] == "service_ips";
    let is_filled = |set: &&Value| has_service(set) && set["members"] != json!([]);
    if sets.iter().any(|set| is_filled(&set)) {
        return Some("services and their endpoints are objects of Kubernetes, not of the datastore");
    }
    let objects = state["state_v3"].as_array()?;
    let interface = |object: &Value| object["value"]["spec"]["interfaceName"].as_str().map_or(0, str::len);
    let is_long = |object: &Value| object["value"]["kind"] == "WorkloadEndpoint" && interface(object) > 15;
    objects
        .iter()
        .any(is_long)
        .then_some("an endpoint names an interface that Linux cannot have: it is not valid")
}

fn check_state(state: &Value) -> Result<(), String> {
    let wanted = wanted(&objects(state));
    let expected = &state["expect"];
    same("policies", policies(&wanted), texts(&expected["active_policies"]))?;
    let profiles: BTreeSet<String> = wanted
        .endpoints
        .values()
        .flat_map(|endpoint| &endpoint.profiles)
        .map(|name| name.to_string())
        .collect();
    let expected_profiles = expected["active_profiles"].as_array().into_iter().flatten();
    same("profiles", profiles, expected_profiles.map(|name| name.as_str().unwrap().to_owned()).collect())?;
    same("sets", sets(&wanted), expected_sets(&expected["ip_sets"]))?;
    let orders: [(&str, TiersOf); 3] = [
        ("endpoint_policy_order", |endpoint| &endpoint.tiers),
        ("endpoint_untracked_order", |endpoint| &endpoint.untracked),
        ("endpoint_pre_dnat_order", |endpoint| &endpoint.pre_dnat),
    ];
    for (field, tiers) in orders {
        same(field, order(&wanted, tiers), expected_order(&expected[field]))?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

fn policies(wanted: &Wanted) -> BTreeSet<String> {
    wanted.policies.keys().map(|id| policy(id).to_string()).collect()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(ToString::to_string).collect()
}

fn policy(id: &ObjectKey) -> Value {
    json!({"kind": id.kind.as_str(), "namespace": id.namespace.as_deref().unwrap_or_default(), "name": id.name})
}

fn sets(wanted: &Wanted) -> BTreeMap<SetKey, BTreeSet<Member>> {
    wanted.sets.iter().map(|(key, set)| (key.clone(), set.members().into_iter().collect())).collect()
}

fn expected_sets(value: &Value) -> BTreeMap<SetKey, BTreeSet<Member>> {
    value.as_array().into_iter().flatten().map(expected_set).collect()
}

fn expected_set(set: &Value) -> (SetKey, BTreeSet<Member>) {
    let text = |field: &str| set[field].as_str().unwrap().to_owned();
    let selector = || SelectorText::of(&text("selector").parse().unwrap());
    let key = match set["type"].as_str().unwrap() {
        "selector" => SetKey::Addresses(selector()),
        "named_port" => {
            let probe: PortMember = port_member(&format!("::,{}:1", text("protocol")));
            SetKey::NamedPort {
                selector: selector(),
                protocol: Some(probe.protocol),
                name: text("port_name"),
            }
        }
        _ => {
            let service = text("service");
            let (namespace, name) = service.split_once('/').unwrap();
            SetKey::Service { namespace: namespace.to_owned(), name: name.to_owned() }
        }
    };
    let member = |text: &str| match text.contains(',') {
        true => Member::Port(port_member(text)),
        false => Member::Network(text.parse().unwrap()),
    };
    (key, set["members"].as_array().unwrap().iter().map(|text| member(text.as_str().unwrap())).collect())
}

/// The tiers with policies of each endpoint that has any.
fn order(wanted: &Wanted, tiers: TiersOf) -> BTreeMap<String, Value> {
    let policies = |ids: &[margay_policy::ObjectId]| Value::Array(ids.iter().map(|id| policy(id)).collect());
    let tier = |tier: &TierPolicies| json!({"tier": *tier.name, "ingress": policies(&tier.ingress), "egress": policies(&tier.egress)});
    let order = |endpoint: &Endpoint| Value::Array(tiers(endpoint).iter().map(tier).collect());
    let named = wanted.endpoints.iter().map(|(id, endpoint)| (endpoint_name(id), order(endpoint)));
    named.filter(|(_, order)| *order != json!([])).collect()
}

fn expected_order(value: &Value) -> BTreeMap<String, Value> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter(|(_, order)| **order != json!([]))
        .map(|(name, order)| (name.clone(), order.clone()))
        .collect()
}

fn endpoint_name(id: &ObjectKey) -> String {
    if id.kind == Kind::HostEndpoint {
        return id.name.clone();
    }
    let name = EndpointName::parse(&id.name).unwrap();
    format!("{}/{}/{}", name.orchestrator, name.workload, name.endpoint)
}

#[test]
fn tiers_and_policies_are_sorted_as_recorded() {
    let records = read_corpus("calc.jsonl.zst");
    judge("orders of tiers", &of_kind(&records, "tier_policy_sort"), check_tiers, |_| None);
    judge("orders of policies", &of_kind(&records, "policy_sort"), check_policies, |_| None);
}

/// One policy in each tier: the tiers appear in the order in which an endpoint has them.
fn check_tiers(record: &Value) -> Result<(), String> {
    let mut objects = vec![workload()];
    for tier in record["input"].as_array().unwrap() {
        let name = tier["name"].as_str().unwrap();
        if tier["exists"] == true {
            objects.push(object("Tier", None, name, &json!({"order": tier["order"]})));
        }
        objects.push(object("GlobalNetworkPolicy", None, &format!("{name}.p"), &json!({"tier": name})));
    }
    let expected = names(&record["expected"]);
    same("tiers", endpoint(&objects).tiers.iter().map(|tier| tier.name.to_string()).collect(), expected)
}

/// The policies that an endpoint of each namespace has: those of the cluster and of its namespace, without staged ones.
fn check_policies(record: &Value) -> Result<(), String> {
    let given = record["input"].as_array().unwrap();
    let namespaces: BTreeSet<&str> =
        given.iter().map(|policy| policy["namespace"].as_str().unwrap()).collect();
    for namespace in namespaces {
        let mut objects = vec![workload_in(if namespace.is_empty() { "default" } else { namespace })];
        for policy in given {
            let own = policy["namespace"].as_str().filter(|own| !own.is_empty());
            let (kind, name) = (policy["kind"].as_str().unwrap(), policy["name"].as_str().unwrap());
            if !kind.starts_with("Staged") {
                objects.push(object(kind, own, name, &json!({"order": policy["order"]})));
            }
        }
        let endpoint = endpoint(&objects);
        let found: Vec<Value> =
            endpoint.tiers.iter().flat_map(|tier| &tier.ingress).map(|id| policy(id)).collect();
        let is_here = |policy: &&Value| {
            let own = policy["namespace"].as_str().unwrap();
            (own.is_empty() || own == namespace) && !policy["kind"].as_str().unwrap().starts_with("Staged")
        };
        let expected = record["expected"].as_array().unwrap().iter().filter(is_here);
        let identity = |policy: &Value| json!({"kind": policy["kind"], "namespace": policy["namespace"], "name": policy["name"]});
        same("policies", found, expected.map(identity).collect())?;
    }
    Ok(())
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn workload() -> (ObjectKey, AnyObject) {
    workload_in("default")
}

fn workload_in(namespace: &str) -> (ObjectKey, AnyObject) {
    let spec = json!({
        "node": "localhostname", "orchestrator": "o", "workload": "w", "endpoint": "e", "interfaceName": "cali0",
    });
    object("WorkloadEndpoint", Some(namespace), "localhostname-o-w-e", &spec)
}

fn object(kind: &str, namespace: Option<&str>, name: &str, spec: &Value) -> (ObjectKey, AnyObject) {
    let mut value = json!({
        "apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    if let Some(namespace) = namespace {
        value["metadata"]["namespace"] = namespace.into();
    }
    let text = value.to_string();
    let object = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap();
    (ObjectKey::from(&object), object)
}

fn endpoint(objects: &[(ObjectKey, AnyObject)]) -> Endpoint {
    let wanted = wanted(&objects.iter().cloned().collect());
    (**wanted.endpoints.values().next().unwrap()).clone()
}
