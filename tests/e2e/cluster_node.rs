//! A node of a cluster that was made for BIRD: blocks and what is elevated or borrowed, metrics that are local
//! preferences, protocol 12, two tables, a tunnel, and what `margay show kernel` counts of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use margay_lab::{Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until};
use serde_json::Value;

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host};
use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, UPDATE, message, open_body, update_body};

/// M of the metric contract.
const HIGHEST: u32 = 2_147_483_647;

const CONFIGURATION: &str = r#"
[kernel]
protocol = 12
table = [254, 100]
preferred_source = ["172.16.0.1"]
onlink = [{ next_hops = "10.99.0.0/16", interface = "vxlan0" }]

[[kernel.import]]
interface = ["cali*"]

[[network]]
prefix = "10.65.1.0/26"
blackhole = true
suppress_more_specific = true

[[network]]
prefix = "10.65.8.0/26"
hold = "unreachable"

[[network]]
prefix = "10.65.8.64/26"
hold = "prohibit"

[[network]]
prefix = "10.96.0.0/12"
require_route = true

[filter.from-nodes]
rules = [
  { match = { local_pref = "2147482624..2147483647" }, action = "accept", set_metric = "2147483647 - local_pref", set_preference = 160 },
  { action = "accept", set_metric = "2147483647 - local_pref" },
]

[filter.to-nodes]
rules = [{ action = "accept", set_local_pref = "2147483647 - metric" }]
"#;

#[test]
fn blocks_are_announced_for_their_pods_and_elevated_and_borrowed_addresses_by_themselves() {
    let node = Node::new();
    let _session = node.session();
    for route in ["10.65.1.5/32 dev cali1", "10.65.1.6/32 dev cali1 metric 512", "10.65.9.7/32 dev cali1"] {
        node.ip(&format!("route add {route}"));
    }
    let ordinary = HIGHEST - 1024;
    let blocks = [("10.65.1.0/26", ordinary), ("10.65.8.0/26", ordinary), ("10.65.8.64/26", ordinary)];
    // A route of metric 0 has the lowest metric there is.
    let alone = [("10.65.1.6/32", HIGHEST - 512), ("10.65.9.7/32", HIGHEST)];
    node.wait_advertised(&[&blocks[..], &alone].concat());

    node.ip("route add 10.96.0.0/12 dev cali1 metric 1024");
    node.wait_advertised(&[&blocks[..], &alone, &[("10.96.0.0/12", ordinary)]].concat());
    node.ip("route del 10.96.0.0/12 dev cali1 metric 1024");
    node.ip("route del 10.65.1.6/32 dev cali1 metric 512");
    node.wait_advertised(&[&blocks[..], &alone[1..]].concat());
}

