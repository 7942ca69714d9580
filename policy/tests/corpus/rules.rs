//! Rules on packets, and verdicts over tiers and profiles.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::IpNet;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{Action, IcmpFields, IpVersion, Kind, TierAction};
use margay_cluster::value::Protocol;
use margay_policy::{
    ActiveRule, Direction, DispatchMap, EndMatch, Endpoint, Marks, ObjectId, Outcome, Packet, PortMatch,
    PortMember, Program, RuleLists, SelectorText, Set, SetKey, Stage, TierPolicies, Transport, Wanted,
};
use serde_json::{Value, json};

use crate::http::{http_match, request};
use crate::{interpreter, judge, of_kind, read_corpus};

#[test]
fn rules_match_packets_as_recorded() {
    let records = read_corpus("rules.jsonl.zst");
    judge("rules", &of_kind(&records, "match"), check_match, |_| None);
}

#[test]
fn verdicts_are_as_recorded() {
    let records = read_corpus("rules.jsonl.zst");
    judge("verdicts", &of_kind(&records, "verdict"), check_verdict, |_| None);
}

fn check_match(record: &Value) -> Result<(), String> {
    let rule = rule(&record["rule"]);
    let version = if record["family"] == 4 { IpVersion::V4 } else { IpVersion::V6 };
    if record["rendered"] != rule.is_for(version) {
        return Err(format!("is for this family: {}", rule.is_for(version)));
    }
    let (wanted, endpoint) = with_rule(rule, sets(&record["ip_sets"]));
    let program = Program::of(&wanted, Marks::default());
    let map = DispatchMap::of(&endpoint_id(), Stage::Normal, Direction::Ingress);
    let chain = &program.interfaces(&map).unwrap()[INTERFACE];
    for given in record["packets"].as_array().unwrap() {
        let packet = packet(given);
        let verdict = wanted.verdict_on(&endpoint, Stage::Normal, Direction::Ingress, &packet).outcome;
        let programmed = interpreter::run(&program, chain, &packet, Marks::default());
        if given["match"] != (verdict == Outcome::Allow) || programmed != verdict {
            return Err(format!("{verdict:?}, program {programmed:?}, for {given} with {}", record["rule"]));
        }
    }
    Ok(())
}

/// A rule that can never match is not in the chain of its policy, neither for this family nor for the other.
#[test]
fn rules_that_never_match_are_not_programmed() {
    let rules = [
        json!({"ip_version": 6, "src_nets": ["10.0.0.0/8"]}),
        json!({"not_dst_nets": ["0.0.0.0/0"]}),
        json!({"protocol": "icmp", "dst_nets": ["fd00::/8"]}),
        json!({"protocol": "udplite", "dst_ports": [[80, 80]]}),
    ];
    for value in rules {
        let (wanted, _) = with_rule(rule(&value), BTreeMap::new());
        let program = Program::of(&wanted, Marks::default());
        let of_policies = program.chains.iter().filter(|(name, _)| name.starts_with("policy-"));
        assert!(
            of_policies.clone().count() == 2
                && of_policies.into_iter().all(|(_, chain)| chain.rules.is_empty()),
            "{value}"
        );
    }
}

const INTERFACE: &str = "cali1";

fn endpoint_id() -> ObjectId {
    let namespace = Some("default".to_owned());
    Arc::new(ObjectKey { kind: Kind::WorkloadEndpoint, namespace, name: "e".to_owned() })
}

/// One policy with one rule, for one endpoint without profiles.
fn with_rule(rule: ActiveRule, sets: BTreeMap<SetKey, Set>) -> (Wanted, Endpoint) {
    let lists = RuleLists { ingress: vec![rule.clone()], egress: vec![rule] };
    let policy = policy_id("p");
    let mut wanted = Wanted {
        policies: BTreeMap::from([(Arc::clone(&policy), Arc::new(lists))]),
        sets,
        ..Wanted::default()
    };
    let tier = TierPolicies {
        name: "t".into(),
        default_action: TierAction::Deny,
        ingress: vec![Arc::clone(&policy)],
        egress: vec![policy],
    };
    let endpoint =
        Endpoint { interface: Some(INTERFACE.to_owned()), tiers: vec![tier], ..Endpoint::default() };
    wanted.endpoints.insert(endpoint_id(), Arc::new(endpoint.clone()));
    (wanted, endpoint)
}

