//! Names of endpoints, keys, and what selectors of policies mean.

use margay_cluster::document::read_json;
use margay_cluster::ipam::{AffinityState, read_block_affinity};
use margay_cluster::key::{Key, NodeStatusKey, Region, WorkloadStatusKey, status_file_name};
use margay_cluster::object::{
    EndpointName, EndpointNameError, EntityRule, GlobalNetworkPolicySpec, NetworkPolicySpec,
    WorkloadEndpoint, entity_scope, global_policy_scope, policy_scope,
};
use margay_cluster::schema::{Schema, UnknownFields, decode};
use margay_cluster::selector::Selector;
use serde_json::{Value, json};

use crate::selectors::labels_of;
use crate::{judge, read_corpus};

#[test]
fn names_keys_and_scopes_are_calicos() {
    let Some(records) = read_corpus("model.jsonl.zst") else { return };
    judge("names, keys and scopes", &records, check, departure);
}

/// Why a record is decided another way here.
fn departure(record: &Value) -> Option<&'static str> {
    let is_old = |field: &str| record[field].as_str().is_some_and(|path| path.starts_with("/calico/v1/"));
    match record["kind"].as_str()? {
        "key" if is_old("path") && record["valid"] == true => {
            Some("a key of the first version: Calico makes it in memory only, and nothing here needs it")
        }
        "legacy_policy_key" => {
            Some("a key of the first version: Calico makes it in memory only, and nothing here needs it")
        }
        _ => None,
    }
}

fn check(record: &Value) -> Result<(), String> {
    match record["kind"].as_str().unwrap() {
        "wep_name_build" => check_build(record),
        "wep_name_match" => check_match(record),
        "wep_name_parse" => check_parse(record),
        "wep_v3_to_v1_key" => check_identity(record),
        "wep_status_filename" => check_status_file(record),
        "key" | "legacy_policy_key" => check_key(record),
        "block_affinity_value" => check_affinity(record),
        "region_key" => check_region(record),
        "entity_selector" => check_entity(record),
        "policy_selector" => check_policy(record),
        // Facts in words; those of this crate have tests of their own.
        "fact" => Ok(()),
        other => panic!("the kind {other} is not known"),
    }
}

fn identity(record: &Value) -> EndpointName {
    let identifiers = &record["identifiers"];
    let text = |field: &str| identifiers[field].as_str().unwrap_or_default().to_owned();
    let orchestrator = text("orchestrator");
    EndpointName {
        workload: text(EndpointName::workload_field(&orchestrator)),
        node: text("node"),
        endpoint: text("endpoint"),
        orchestrator,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("is {found:?}, not {wanted:?}")) }
}

/// Compares with a name, or with the field that must be wrong.
fn same_name(found: Result<String, EndpointNameError>, record: &Value) -> Result<(), String> {
    match (found, record["error_field"].as_str()) {
        (Ok(name), None) => same(name.as_str(), record["name"].as_str().unwrap()),
        (Err(EndpointNameError::Missing(field) | EndpointNameError::Dash(field)), Some(wanted)) => {
            same(field, wanted)
        }
        (found, wanted) => Err(format!("is {found:?}, not {wanted:?}")),
    }
}

fn check_build(record: &Value) -> Result<(), String> {
    let identity = identity(record);
    same_name(if record["allow_prefix"] == true { identity.build_prefix() } else { identity.build() }, record)
}

fn check_match(record: &Value) -> Result<(), String> {
    match identity(record).matches(record["name"].as_str().unwrap()) {
        Ok(matches) => same(json!(matches), record["matches"].clone()),
        Err(EndpointNameError::Missing(field)) => same(Some(field), record["error_field"].as_str()),
        Err(error) => Err(error.to_string()),
    }
}

fn check_parse(record: &Value) -> Result<(), String> {
    match (EndpointName::parse(record["name"].as_str().unwrap()), record["error"] == true) {
        (Ok(found), false) => same(found, identity(record)),
        (Err(_), true) => Ok(()),
        (found, _) => Err(format!("is {found:?}")),
    }
}

/// The identity in the first version's terms: node, orchestrator, namespace and workload, endpoint.
fn check_identity(record: &Value) -> Result<(), String> {
    let object = json!({
        "kind": "WorkloadEndpoint", "apiVersion": "projectcalico.org/v3",
        "metadata": {"name": record["v3"]["name"], "namespace": record["v3"]["namespace"]},
        "spec": with(&record["v3"]["spec"], "interfaceName", "cali0"),
    });
    let object: WorkloadEndpoint = parse(&object)?;
    let identity = EndpointName::of(&object.spec);
    same(
        identity.build().map_err(|error| error.to_string())?.as_str(),
        record["v3"]["name"].as_str().unwrap(),
    )?;
    let workload = format!("{}/{}", record["v3"]["namespace"].as_str().unwrap(), identity.workload);
    let found = json!({
        "Hostname": identity.node, "OrchestratorID": identity.orchestrator, "WorkloadID": workload,
        "EndpointID": identity.endpoint,
    });
    same(&found, &record["v1"])
}