#[test]
fn learned_routes_have_the_metric_of_their_local_pref_in_every_table_and_are_counted() {
    let node = Node::new();
    let mut session = node.session();
    let foreign = node.counted("others' routes");
    node.ip("route add 10.65.7.0/26 via 172.16.0.3 metric 1024 proto static");
    let near = [172, 16, 0, 2];
    announce(&mut session, HIGHEST - 1024, near, &[2, 7]);
    announce(&mut session, HIGHEST - 512, near, &[3]);
    announce(&mut session, HIGHEST - 1024, [10, 99, 0, 2], &[5]);
    announce(&mut session, HIGHEST - 1024, [192, 0, 2, 9], &[6]);
    let held = [
        "blackhole 10.65.1.0/26 metric 1024",
        "10.65.2.0/26 via 172.16.0.2 dev eth0 src 172.16.0.1 metric 1024",
        "10.65.3.0/26 via 172.16.0.2 dev eth0 src 172.16.0.1 metric 512",
        "10.65.5.0/26 via 10.99.0.2 dev vxlan0 src 172.16.0.1 metric 1024 onlink",
        "unreachable 10.65.8.0/26 metric 1024",
        "prohibit 10.65.8.64/26 metric 1024",
    ];
    let everywhere = "10.65.7.0/26 via 172.16.0.2 dev eth0 src 172.16.0.1 metric 1024";
    node.wait_table(254, &held);
    node.wait_table(100, &[&held[..], &[everywhere]].concat());

    let shown = |label| node.counted(label);
    let labels = ["wanted routes", "installed routes", "refused", "pending", "stale routes"];
    assert_eq!(labels.map(shown), [14, 13, 1, 0, 0]);
    assert_eq!(shown("others' routes"), foreign + 1);
    let text = node.margay.cli("show kernel").unwrap();
    let reason = "10.65.7.0/26  another route of protocol 4 (static) holds this prefix and metric";
    assert!(text.lines().any(|line| line == reason), "{text}");
    let explained = node.margay.cli("explain 10.65.5.0/26").unwrap();
    assert!(explained.contains("via 10.99.0.2 dev vxlan0 onlink"), "{explained}");

    // The prefix is free again; then a route is changed by hand.
    node.ip("route del 10.65.7.0/26 via 172.16.0.3 metric 1024 proto static");
    node.ip("route del 10.65.2.0/26 table 100");
    node.wait_table(254, &[&held[..], &[everywhere]].concat());
    node.wait_table(100, &[&held[..], &[everywhere]].concat());
    wait_until(PATIENCE, "all are installed", || {
        let seen = labels.map(shown);
        if seen == [14, 14, 0, 0, 0] { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    assert_eq!((shown("others' routes"), shown("repaired")), (foreign, 1));

    drop(session);
    let own: Vec<&str> = held.into_iter().filter(|line| !line.contains(" via ")).collect();
    node.wait_table(254, &own);
    node.wait_table(100, &own);
}

/// A node with a pod, a tunnel and one internal peer that dials in.
struct Node {
    margay: Margay,
    here: Namespace,
    there: Namespace,
    _wire: Segment,
    _lab: Lab,
}

impl Node {
    fn new() -> Self {
        let lab = Lab::new().unwrap();
        let wire = lab.segment("wire").unwrap();
        let [here, there] = ["margay", "node2"].map(|label| lab.namespace(label).unwrap());
        wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
        wire.attach(&there, "eth0", &["172.16.0.2/24"]).unwrap();
        let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
        let mut peer = PeerSettings::new("node2", host(margay_lab::Family::Ipv4, 2), MARGAY_ASN);
        peer.passive = true;
        peer.extra = "import = [\"from-nodes\"]\nexport = [\"to-nodes\"]".to_owned();
        settings.peers.push(peer);
        settings.extra = CONFIGURATION.to_owned();
        let mut node =
            Self { margay: Margay::new(&here, settings, &binaries()), here, there, _wire: wire, _lab: lab };
        for link in ["cali1", "vxlan0"] {
            node.ip(&format!("link add {link} type veth peer name far-{link}"));
            node.ip(&format!("link set far-{link} up"));
            node.ip(&format!("link set {link} up"));
        }
        node.margay.start().unwrap();
        node
    }

    fn ip(&self, words: &str) {
        self.here.ip(words).unwrap();
    }

    fn session(&self) -> RawSpeaker {
        let [own, other] = [2, 1].map(|number| host(margay_lab::Family::Ipv4, number));
        let mut speaker = RawSpeaker::dial(&self.there, own, other).unwrap();
        let asn = u16::try_from(MARGAY_ASN).unwrap();
        speaker.send(&message(OPEN, &open_body(4, asn, 90, [172, 16, 0, 2], &[]))).unwrap();
        speaker.read_kind(OPEN).unwrap();
        speaker.send(&message(KEEPALIVE, &[])).unwrap();
        speaker.read_kind(KEEPALIVE).unwrap();
        speaker.send(&message(UPDATE, &update_body(&[], &[], &[]))).unwrap();
        speaker
    }

    /// Waits until the peer has received these prefixes with these local preferences.
    fn wait_advertised(&self, expected: &[(&str, u32)]) {
        let expected: BTreeMap<String, Option<u64>> = expected
            .iter()
            .map(|&(prefix, local_pref)| (prefix.to_owned(), Some(u64::from(local_pref))))
            .collect();
        wait_until(PATIENCE, "what is advertised", || {
            let answer = self.margay.json("show routes --advertised --peer node2");
            let answer = answer.map_err(|error| format!("{error:#}"))?;
            let route = |route: &Value| {
                (route["prefix"].as_str().unwrap_or_default().to_owned(), route["local_pref"].as_u64())
            };
            let seen: BTreeMap<_, _> = answer["routes"].as_array().into_iter().flatten().map(route).collect();
            if seen == expected { Ok(()) } else { Err(format!("{seen:?}\nexpected: {expected:?}")) }
        });
    }

    /// Waits until these are the routes of BIRD's protocol number in a table.
    fn wait_table(&self, table: u32, expected: &[&str]) {
        let mut expected: Vec<String> = expected.iter().map(|&line| line.to_owned()).collect();
        expected.sort();
        wait_until(PATIENCE, &format!("table {table}"), || {
            let shown = self.here.ip_output(&format!("-j route show proto 12 table {table}"));
            let shown = shown.map_err(|error| format!("{error:#}"))?;
            let routes: Vec<Value> = serde_json::from_str(&shown).unwrap_or_default();
            let mut seen: Vec<String> = routes.iter().map(line).collect();
            seen.sort();
            if seen == expected { Ok(()) } else { Err(format!("{seen:#?}\nexpected: {expected:#?}")) }
        });
    }

    /// A number that `margay show kernel` prints.
    fn counted(&self, label: &str) -> u64 {
        let text = self.margay.cli("show kernel").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(label));
        line.and_then(|rest| rest.trim().parse().ok()).unwrap_or_else(|| panic!("{label} in {text}"))
    }
}

/// Announces some 10.65.x.0/26.
fn announce(session: &mut RawSpeaker, local_pref: u32, next_hop: [u8; 4], blocks: &[u8]) {
    let attributes =
        [&[0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4][..], &next_hop, &[0x40, 5, 4], &local_pref.to_be_bytes()]
            .concat();
    let nlri: Vec<u8> = blocks.iter().flat_map(|&block| [26, 10, 65, block, 0]).collect();
    session.send(&message(UPDATE, &update_body(&[], &attributes, &nlri))).unwrap();
}

/// A route in the words of `ip route`, without the number of its next hop object.
fn line(route: &Value) -> String {
    let word = |key: &str| route[key].as_str().map(str::to_owned);
    let named = |name: &str, key: &str| word(key).map(|value| format!("{name} {value}"));
    let metric = route["metric"].as_u64().map(|metric| format!("metric {metric}"));
    let flags = route["flags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let head = [word("type"), word("dst"), named("via", "gateway")];
    // A route that drops packets is on a device in name only.
    let device = named("dev", "dev").filter(|_| route["gateway"].is_string());
    let rest = [device, named("src", "prefsrc"), metric];
    let flags = flags.filter(|&flag| flag == "onlink").map(str::to_owned);
    head.into_iter().chain(rest).flatten().chain(flags).collect::<Vec<_>>().join(" ")
}
