//! A change that is said not to concern a node does not change its file, whatever the other objects are.

use margay_cluster::document::read_json;
use margay_cluster::object::{AnyObject, Kind};
use margay_cluster::schema::UnknownFields;
use margay_render::{FileSettings, LocalWorkload, Snapshot, concerns, render};
use proptest::prelude::*;

/// The node whose file is looked at.
const OWN: &str = "a";

/// An object that is stored, or removed.
#[derive(Clone, Debug)]
struct Change {
    kind: Kind,
    name: String,
    spec: Option<String>,
    role: u8,
}

impl Change {
    fn object(&self) -> Option<AnyObject> {
        let labels = match self.role {
            0 => "{}".to_owned(),
            role => format!(r#"{{"role":"r{role}"}}"#),
        };
        let text = format!(
            r#"{{"kind":"{}","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{}","labels":{labels}}},"spec":{}}}"#,
            self.kind.as_str(),
            self.name,
            self.spec.as_ref()?
        );
        let document = read_json(text.as_bytes()).expect("JSON");
        let object = AnyObject::decode(&document, UnknownFields::Refuse);
        Some(object.unwrap_or_else(|problems| panic!("{text}: {problems:?}")))
    }
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn a_node() -> impl Strategy<Value = (String, String)> {
    let address = one_of(&["", r#","ipv4Address":"10.0.0.1/24""#, r#","ipv4Address":"10.0.0.2/24""#]);
    let second =
        one_of(&["", "", r#","ipv6Address":"2001:db8::1/64""#, r#","ipv6Address":"2001:db8::2/64""#]);
    let cluster = one_of(&["", "", r#","routeReflectorClusterID":"10.9.9.9""#]);
    let asn = one_of(&[r#""asNumber":64512"#, r#""asNumber":64600"#]);
    let other = one_of(&["", r#","ipv4VXLANTunnelAddr":"10.1.1.1""#]);
    (one_of(&["a", "b", "c"]), asn, address, second, cluster, other).prop_map(
        |(name, asn, address, second, cluster, other)| {
            (name, format!(r#"{{"bgp":{{{asn}{address}{second}{cluster}}}{other}}}"#))
        },
    )
}

fn a_peer() -> impl Strategy<Value = (String, String)> {
    let from = one_of(&[
        "",
        r#""node":"a","#,
        r#""node":"b","#,
        r#""nodeSelector":"role == 'r1'","#,
        r#""nodeSelector":"!has(role)","#,
    ]);
    let to = one_of(&[
        r#""peerIP":"10.0.0.1","asNumber":64512"#,
        r#""peerIP":"10.0.0.2","asNumber":64512"#,
        r#""peerIP":"10.0.0.9","asNumber":65000"#,
        r#""peerIP":"2001:db8::2","asNumber":64512"#,
        r#""peerSelector":"role == 'r2'""#,
        r#""peerSelector":"all()""#,
        r#""localWorkloadSelector":"all()","asNumber":65001"#,
    ]);
    let more = one_of(&["", r#","filters":["f"]"#, r#","filters":["g"]"#, r#","reversePeering":"Manual""#]);
    (one_of(&["p", "q", "w"]), from, to, more).prop_filter_map("not valid", |(name, from, to, more)| {
        let is_of_workload = to.contains("localWorkload");
        let is_valid = !(is_of_workload && more.contains("reverse"));
        is_valid.then(|| (name, format!("{{{from}{to}{more}}}")))
    })
}

fn an_object() -> impl Strategy<Value = (Kind, String, String)> {
    let filter = one_of(&[
        r#"{"importV4":[{"cidr":"10.1.0.0/16","matchOperator":"In","action":"Reject"}]}"#,
        r#"{"exportV4":[{"action":"Accept"}]}"#,
        r#"{"importV4":[{"cidr":"10.1.0.0/16","matchOperator":"In","prefixLength":{"max":8},"action":"Reject"}]}"#,
    ]);
    let configuration = one_of(&[
        "{}",
        r#"{"nodeToNodeMeshEnabled":false}"#,
        r#"{"listenPort":1179,"nodeToNodeMeshEnabled":false}"#,
        r#"{"asNumber":64600}"#,
    ]);
    let node_configuration = one_of(&["{}", r#"{"listenPort":1180}"#, r#"{"logSeverityScreen":"Debug"}"#]);
    let pool = one_of(&[r#"{"cidr":"10.65.0.0/16"}"#, r#"{"cidr":"10.65.0.0/16","disableBGPExport":true}"#]);
    prop_oneof![
        6 => a_node().prop_map(|(name, spec)| (Kind::Node, name, spec)),
        6 => a_peer().prop_map(|(name, spec)| (Kind::BgpPeer, name, spec)),
        2 => (one_of(&["f", "g"]), filter).prop_map(|(name, spec)| (Kind::BgpFilter, name, spec)),
        2 => configuration.prop_map(|spec| (Kind::BgpConfiguration, "default".to_owned(), spec)),
        2 => (one_of(&["node.a", "node.b"]), node_configuration)
            .prop_map(|(name, spec)| (Kind::BgpConfiguration, name, spec)),
        1 => pool.prop_map(|spec| (Kind::IpPool, "pool".to_owned(), spec)),
    ]
}

fn a_change() -> impl Strategy<Value = Change> {
    (an_object(), 0..3_u8, prop::bool::weighted(0.85)).prop_map(|((kind, name, spec), role, stays)| Change {
        kind,
        name,
        spec: stays.then_some(spec),
        role,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_does_not_concern_a_node_leaves_its_file_alone(
        with_workload in any::<bool>(),
        changes in prop::collection::vec(a_change(), 1..30),
    ) {
        let mut snapshot = Snapshot::default();
        if with_workload {
            let networks = vec!["10.65.0.5/32".parse().expect("a network")];
            snapshot.workloads.insert(LocalWorkload { peer: "w".to_owned(), networks });
        }
        let file = |snapshot: &Snapshot| render(snapshot, OWN, &FileSettings::default());
        let mut before = file(&snapshot);
        for change in changes {
            let object = change.object();
            let concerned = concerns(&snapshot, OWN, change.kind, &change.name, object.as_ref());
            snapshot.set(change.kind, &change.name, object.as_ref());
            let after = file(&snapshot);
            prop_assert!(concerned || before == after, "{change:?} of\n{before:?}\nmakes\n{after:?}");
            before = after;
        }
    }
}

#[test]
fn other_nodes_are_of_no_concern_unless_there_is_a_session_with_them() {
    let mut snapshot = Snapshot::default();
    let mut set = |kind: Kind, name: &str, spec: &str, role: u8| {
        let change = Change { kind, name: name.to_owned(), spec: Some(spec.to_owned()), role };
        let object = change.object();
        let concerned = concerns(&snapshot, OWN, kind, name, object.as_ref());
        snapshot.set(kind, name, object.as_ref());
        concerned
    };
    let node = |host: u8| format!(r#"{{"bgp":{{"ipv4Address":"10.0.0.{host}/24"}}}}"#);
    assert!(set(Kind::Node, "a", &node(1), 0));
    assert!(set(Kind::Node, "b", &node(2), 0), "in the mesh every node matters");
    assert!(!set(Kind::Node, "b", &node(2), 1), "a label that no selector asks for");
    assert!(set(Kind::BgpConfiguration, "default", r#"{"nodeToNodeMeshEnabled":false}"#, 0));
    assert!(!set(Kind::Node, "b", &node(3), 1), "there is no mesh");
    let reflectors = r#"{"peerSelector":"role == 'r2'"}"#;
    assert!(set(Kind::BgpPeer, "reflectors", reflectors, 0));
    assert!(set(Kind::Node, "c", &node(4), 2), "a reflector");
    assert!(!set(Kind::Node, "d", &node(5), 1), "not one");
    assert!(!set(Kind::BgpPeer, "of-b", r#"{"node":"b","peerIP":"10.0.0.9","asNumber":65000}"#, 0));
    assert!(set(Kind::BgpPeer, "to-us", r#"{"node":"b","peerIP":"10.0.0.1","asNumber":64512}"#, 0));
    assert!(set(Kind::Node, "a", &node(1), 2), "the own label");
    assert!(set(Kind::Node, "c", &node(4), 0), "the session is there by the other direction alone");
}