fn policy_id(name: &str) -> ObjectId {
    let key = ObjectKey { kind: Kind::GlobalNetworkPolicy, namespace: None, name: name.to_owned() };
    Arc::new(key)
}

fn check_verdict(record: &Value) -> Result<(), String> {
    let mut wanted = Wanted::default();
    let mut endpoint = Endpoint::default();
    for (number, tier) in record["tiers"].as_array().unwrap().iter().enumerate() {
        endpoint.tiers.push(self::tier(number, tier, &mut wanted));
    }
    for profile in record["profiles"].as_array().unwrap() {
        let name: Arc<str> = profile["name"].as_str().unwrap().into();
        endpoint.profiles.push(Arc::clone(&name));
        wanted.profiles.insert(name, Arc::new(lists(profile)));
    }
    let direction = if record["direction"] == "ingress" { Direction::Ingress } else { Direction::Egress };
    let mut packet = packet(&record["packet"]);
    packet.request = record.get("http").filter(|http| !http.is_null()).map(request);
    let verdict = wanted.verdict_on(&endpoint, Stage::Normal, direction, &packet);
    // What is not known is denied: an error is not a third kind of verdict.
    let expected = if record["verdict"] == "allow" { Outcome::Allow } else { Outcome::Deny };
    if verdict.outcome == expected { Ok(()) } else { Err(format!("{verdict:?}: {record}")) }
}

/// A tier and its policies. Staged ones are other kinds of objects, which never become policies.
fn tier(number: usize, tier: &Value, wanted: &mut Wanted) -> TierPolicies {
    let mut policies = TierPolicies {
        name: tier["name"].as_str().unwrap().into(),
        default_action: TierAction::Deny,
        ingress: Vec::new(),
        egress: Vec::new(),
    };
    if tier["default_action"] == "Pass" {
        policies.default_action = TierAction::Pass;
    }
    let given = tier["policies"].as_array().unwrap().iter();
    for policy in given.filter(|policy| policy["staged"] != true) {
        let id = policy_id(&format!("{number}.{}", policy["name"].as_str().unwrap()));
        if policy["missing"] != true {
            wanted.policies.insert(Arc::clone(&id), Arc::new(lists(policy)));
        }
        let types = policy["types"].as_array().unwrap();
        if types.contains(&"ingress".into()) {
            policies.ingress.push(Arc::clone(&id));
        }
        if types.contains(&"egress".into()) {
            policies.egress.push(id);
        }
    }
    policies
}

fn lists(value: &Value) -> RuleLists {
    let rules = |field: &str| value[field].as_array().into_iter().flatten().map(rule).collect();
    RuleLists { ingress: rules("ingress"), egress: rules("egress") }
}

pub(crate) fn rule(value: &Value) -> ActiveRule {
    let given = |field: &str| value.get(field).filter(|value| !value.is_null());
    let (protocol, implied) = given("protocol").map_or((None, None), |value| {
        let implied = match value.as_str() {
            Some("icmp") => Some(IpVersion::V4),
            Some("icmpv6") => Some(IpVersion::V6),
            _ => None,
        };
        (Some(protocol(value)), implied)
    });
    let version =
        given("ip_version").map(|version| if *version == 4 { IpVersion::V4 } else { IpVersion::V6 });
    ActiveRule {
        action: match value["action"].as_str() {
            Some("Deny") => Action::Deny,
            Some("Pass") => Action::Pass,
            Some("Log") => Action::Log,
            _ => Action::Allow,
        },
        version: version.or(implied),
        protocol,
        not_protocol: given("not_protocol").map(self::protocol),
        icmp: given("icmp").map(icmp),
        not_icmp: given("not_icmp").map(icmp),
        source: end(value, "src"),
        destination: end(value, "dst"),
        http: given("http").map(http_match),
    }
}

