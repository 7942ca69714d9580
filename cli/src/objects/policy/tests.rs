//! Explanations and expectations over small clusters in files.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;
use crate::objects::memory_store::MemoryStore;

/// Two pods, one of which only lets the other in at port 80, and a profile that lets everything through.
const OBJECTS: &str = "\
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: n1-k8s-client-eth0, namespace: default, labels: {role: client}}
spec: {node: n1, orchestrator: k8s, pod: client, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.1/32, fd00::1/128], profiles: [open]}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: n2-k8s-server-eth0, namespace: default, labels: {role: server}}
spec: {node: n2, orchestrator: k8s, pod: server, endpoint: eth0, interfaceName: cali2, ipNetworks: [10.0.0.2/32, fd00::2/128], profiles: [open]}
---
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: open}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: web, namespace: default}
spec:
  selector: role == 'server'
  ingress:
  - {action: Allow, protocol: TCP, source: {selector: role == 'client'}, destination: {ports: [80]}, http: {methods: [GET]}}
";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("margay-policy-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        folder.write("objects.yaml", OBJECTS);
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn expect(file: &Path, text: &str) -> (bool, String) {
    let mut out = Vec::new();
    let code = match ExpectationFile::read(file, text, &[]) {
        Ok(expectations) => expectations.run(false, &mut out).unwrap(),
        Err(problems) => refuse(&problems, &mut out).unwrap(),
    };
    (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
}

#[test]
fn expectations_hold_or_say_what_decided() {
    let folder = Folder::new("expectations");
    let file = folder.0.join("expectations.yaml");
    let (holds, text) = expect(
        &file,
        "\
objects: [objects.yaml]
expectations:
- {from: client, to: default/server, port: 80, verdict: allow}
- {name: other port, from: client, to: server, port: 81, verdict: deny}
- {from: 192.0.2.1, to: server, port: 80, verdict: Deny}
- {from: server, to: client, protocol: icmp, verdict: allow}
- {from: client, to: server, port: 80, http: POST:/, verdict: deny}
",
    );
    assert!(holds, "{text}");
    assert!(text.ends_with("ok client to server\n5 expectations, 0 failed\n"), "{text}");

    let (holds, text) = expect(
        &file,
        "\
objects: [objects.yaml]
expectations:
- {from: client, to: server, port: 81, verdict: allow}
- {from: client, to: nowhere, port: 80, verdict: allow}
",
    );
    assert!(!holds);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("FAILED ") && lines[0].contains("expectations.yaml:3:3: client to server: "),
        "{text}"
    );
    assert!(lines[0].ends_with(
        "TCP port 81 is denied by ingress of workloadendpoint/default/n2-k8s-server-eth0: tier default: end of the tier: Deny"
    ));
    assert!(lines[1].ends_with("client to nowhere: there is no endpoint nowhere"), "{text}");
    assert_eq!(lines[2], "2 expectations, 2 failed");
}