fn with(value: &Value, key: &str, field: &str) -> Value {
    let mut value = value.clone();
    value[key] = field.into();
    value
}

fn parse<T: Schema>(value: &Value) -> Result<T, String> {
    let text = value.to_string();
    decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse)
        .map_err(|problems| problems.to_string())
}

fn check_status_file(record: &Value) -> Result<(), String> {
    let key = &record["key"];
    if key.is_null() {
        return Ok(());
    }
    let text = |field: &str| key[field].as_str().unwrap();
    let found = status_file_name(text("OrchestratorID"), text("WorkloadID"), text("EndpointID"));
    same(found.as_str(), record["filename"].as_str().unwrap())
}

fn check_key(record: &Value) -> Result<(), String> {
    let path = record["path"].as_str().unwrap();
    let found = path.parse::<Key>();
    if record["valid"] == false {
        return same(found.is_err(), true);
    }
    let fields = match found.map_err(|error| error.to_string())? {
        Key::Object(key) => {
            let mut fields = json!({"Kind": key.kind.as_str(), "Name": key.name});
            if let Some(namespace) = key.namespace {
                fields["Namespace"] = namespace.into();
            }
            fields
        }
        Key::NodeStatus(key) | Key::LastNodeStatus(key) => {
            json!({"Hostname": key.host, "RegionString": key.region.to_string()})
        }
        other => return Err(format!("{other:?} is not compared")),
    };
    same(&fields, &record["fields"])
}

fn check_affinity(record: &Value) -> Result<(), String> {
    let affinity =
        read_block_affinity(record["raw"].as_str().unwrap().as_bytes()).map_err(|error| error.to_string())?;
    same(affinity.state.map_or("", AffinityState::as_str), record["state"].as_str().unwrap())
}

fn check_region(record: &Value) -> Result<(), String> {
    let region = |value: &Value| {
        Region(value["region"].as_str().and_then(|text| text.strip_prefix("region-")).map(Into::into))
    };
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    if let Some(build) = record.get("build") {
        let (region, host) = (region(build), text(build, "host"));
        let key = match build["type"].as_str().unwrap() {
            "felix status" => Key::NodeStatus(NodeStatusKey { region, host }),
            _ => Key::WorkloadStatus(WorkloadStatusKey {
                region,
                host,
                orchestrator: text(build, "orchestrator"),
                workload: text(build, "workload"),
                endpoint: text(build, "endpoint"),
            }),
        };
        return same(key.to_string().as_str(), record["path"].as_str().unwrap());
    }
    let list = &record["list"];
    let wanted_region = list.get("region").map(|_| region(list));
    if let Some(prefix) = record.get("prefix") {
        let found = WorkloadStatusKey::prefix(wanted_region.as_ref(), list["host"].as_str());
        return same(found.as_str(), prefix.as_str().unwrap());
    }
    let found_region =
        match record["key"].as_str().unwrap().parse::<Key>().map_err(|error| error.to_string())? {
            Key::NodeStatus(key) => key.region,
            Key::WorkloadStatus(key) => key.region,
            other => return Err(format!("{other:?} has no region")),
        };
    same(json!(wanted_region.is_none_or(|wanted| wanted == found_region)), record["matches"].clone())
}

fn check_entity(record: &Value) -> Result<(), String> {
    let entity: EntityRule = parse(&record["entity"])?;
    let scope = entity_scope(&entity, record["policy_namespace"].as_str());
    let Some(wanted) = record["effective_selector"].as_str() else { return same(scope, None) };
    let scope = scope.ok_or("selects nothing")?;
    same_selection(&scope, wanted, record, "in_set")
}

fn check_policy(record: &Value) -> Result<(), String> {
    let scope = match record["policy_kind"].as_str().unwrap() {
        "NetworkPolicy" => {
            let spec: NetworkPolicySpec = parse(&record["spec"])?;
            policy_scope(&spec, record["namespace"].as_str().unwrap())
        }
        _ => global_policy_scope(&parse::<GlobalNetworkPolicySpec>(&record["spec"])?),
    };
    same_selection(&scope, record["effective_selector"].as_str().unwrap(), record, "selected")
}

/// Compares what is selected among the record's objects, also by the text that Calico makes.
fn same_selection(scope: &Selector, wanted: &str, record: &Value, field: &str) -> Result<(), String> {
    let wanted: Selector = wanted.parse().map_err(|error| format!("{wanted}: {error}"))?;
    for object in record["objects"].as_array().into_iter().flatten() {
        let labels = labels_of(&object["labels"]);
        let found = (scope.matches(&labels), wanted.matches(&labels));
        // The record's verdict includes notSelector; the scope does not.
        if record["entity"].get("notSelector").is_none() {
            same((json!(found.0), json!(found.1)), (object[field].clone(), object[field].clone()))
        } else {
            same(found.0, found.1)
        }
        .map_err(|fault| format!("{scope} for {}: {fault}", object["what"]))?;
    }
    Ok(())
}
