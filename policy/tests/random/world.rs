//! Random objects and packets in a small world, in which names, labels and addresses meet often.

use std::collections::BTreeMap;

use margay_cluster::document::read_json;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_policy::{Packet, Request, Transport};
use serde_json::{Value, json};

/// The objects of a datastore.
pub(crate) type Objects = BTreeMap<ObjectKey, AnyObject>;

/// The node that is looked at.
pub(crate) const NODE: &str = "n1";

/// A source of numbers that a seed determines (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    fn some(&mut self, items: &[&str], most: usize) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| (*self.pick(items)).to_owned()).collect()
    }
}

const V4: &[&str] = &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "192.0.2.9"];
const V6: &[&str] = &["fd00::1", "fd00::2", "fd00::3", "fd00:1::1", "2001:db8::9"];
const NETS_V4: &[&str] =
    &["10.0.0.0/30", "10.0.0.2", "10.0.0.0/16", "0.0.0.0/0", "192.0.2.0/24", "10.0.1.0/24"];
const NETS_V6: &[&str] = &["fd00::/126", "fd00::2", "fd00::/16", "::/0", "2001:db8::/32", "fd00:1::/64"];
const PORTS: &[u16] = &[1, 53, 80, 443, 8080, 65535];
const NAMED_PORTS: &[&str] = &["http", "dns"];
const NAMESPACES: &[&str] = &["default", "other"];
const TIERS: &[&str] = &["default", "first", "absent"];
const PROFILES: &[&str] = &["p1", "p2", "kns.default", "projectcalico-default-allow"];
const SELECTORS: &[&str] = &[
    "all()",
    "a == 'x'",
    "a != 'x'",
    "has(b)",
    "!has(b)",
    "a in {'x', 'y'} && has(b)",
    "b == 'y' || a == 'y'",
    "a starts with 'x'",
    "projectcalico.org/namespace == 'default'",
    "inherited == 'x'",
];
const NAMESPACE_SELECTORS: &[&str] = &["all()", "global()", "c == 'x'", "!has(c)", "c == 'x' || c == 'y'"];

fn is_v6(random: &mut Random) -> bool {
    random.once_in(3)
}

/// A random object: one of about forty identities, so that a history changes the same ones often.
pub(crate) fn object(random: &mut Random) -> (ObjectKey, AnyObject) {
    loop {
        let value = match random.below(16) {
            0..=3 => workload(random),
            4 => host(random),
            5 => network_set(random),
            6 => profile(random),
            7 => tier(random),
            8..=11 => network_policy(random),
            _ => global_policy(random),
        };
        let text = value.to_string();
        // Some combinations of fields are not valid; the next is tried.
        let Ok(mut object) = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse)
        else {
            continue;
        };
        object.apply_defaults();
        return (ObjectKey::from(&object), object);
    }
}

fn envelope(kind: &str, namespace: Option<&str>, name: &str, labels: Value, spec: Value) -> Value {
    let mut metadata = json!({"name": name, "labels": labels});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": metadata, "spec": spec})
}

fn labels(random: &mut Random) -> Value {
    let mut labels = json!({});
    for name in ["a", "b"] {
        if !random.once_in(3) {
            labels[name] = (*random.pick(&["x", "y"])).into();
        }
    }
    labels
}

fn addresses(random: &mut Random) -> Vec<String> {
    let mut addresses = random.some(V4, 2);
    addresses.extend(random.some(V6, 1));
    addresses
}

fn ports(random: &mut Random) -> Vec<Value> {
    let count = random.below(3);
    (0..count)
        .map(|_| {
            let protocol = *random.pick(&["TCP", "UDP", "SCTP"]);
            json!({"name": *random.pick(NAMED_PORTS), "protocol": protocol, "port": *random.pick(PORTS)})
        })
        .collect()
}

fn workload(random: &mut Random) -> Value {
    let number = random.below(6);
    let node = if number < 4 { NODE } else { "n2" };
    let mut spec = json!({
        "node": node, "orchestrator": "o", "workload": format!("w{number}"), "endpoint": "e",
        "interfaceName": format!("cali{number}"), "ipNetworks": addresses(random),
        "profiles": random.some(PROFILES, 2), "ports": ports(random),
    });
    if random.once_in(3) {
        spec["serviceAccountName"] = (*random.pick(&["sa1", "sa2"])).into();
    }
    let namespace = NAMESPACES[number % 2];
    envelope("WorkloadEndpoint", Some(namespace), &format!("{node}-o-w{number}-e"), labels(random), spec)
}

