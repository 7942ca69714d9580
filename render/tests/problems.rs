//! Objects that cannot be used: what is left out, what stays, and what is said.

use std::net::IpAddr;

use margay_cluster::document::read_yaml;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_render::{ExportRule, FamilySpeaker, FileSettings, FilterUse, Snapshot, plan, render};

const NODES: &str = "
kind: Node
apiVersion: projectcalico.org/v3
metadata: { name: a, labels: { rack: one } }
spec: { bgp: { ipv4Address: 10.0.0.1/24 } }
---
kind: Node
apiVersion: projectcalico.org/v3
metadata: { name: b, labels: { rack: one } }
spec: { bgp: { ipv4Address: 10.0.0.2/24 } }
---
kind: BGPConfiguration
apiVersion: projectcalico.org/v3
metadata: { name: default }
spec: { nodeToNodeMeshEnabled: false }
";

fn snapshot(text: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for document in read_yaml(&format!("{NODES}{text}")).expect("YAML") {
        let object = AnyObject::decode(&document, UnknownFields::Refuse).expect("an object");
        let name = object.metadata().name.as_str().to_owned();
        assert!(snapshot.set(object.kind(), &name, Some(&object)));
    }
    snapshot
}

/// What node `a` is to be over IPv4, and what is said.
fn planned(text: &str) -> (FamilySpeaker, Vec<String>) {
    let (speaker, problems) = plan(&snapshot(text), "a");
    let said = problems.iter().map(ToString::to_string).collect();
    (speaker.expect("a speaker").ipv4.expect("IPv4"), said)
}

#[test]
fn a_missing_filter_lets_nothing_pass() {
    let (speaker, said) = planned(
        "---
kind: BGPPeer
apiVersion: projectcalico.org/v3
metadata: { name: tor }
spec: { peerIP: 10.0.0.9, asNumber: 65000, filters: [tor-filter] }
",
    );
    let reject = vec![FilterUse::RejectAll("tor-filter".to_owned())];
    assert_eq!((&speaker.peers[0].import, &speaker.peers[0].export), (&reject, &reject));
    assert_eq!(said, ["BGPPeer tor: its filter tor-filter does not exist or is not valid: nothing passes"]);
}

#[test]
fn lengths_that_no_prefix_has_close_the_filter_and_leave_other_peers_alone() {
    let (speaker, said) = planned(
        "---
kind: BGPFilter
apiVersion: projectcalico.org/v3
metadata: { name: lengths }
spec: { importV4: [{ cidr: 10.0.0.0/16, matchOperator: In, prefixLength: { max: 8 }, action: Reject }] }
---
kind: BGPPeer
apiVersion: projectcalico.org/v3
metadata: { name: one }
spec: { peerIP: 10.0.0.8, asNumber: 65000, filters: [lengths] }
---
kind: BGPPeer
apiVersion: projectcalico.org/v3
metadata: { name: two }
spec: { peerIP: 10.0.0.9, asNumber: 65000 }
",
    );
    assert_eq!(speaker.peers.len(), 2);
    assert_eq!(speaker.peers[0].import, [FilterUse::RejectAll("lengths".to_owned())]);
    assert!(speaker.peers[0].export.is_empty() && speaker.peers[1].import.is_empty());
    assert_eq!(
        said,
        ["BGPFilter lengths: 10.0.0.0/16 has no prefixes of the lengths 16 to 8: nothing passes the filter"]
    );
}

#[test]
fn of_two_peers_for_one_address_the_first_by_name_stays_and_a_global_one_goes_first() {
    let peer = |name: &str, spec: &str| {
        format!(
            "---\nkind: BGPPeer\napiVersion: projectcalico.org/v3\nmetadata: {{ name: {name} }}\nspec: {spec}\n"
        )
    };
    let (speaker, _) = planned(
        &[
            peer("a-node", "{ node: a, peerIP: 10.0.0.9, asNumber: 65001 }"),
            peer("c-global", "{ peerIP: 10.0.0.9, asNumber: 65003 }"),
            peer("b-global", "{ peerIP: 10.0.0.9, asNumber: 65002 }"),
        ]
        .concat(),
    );
    let asns: Vec<u32> = speaker.peers.iter().map(|peer| peer.remote_asn.0).collect();
    assert_eq!(asns, [65_002]);
}

#[test]
fn a_session_follows_on_the_node_that_a_peer_selects_unless_it_is_manual() {
    for (reverse, expected) in [("Auto", vec!["10.0.0.2"]), ("Manual", vec![])] {
        let (speaker, _) = planned(&format!(
            "---
kind: BGPPeer
apiVersion: projectcalico.org/v3
metadata: {{ name: p }}
spec: {{ node: b, peerSelector: rack == 'one', reversePeering: {reverse} }}
"
        ));
        let expected: Vec<IpAddr> = expected.iter().map(|text| text.parse().expect("an address")).collect();
        let found: Vec<IpAddr> = speaker.peers.iter().map(|peer| peer.address).collect();
        assert_eq!(found, expected, "{reverse}");
    }
}

#[test]
fn a_gateway_that_packets_cannot_be_sent_to_is_left_out_alone() {
    for (gateway, expected) in [
        ("10.0.0.254", None),
        ("224.0.0.1", Some("224.0.0.1 is not the address of a router")),
        ("127.0.0.1", Some("127.0.0.1 is not the address of a router")),
        ("10.1.0.9", Some("10.1.0.9 is the peer itself")),
    ] {
        let snapshot = snapshot(&format!(
            "---
kind: BGPPeer
apiVersion: projectcalico.org/v3
metadata: {{ name: tor }}
spec: {{ peerIP: 10.1.0.9, asNumber: 65000, reachableBy: '{gateway}' }}
"
        ));
        let rendered = render(&snapshot, "a", &FileSettings::default()).expect("a file");
        assert!(rendered.toml.contains("address = \"10.1.0.9\""), "{}", rendered.toml);
        assert_eq!(rendered.toml.contains("[[static]]"), expected.is_none(), "{}", rendered.toml);
        let said: Vec<String> = rendered.problems.iter().map(ToString::to_string).collect();
        let wanted = expected.map(|why| format!("BGPPeer tor: reachableBy is left out for 10.1.0.9: {why}"));
        assert_eq!(said, Vec::from_iter(wanted));
    }
}

#[test]
fn a_node_without_addresses_has_no_bgp() {
    let mut snapshot = snapshot("");
    snapshot.nodes.remove("a");
    assert_eq!(plan(&snapshot, "a"), (None, Vec::new()));
}

#[test]
fn addresses_of_services_are_advertised_and_not_learned() {
    let (speaker, _) = planned(
        "---
kind: BGPConfiguration
apiVersion: projectcalico.org/v3
metadata: { name: default }
spec: { serviceClusterIPs: [{ cidr: 10.96.0.0/12 }] }
",
    );
    let network: ipnet::IpNet = "10.96.0.0/12".parse().expect("a network");
    assert_eq!(speaker.services, [network]);
    assert!(speaker.export_rules.contains(&ExportRule::Service(network)));
    assert!(speaker.kernel_rules.iter().any(|rule| rule.network == network));
}
