//! Objects and parts of objects that Calico's validator accepts or refuses.

use margay_cluster::document::{Node, read_json};
use margay_cluster::ipam::BlockAffinitySpec;
use margay_cluster::object::{self, AnyObject};
use margay_cluster::schema::{Problems, Schema, UnknownFields, decode};
use margay_cluster::value::{Asn, Dscp, Port, Protocol};
use serde_json::{Value, json};

use crate::{judge, read_corpus};

/// Why a record is decided another way here.
fn departure(record: &Value) -> Option<&'static str> {
    let is_protocol = record["type"].as_str().is_some_and(|name| name.starts_with("Protocol"));
    match (record["id"].as_str()?, record["form"].as_str()?) {
        ("val.rule.015", _) => {
            Some("a port with a name and a number, whose JSON is that of a port with a name")
        }
        (_, "json_text") if is_protocol && !is_valid_protocol(record) => Some(
            "Calico decodes every protocol and refuses it later; here a protocol is good once it is decoded",
        ),
        _ => None,
    }
}

/// Whether the validator of objects accepts the protocol of a record about decoding alone.
fn is_valid_protocol(record: &Value) -> bool {
    let names = ["TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"];
    let number = match serde_json::from_str(record["json"].as_str().unwrap()) {
        Ok(Value::String(text)) if names.contains(&text.as_str()) => return true,
        Ok(Value::String(text)) => text.parse().ok(),
        Ok(value) => value.as_u64(),
        Err(_) => return true,
    };
    number.is_some_and(|number| (1..=255).contains(&number))
}

#[test]
fn objects_are_judged_as_calico_judges_them() {
    let Some(records) = read_corpus("validate.jsonl.zst") else { return };
    judge("objects and parts of objects", &records, check, departure);
}

fn check(record: &Value) -> Result<(), String> {
    match record["form"].as_str().unwrap() {
        "resource" => check_object(record),
        "fragment" => check_fragment(record),
        "default" => check_default(record),
        "json_text" => check_scalar(record),
        other => panic!("the form {other} is not known"),
    }
}

fn check_object(record: &Value) -> Result<(), String> {
    let value = expand(&record["value"]);
    let text = value.to_string();
    let outcome = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse);
    let outcome = outcome.map(|object| object.encode());
    same_verdict(record, &value, outcome)
}

/// Compares verdicts; what is accepted has to come back from its encoding.
fn same_verdict(record: &Value, value: &Value, outcome: Result<Value, Problems>) -> Result<(), String> {
    let about = || format!("{} {}", short(value), record["about"]);
    match (outcome, record["valid"] == true) {
        (Ok(_), true) => Ok(()),
        (Ok(_), false) => Err(format!("is accepted: {}", about())),
        (Err(problems), true) => Err(format!("is refused ({problems}): {}", about())),
        (Err(problems), false) => {
            let wanted = record["min_errors"].as_u64().unwrap_or(1);
            let found = problems.0.len() as u64;
            if found < wanted { Err(format!("{found} problems, not {wanted}: {problems}")) } else { Ok(()) }
        }
    }
}

fn check_fragment(record: &Value) -> Result<(), String> {
    let value = expand(&record["value"]);
    let text = value.to_string();
    let node = read_json(text.as_bytes()).unwrap();
    let outcome = decode_fragment(record["type"].as_str().unwrap(), &node);
    same_verdict(record, &value, outcome)
}