fn host(random: &mut Random) -> Value {
    let number = random.below(3);
    let spec = json!({
        "node": if number < 2 { NODE } else { "n2" }, "interfaceName": format!("eth{number}"),
        "expectedIPs": addresses(random), "profiles": random.some(PROFILES, 1), "ports": ports(random),
    });
    envelope("HostEndpoint", None, &format!("h{number}"), labels(random), spec)
}

fn network_set(random: &mut Random) -> Value {
    let mut nets = random.some(NETS_V4, 2);
    nets.extend(random.some(NETS_V6, 2));
    let spec = json!({"nets": nets});
    let number = random.below(2);
    if random.once_in(2) {
        envelope("GlobalNetworkSet", None, &format!("s{number}"), labels(random), spec)
    } else {
        envelope("NetworkSet", Some(NAMESPACES[number]), &format!("s{number}"), labels(random), spec)
    }
}

fn profile(random: &mut Random) -> Value {
    let mut labels = json!({});
    for name in ["inherited", "a", "pcns.c", "pcsa.d"] {
        if random.once_in(2) {
            labels[name] = (*random.pick(&["x", "y"])).into();
        }
    }
    let spec = json!({
        "labelsToApply": labels, "ingress": rules(random, true, 2), "egress": rules(random, false, 2),
    });
    let name = *random.pick(PROFILES);
    envelope("Profile", None, name, json!({}), spec)
}

fn tier(random: &mut Random) -> Value {
    let name = *random.pick(&TIERS[..2]);
    if name == "default" {
        return envelope("Tier", None, name, json!({}), json!({"order": 1_000_000, "defaultAction": "Deny"}));
    }
    let mut spec = json!({"defaultAction": *random.pick(&["Deny", "Pass"])});
    if !random.once_in(3) {
        spec["order"] = (*random.pick(&[1, 2_000_000])).into();
    }
    envelope("Tier", None, name, json!({}), spec)
}

fn policy_spec(random: &mut Random) -> Value {
    let mut spec = json!({
        "tier": *random.pick(TIERS), "ingress": rules(random, true, 3), "egress": rules(random, false, 3),
    });
    if !random.once_in(3) {
        spec["order"] = (*random.pick(&[-1, 0, 1])).into();
    }
    if !random.once_in(4) {
        spec["selector"] = (*random.pick(SELECTORS)).into();
    }
    if random.once_in(2) {
        spec["types"] =
            random.pick(&[json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])]).clone();
    }
    if random.once_in(6) {
        spec["serviceAccountSelector"] = (*random.pick(&["all()", "d == 'x'"])).into();
    }
    if random.once_in(8) {
        spec["performanceHints"] = json!(["AssumeNeededOnEveryNode"]);
    }
    spec
}

fn network_policy(random: &mut Random) -> Value {
    let number = random.below(5);
    envelope(
        "NetworkPolicy",
        Some(NAMESPACES[number % 2]),
        &format!("np{number}"),
        json!({}),
        policy_spec(random),
    )
}

fn global_policy(random: &mut Random) -> Value {
    let mut spec = policy_spec(random);
    if random.once_in(5) {
        spec["namespaceSelector"] = (*random.pick(&["all()", "c == 'x'"])).into();
    }
    match random.below(6) {
        0 => {
            spec["applyOnForward"] = true.into();
            spec["doNotTrack"] = true.into();
        }
        1 => {
            spec["applyOnForward"] = true.into();
            spec["preDNAT"] = true.into();
            spec["egress"] = json!([]);
            spec["types"] = json!(["Ingress"]);
        }
        2 => spec["applyOnForward"] = true.into(),
        _ => {}
    }
    envelope("GlobalNetworkPolicy", None, &format!("gnp{}", random.below(6)), json!({}), spec)
}

fn rules(random: &mut Random, is_ingress: bool, most: usize) -> Vec<Value> {
    (0..random.below(most + 1)).map(|_| rule(random, is_ingress)).collect()
}