fn protocol(value: &Value) -> u8 {
    match value.as_str() {
        None => u8::try_from(value.as_u64().unwrap()).unwrap(),
        Some("tcp") => Protocol::Tcp.number(),
        Some("udp") => Protocol::Udp.number(),
        Some("icmp") => Protocol::Icmp.number(),
        Some("icmpv6") => Protocol::IcmpV6.number(),
        Some("sctp") => Protocol::Sctp.number(),
        Some("udplite") => Protocol::UdpLite.number(),
        Some(other) => panic!("the protocol {other} is not known"),
    }
}

fn icmp(value: &Value) -> IcmpFields {
    let number = |field: &str| value[field].as_u64().map(|number| u8::try_from(number).unwrap());
    IcmpFields { icmp_type: number("type"), code: number("code") }
}

fn end(value: &Value, end: &str) -> EndMatch {
    let list = |field: String| value[field.as_str()].as_array().cloned().unwrap_or_default();
    let nets = |field: String| list(field).iter().map(network).collect::<Vec<IpNet>>();
    let sets = |field: String| list(field).iter().map(addresses_key).collect::<Vec<SetKey>>();
    let ports = |not: &str| PortMatch {
        ranges: list(format!("{not}{end}_ports")).iter().map(range).collect(),
        named: list(format!("{not}{end}_named_port_sets")).iter().map(ports_key).collect(),
    };
    EndMatch {
        nets: nets(format!("{end}_nets")),
        not_nets: nets(format!("not_{end}_nets")),
        sets: sets(format!("{end}_ip_sets")),
        not_sets: sets(format!("not_{end}_ip_sets")),
        ports: ports(""),
        not_ports: ports("not_"),
    }
}

fn network(value: &Value) -> IpNet {
    margay_cluster::value::parse_network(value.as_str().unwrap()).unwrap()
}

fn range(value: &Value) -> RangeInclusive<u16> {
    let number = |index: usize| u16::try_from(value[index].as_u64().unwrap()).unwrap();
    number(0)..=number(1)
}

fn selector(value: &Value) -> SelectorText {
    SelectorText::of(&format!("id == '{}'", value.as_str().unwrap()).parse().unwrap())
}

fn addresses_key(value: &Value) -> SetKey {
    SetKey::Addresses(selector(value))
}

fn ports_key(value: &Value) -> SetKey {
    SetKey::NamedPort { selector: selector(value), protocol: None, name: "named".to_owned() }
}

fn sets(value: &Value) -> BTreeMap<SetKey, Set> {
    let sets = value.as_object().into_iter().flatten();
    sets.map(|(id, set)| {
        let members = set["members"].as_array().unwrap();
        let id = Value::from(id.as_str());
        if set["type"] == "ip_port" {
            let members = members.iter().map(|member| (port_member(member.as_str().unwrap()), 1)).collect();
            (ports_key(&id), Set::Ports(members))
        } else {
            (addresses_key(&id), Set::Networks(members.iter().map(network).collect()))
        }
    })
    .collect()
}

pub(crate) fn port_member(text: &str) -> PortMember {
    let (address, rest) = text.split_once(',').unwrap();
    let (name, port) = rest.split_once(':').unwrap();
    PortMember {
        address: address.parse().unwrap(),
        protocol: protocol(&name.into()),
        port: port.parse().unwrap(),
    }
}

fn packet(value: &Value) -> Packet {
    let number = |field: &str| value[field].as_u64();
    let octet = |field: &str| u8::try_from(number(field).unwrap()).unwrap();
    let transport = match (number("sport"), number("icmp_type")) {
        (Some(source), _) => Transport::Ports {
            source: u16::try_from(source).unwrap(),
            destination: u16::try_from(number("dport").unwrap()).unwrap(),
        },
        (None, Some(_)) => Transport::Icmp { icmp_type: octet("icmp_type"), code: octet("icmp_code") },
        (None, None) => Transport::Other,
    };
    Packet {
        source: value["src"].as_str().unwrap().parse().unwrap(),
        destination: value["dst"].as_str().unwrap().parse().unwrap(),
        protocol: octet("proto"),
        transport,
        request: None,
    }
}