#[test]
fn files_that_are_not_understood_are_refused_with_the_place() {
    let folder = Folder::new("refused");
    let file = folder.0.join("e.yaml");
    let rows = [
        ("expectations: [{from: a, to: b, verdict: maybe}]\n", "e.yaml:1:16: unknown variant `maybe`"),
        ("expectation: []\n", "e.yaml:1:1: expectation is not objects or expectations"),
        ("objects: [objects.yaml]\n", "e.yaml: there are no expectations"),
        ("objects: [absent.yaml]\nexpectations: []\n", "absent.yaml: cannot be read: "),
        ("expectations: 5\n", "e.yaml:1:15: expectations must be a list"),
    ];
    for (text, expected) in rows {
        let (holds, found) = expect(&file, text);
        assert!(!holds && found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn flows_that_cannot_be_are_refused() {
    let rows = [
        ("tcp", None, None, None, "the port is missing: TCP has ports"),
        ("47", Some(80), None, None, "47 has no ports"),
        ("udp", Some(80), Some("8"), None, "UDP has no ICMP type"),
        ("icmp", None, Some("x"), None, "x is not an ICMP type, such as 8, or type and code, such as 3:1"),
        ("udp", Some(80), None, Some("GET:/"), "HTTP needs tcp, not UDP"),
        ("tcp", Some(80), None, Some("GET"), "GET is not an HTTP request, such as GET:/a"),
        (
            "0",
            None,
            None,
            None,
            "the protocol 0 is not tcp, udp, sctp, udplite, icmp, icmpv6 or a number from 1 to 255",
        ),
    ];
    for (protocol, port, icmp, http, expected) in rows {
        let text = flow::FlowText { protocol, port, source_port: None, icmp, http };
        assert_eq!(Flow::new(&text).unwrap_err(), expected);
    }
}

#[test]
fn an_explanation_has_every_step() {
    let folder = Folder::new("explanation");
    let manifests = manifest::read(&[folder.0.join("objects.yaml")], None).unwrap();
    let cluster = Cluster::of_manifests(&manifests);
    let text = flow::FlowText { protocol: "tcp", port: Some(80), source_port: None, icmp: None, http: None };
    let flow = Flow::new(&text).unwrap();
    let parties = &Parties::find(&cluster, "10.0.0.1", "server", None).unwrap()[0];
    let judgements = flow.judge(&cluster, parties);
    assert_eq!(
        view::as_text(&flow, parties, &judgements),
        "\
workloadendpoint/default/n1-k8s-client-eth0 (10.0.0.1) to workloadendpoint/default/n2-k8s-server-eth0 (10.0.0.2), TCP port 80: allowed

egress of workloadendpoint/default/n1-k8s-client-eth0: allowed
  profile open: egress[0] matches: Allow

ingress of workloadendpoint/default/n2-k8s-server-eth0: allowed
  tier default: networkpolicy/default/web: ingress[0] matches: Allow
"
    );
    let error = Parties::find(&cluster, "192.0.2.1", "192.0.2.2", None).unwrap_err();
    assert_eq!(error, "neither 192.0.2.1 nor 192.0.2.2 is an endpoint: nothing is enforced between them");
    let error =
        Parties::find(&cluster, "192.0.2.1", "server", Some(crate::arguments::objects::FamilyArgument::Ipv6));
    assert_eq!(error.unwrap_err(), "192.0.2.1 and server do not both have an address of IPv6");
}

#[test]
fn objects_of_the_datastore_that_are_not_valid_are_left_out_and_named() {
    let mut store = MemoryStore::default();
    let root = margay_cluster::key::ObjectKey::ROOT;
    store.put(&format!("{root}profiles/open"), &json!({"apiVersion": "projectcalico.org/v3", "kind": "Profile", "metadata": {"name": "open"}, "spec": {}}));
    store.put_octets(&format!("{root}tiers/t"), b"{".to_vec());
    let (cluster, problems) = Cluster::of_store(&mut store).unwrap();
    assert_eq!(cluster.objects.len(), 1);
    assert!(problems[0].starts_with("tier/t is left out: "), "{problems:?}");
}

#[test]
fn what_can_hardly_be_meant_is_warned_about() {
    let folder = Folder::new("warnings");
    let file = folder.write(
        "policy.yaml",
        "\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: odd}
spec:
  selector: role == 'server'
  ingress:
  - {action: Allow, protocol: TCP, notProtocol: TCP}
  - {action: Allow, protocol: TCP, source: {nets: [10.0.0.0/8]}}
  - {action: Deny, protocol: TCP, source: {nets: [10.1.0.0/16]}, destination: {ports: [80]}}
  - {action: Deny, source: {selector: role == 'nobody'}}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: unused}
spec: {selector: role == 'nobody'}
",
    );
    let alone = manifest::read(std::slice::from_ref(&file), None).unwrap();
    let rules = [
        "warning: globalnetworkpolicy/odd: ingress[0]: never matches: protocol and notProtocol are the same",
        "warning: globalnetworkpolicy/odd: ingress[2]: never decides: ingress[1] matches everything that it matches",
    ];
    assert_eq!(warnings(&alone), rules, "without endpoints, selectors may select others");
    let whole = manifest::read(&[folder.0.join("objects.yaml"), file], None).unwrap();
    let selections = [
        "warning: globalnetworkpolicy/odd: ingress[3]: role == \"nobody\" selects no endpoint and no network set with addresses",
        "warning: globalnetworkpolicy/unused: selector: selects no endpoint",
    ];
    assert_eq!(warnings(&whole), [rules.as_slice(), &selections].concat());
}