fn rule(random: &mut Random, is_ingress: bool) -> Value {
    let mut rule = json!({"action": *random.pick(&["Allow", "Allow", "Deny", "Log", "Pass"])});
    let protocols = [
        json!("TCP"),
        json!("TCP"),
        json!("UDP"),
        json!("SCTP"),
        json!("UDPLite"),
        json!("ICMP"),
        json!("ICMPv6"),
        json!(1),
        json!(47),
    ];
    let protocol = random.once_in(2).then(|| random.pick(&protocols).clone());
    let has_ports = ["TCP", "UDP", "SCTP"].iter().any(|name| protocol == Some(json!(name)));
    let is_icmp = ["ICMP", "ICMPv6"].iter().any(|name| protocol == Some(json!(name)));
    if random.once_in(5) {
        rule["notProtocol"] = random.pick(&protocols).clone();
    }
    if is_icmp && random.once_in(2) {
        rule["icmp"] = icmp(random);
    }
    if (is_icmp || protocol.is_none()) && random.once_in(4) {
        rule["notICMP"] = icmp(random);
    }
    if random.once_in(8) {
        rule["ipVersion"] = (*random.pick(&[4, 6])).into();
    }
    if is_ingress && rule["action"] == "Allow" && random.once_in(6) {
        rule["http"] = json!({"methods": ["GET"], "paths": [{"prefix": "/a"}]});
    }
    let nets = if is_v6(random) { NETS_V6 } else { NETS_V4 };
    for end in ["source", "destination"] {
        let entity = entity(random, nets, has_ports, protocol.is_none());
        if entity != json!({}) {
            rule[end] = entity;
        }
    }
    if let Some(protocol) = protocol {
        rule["protocol"] = protocol;
    }
    rule
}

fn icmp(random: &mut Random) -> Value {
    let icmp_type = *random.pick(&[0, 8, 128]);
    if random.once_in(2) {
        json!({"type": icmp_type})
    } else {
        json!({"type": icmp_type, "code": random.below(2)})
    }
}

fn entity(random: &mut Random, nets: &[&str], has_ports: bool, has_names: bool) -> Value {
    let mut entity = json!({});
    for field in ["nets", "notNets"] {
        if random.once_in(6) {
            entity[field] = random.some(nets, 2).into();
        }
    }
    if random.once_in(4) {
        entity["selector"] = (*random.pick(SELECTORS)).into();
    }
    if random.once_in(7) {
        entity["notSelector"] = (*random.pick(SELECTORS)).into();
    }
    if random.once_in(8) {
        entity["namespaceSelector"] = (*random.pick(NAMESPACE_SELECTORS)).into();
    }
    if random.once_in(10) {
        entity["serviceAccounts"] =
            random.pick(&[json!({"names": ["sa1"]}), json!({"selector": "d == 'x'"}), json!({})]).clone();
    }
    for field in ["ports", "notPorts"] {
        if (has_ports || has_names) && random.once_in(5) {
            let count = 1 + random.below(2);
            let ports = (0..count).map(|_| port(random, has_ports));
            entity[field] = ports.collect();
        }
    }
    entity
}

fn port(random: &mut Random, has_numbers: bool) -> Value {
    match random.below(3) {
        0 if has_numbers => (*random.pick(PORTS)).into(),
        1 if has_numbers => (*random.pick(&["1:52", "80:443", "1:65535"])).into(),
        _ => (*random.pick(NAMED_PORTS)).into(),
    }
}

/// A random packet.
pub(crate) fn packet(random: &mut Random) -> Packet {
    let addresses = if is_v6(random) { V6 } else { V4 };
    let protocol = *random.pick(&[6, 6, 6, 17, 17, 132, 136, 1, 58, 47]);
    let transport = match protocol {
        6 | 17 | 132 => Transport::Ports { source: *random.pick(PORTS), destination: *random.pick(PORTS) },
        1 | 58 => Transport::Icmp {
            icmp_type: *random.pick(&[0, 8, 128, 255]),
            code: u8::try_from(random.below(2)).unwrap(),
        },
        _ => Transport::Other,
    };
    let request = (protocol == 6 && random.once_in(3)).then(|| Request {
        method: (*random.pick(&["GET", "POST"])).to_owned(),
        target: (*random.pick(&["/a", "/a/b", "/ab", "/b/../a"])).to_owned(),
    });
    Packet {
        source: random.pick(addresses).parse().unwrap(),
        destination: random.pick(addresses).parse().unwrap(),
        protocol,
        transport,
        request,
    }
}