fn decode_fragment(name: &str, node: &Node<'_>) -> Result<Value, Problems> {
    fn as_type<T: Schema>(node: &Node<'_>) -> Result<Value, Problems> {
        decode::<T>(node, UnknownFields::Refuse).map(|value| value.encode())
    }
    match name {
        "BGPConfigurationSpec" => as_type::<object::BgpConfigurationSpec>(node),
        "BGPFilterOperation" => as_type::<object::BgpFilterOperation>(node),
        "BGPFilterRuleV4" => as_type::<object::BgpFilterRuleV4>(node),
        "BGPFilterRuleV6" => as_type::<object::BgpFilterRuleV6>(node),
        "BGPPeerSpec" => as_type::<object::BgpPeerSpec>(node),
        "BlockAffinitySpec" => as_type::<BlockAffinitySpec>(node),
        "EntityRule" => as_type::<object::EntityRule>(node),
        "FelixConfigurationSpec" => as_type::<object::FelixConfigurationSpec>(node),
        "GlobalNetworkSetSpec" | "NetworkSetSpec" => as_type::<object::NetworkSetSpec>(node),
        "HTTPMatch" => as_type::<object::HttpMatch>(node),
        "HostEndpointSpec" => as_type::<object::HostEndpointSpec>(node),
        "ICMPFields" => as_type::<object::IcmpFields>(node),
        "IPNAT" => as_type::<object::IpNat>(node),
        "KubeControllersConfigurationSpec" => as_type::<object::KubeControllersConfigurationSpec>(node),
        "NodeControllerConfig" => as_type::<object::NodeController>(node),
        "NodeSpec" => as_type::<object::NodeSpec>(node),
        "NodeStatus" => as_type::<object::NodeStatus>(node),
        "PolicyControllerConfig" | "ServiceAccountControllerConfig" => {
            as_type::<object::ControllerSettings>(node)
        }
        "ProfileSpec" => as_type::<object::ProfileSpec>(node),
        "ProtoPort" => as_type::<object::ProtocolPort>(node),
        "Protocol" => as_type::<Protocol>(node),
        "Rule" => as_type::<object::Rule>(node),
        "Template" => as_type::<object::HostEndpointTemplate>(node),
        "WorkloadEndpointPort" => as_type::<object::WorkloadEndpointPort>(node),
        "WorkloadEndpointSpec" => as_type::<object::WorkloadEndpointSpec>(node),
        other => panic!("the type {other} is not known"),
    }
}

fn check_default(record: &Value) -> Result<(), String> {
    let text = record["value"].to_string();
    let mut object = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse)
        .map_err(|problems| problems.to_string())?;
    object.apply_defaults();
    let encoded = object.encode();
    let pointer = format!("/{}", record["path"].as_str().unwrap().replace('.', "/"));
    match encoded.pointer(&pointer) {
        Some(found) if *found == record["value_after"] => Ok(()),
        found => Err(format!("{pointer} is {found:?}, not {}", record["value_after"])),
    }
}

fn check_scalar(record: &Value) -> Result<(), String> {
    let text = record["json"].as_str().unwrap();
    let name = record["type"].as_str().unwrap();
    let outcome = read_json(text.as_bytes()).map_err(|error| error.to_string()).and_then(|node| {
        let outcome = match name {
            "ASNumber" => {
                decode::<Asn>(&node, UnknownFields::Refuse).map(|value| (value.encode(), json!(null)))
            }
            "DSCP" | "DSCPString" => decode::<Dscp>(&node, UnknownFields::Refuse)
                .map(|value| (value.encode(), value.number().into())),
            "Port" | "NamedPort" => {
                decode::<Port>(&node, UnknownFields::Refuse).map(|value| (value.encode(), json!(null)))
            }
            "Protocol" | "ProtocolCase" | "ProtocolSupportsPorts" => {
                decode::<Protocol>(&node, UnknownFields::Refuse)
                    .map(|value| (value.encode(), value.has_ports().into()))
            }
            other => panic!("the type {other} is not known"),
        };
        outcome.map_err(|problems| problems.to_string())
    });
    match (outcome, record["valid"] == true) {
        (Err(_), false) => Ok(()),
        (Err(problems), true) => Err(format!("{text} is refused: {problems}")),
        (Ok(_), false) => Err(format!("{text} is accepted")),
        (Ok((encoded, property)), true) => {
            let wanted =
                record["reencodes_to"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
            if wanted.is_some_and(|wanted| wanted != encoded) {
                return Err(format!("{text} becomes {encoded}"));
            }
            let wanted = record.get("supports_ports").or_else(|| record.get("numeric"));
            if wanted.is_some_and(|wanted| *wanted != property) {
                return Err(format!("{text} has {property}"));
            }
            Ok(())
        }
    }
}

/// Writes out `{"$repeat": ["x", 3]}`.
fn expand(value: &Value) -> Value {
    match value {
        Value::Object(map) => match map.get("$repeat") {
            Some(Value::Array(repeat)) => {
                let count = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
                repeat[0].as_str().unwrap().repeat(count).into()
            }
            _ => Value::Object(map.iter().map(|(key, value)| (key.clone(), expand(value))).collect()),
        },
        Value::Array(items) => items.iter().map(expand).collect(),
        other => other.clone(),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}
