//! `margay datastore check`: what is wrong with everything that is stored, taken together.

mod addresses;
mod contents;
mod filters;
mod finding;
mod references;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use margay_cluster::key::ROOT;
use serde_json::json;

use self::contents::Contents;
use self::finding::{Finding, Severity};
use self::references::SecretLookup;
use super::store::Store;
use crate::object_error::ObjectError;
use crate::run_error::RunError;

pub(crate) fn run(
    store: &mut impl Store,
    secrets: Option<&Path>,
    json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let has_secret =
        |secret: &str, key: &str| secrets.is_none_or(|folder| folder.join(secret).join(key).is_file());
    let (findings, count) = check(store, &has_secret)?;
    for finding in &findings {
        let (severity, subject, message) = (finding.severity.as_str(), &finding.subject, &finding.message);
        if json {
            writeln!(out, "{}", json!({"severity": severity, "subject": subject, "message": message}))?;
        } else {
            writeln!(out, "{severity}: {subject}: {message}")?;
        }
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if !json {
        writeln!(out, "{count} entries, {errors} errors, {} warnings", findings.len() - errors)?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that is wrong, and how many entries were looked at.
fn check(store: &mut impl Store, has_secret: SecretLookup<'_>) -> Result<(Vec<Finding>, usize), ObjectError> {
    let entries = store.list(ROOT)?;
    let mut findings = Vec::new();
    let contents = Contents::read(&entries, &mut findings);
    references::check(&contents, has_secret, &mut findings);
    addresses::check(&contents, &mut findings);
    findings.extend(margay_policy::warnings(&contents.objects).into_iter().map(Finding::from));
    filters::check(&contents, &mut findings);
    findings.sort();
    findings.dedup();
    Ok((findings, entries.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::objects::memory_store::MemoryStore;

    fn store(objects: &[(&str, &str, Value)]) -> MemoryStore {
        let mut store = MemoryStore::default();
        for (kind, path, spec) in objects {
            let key = format!("/calico/resources/v3/projectcalico.org/{path}");
            let name = path.rsplit('/').next().unwrap();
            let namespace = (path.matches('/').count() > 1).then(|| path.split('/').nth(1).unwrap());
            let labels = spec.get("labels").cloned().unwrap_or_else(|| json!({}));
            let spec = spec.get("spec").cloned().unwrap_or_else(|| spec.clone());
            store.put(
                &key,
                &json!({
                    "apiVersion": "projectcalico.org/v3", "kind": kind,
                    "metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": spec,
                }),
            );
        }
        store
    }

    fn findings(store: &mut MemoryStore) -> Vec<String> {
        let has_secret = |secret: &str, _: &str| secret == "known";
        let (findings, _) = check(store, &has_secret).unwrap();
        findings
            .iter()
            .map(|finding| format!("{}: {}: {}", finding.severity.as_str(), finding.subject, finding.message))
            .collect()
    }

    #[test]
    fn a_sound_cluster_has_no_findings() {
        let mut store = store(&[
            (
                "Node",
                "nodes/n1",
                json!({"labels": {"rack": "r1"}, "spec": {"bgp": {"ipv4Address": "10.0.0.1/24"}}}),
            ),
            (
                "BGPPeer",
                "bgppeers/p",
                json!({"nodeSelector": "rack == 'r1'", "peerIP": "10.0.0.254", "filters": ["f"]}),
            ),
            ("BGPFilter", "bgpfilters/f", json!({"exportV4": [{"action": "Accept"}]})),
            ("IPPool", "ippools/a", json!({"cidr": "10.1.0.0/16"})),
            ("IPPool", "ippools/b", json!({"cidr": "10.2.0.0/16"})),
            ("Tier", "tiers/t", json!({"order": 1})),
            ("GlobalNetworkPolicy", "globalnetworkpolicies/t.x", json!({"tier": "t"})),
            (
                "HostEndpoint",
                "hostendpoints/h",
                json!({"node": "n1", "interfaceName": "eth0", "profiles": ["q"]}),
            ),
            ("Profile", "profiles/q", json!({})),
        ]);
        store.put("/calico/ipam/v2/host/n1/ipv4/block/10.1.0.0-26", &json!({"state": "confirmed"}));
        store.put(
            "/calico/ipam/v2/assignment/ipv4/block/10.1.0.0-26",
            &json!({"cidr": "10.1.0.0/26", "affinity": "host:n1", "allocations": vec![Value::Null; 64]}),
        );
        assert_eq!(findings(&mut store), Vec::<String>::new());
    }

    #[test]
    fn references_that_lead_nowhere_are_found() {
        let mut store = store(&[
            ("Node", "nodes/n1", json!({"labels": {"rack": "r1"}, "spec": {}})),
            ("BGPPeer", "bgppeers/a", json!({"node": "n9", "peerIP": "10.0.0.1", "filters": ["none"]})),
            (
                "BGPPeer",
                "bgppeers/b",
                json!({"nodeSelector": "rack == 'r9'", "peerSelector": "has(nothing)"}),
            ),
            (
                "BGPPeer",
                "bgppeers/c",
                json!({"peerIP": "10.0.0.2", "password": {"secretKeyRef": {"name": "unknown", "key": "k"}}}),
            ),
            (
                "BGPPeer",
                "bgppeers/d",
                json!({"peerIP": "10.0.0.3", "password": {"secretKeyRef": {"name": "known", "key": "k"}}}),
            ),
            ("NetworkPolicy", "networkpolicies/default/x", json!({"tier": "none"})),
            (
                "WorkloadEndpoint",
                "workloadendpoints/default/w",
                json!({"node": "n9", "interfaceName": "cali0", "profiles": ["none"]}),
            ),
        ]);
        assert_eq!(
            findings(&mut store),
            [
                "error: bgppeer/a: filter none does not exist: nothing passes",
                "error: bgppeer/a: node n9 does not exist",
                "error: bgppeer/c: there is no password k in secret unknown",
                "error: networkpolicy/default/x: tier none does not exist: the policy comes after those of all tiers",
                "error: workloadendpoint/default/w: node n9 does not exist",
                "error: workloadendpoint/default/w: profile none does not exist: what no policy allows is denied",
                "warning: bgppeer/b: nodeSelector selects no node",
                "warning: bgppeer/b: peerSelector selects no node",
            ]
        );
    }

    #[test]
    fn policies_that_can_hardly_be_meant_are_found() {
        let rule = json!({"action": "Allow", "source": {"selector": "app == 'absent'"}});
        let mut store = store(&[
            ("Node", "nodes/n1", json!({})),
            ("HostEndpoint", "hostendpoints/h", json!({"node": "n1", "interfaceName": "eth0"})),
            ("GlobalNetworkPolicy", "globalnetworkpolicies/used", json!({"ingress": [rule]})),
            ("GlobalNetworkPolicy", "globalnetworkpolicies/unused", json!({"selector": "app == 'absent'"})),
        ]);
        assert_eq!(
            findings(&mut store),
            [
                "warning: globalnetworkpolicy/unused: selector: selects no endpoint",
                "warning: globalnetworkpolicy/used: ingress[0]: app == \"absent\" selects no endpoint and no network set \
                 with addresses",
            ]
        );
    }

    #[test]
    fn lengths_that_no_prefix_has_are_found() {
        let rule = |operator: &str, lengths: Value| json!({"cidr": "10.0.0.0/16", "matchOperator": operator, "prefixLength": lengths, "action": "Reject"});
        let mut store = store(&[(
            "BGPFilter",
            "bgpfilters/f",
            json!({
                "exportV4": [rule("In", json!({"min": 20})), rule("In", json!({"max": 8}))],
                "importV4": [rule("Equal", json!({"min": 20})), rule("NotEqual", json!({"min": 20}))],
                "importV6": [{
                    "cidr": "fd00::/64", "matchOperator": "NotIn", "prefixLength": {"max": 48}, "action": "Accept",
                }],
            }),
        )]);
        assert_eq!(
            findings(&mut store),
            [
                "error: bgpfilter/f: spec.exportV4[1]: 10.0.0.0/16 has no prefixes of the lengths 16 to 8: nothing passes the filter",
                "error: bgpfilter/f: spec.importV6[0]: fd00::/64 has no prefixes of the lengths 64 to 48: nothing passes the filter",
                "warning: bgpfilter/f: spec.importV4[0]: prefixLength with this matchOperator never matches: In and NotIn take lengths",
                "warning: bgpfilter/f: spec.importV4[1]: prefixLength with this matchOperator always matches: In and NotIn take lengths",
            ]
        );
    }

    #[test]
    fn addresses_that_contradict_each_other_are_found() {
        let mut store = store(&[
            ("Node", "nodes/n1", json!({"bgp": {"ipv4Address": "10.0.0.1/24"}})),
            ("Node", "nodes/n2", json!({"bgp": {"ipv4Address": "10.0.0.1/24"}})),
            ("IPPool", "ippools/a", json!({"cidr": "10.1.0.0/16"})),
            ("IPPool", "ippools/b", json!({"cidr": "10.1.2.0/24"})),
        ]);
        let block =
            |cidr: &str| json!({"cidr": cidr, "affinity": "host:n1", "allocations": vec![Value::Null; 64]});
        store.put("/calico/ipam/v2/assignment/ipv4/block/10.9.0.0-26", &block("10.9.0.0/26"));
        store.put("/calico/ipam/v2/assignment/ipv4/block/10.1.0.0-26", &block("10.1.0.64/26"));
        store.put("/calico/ipam/v2/host/n1/ipv4/block/10.9.0.0-26", &json!({"state": "confirmed"}));
        store.put("/calico/ipam/v2/host/n2/ipv4/block/10.1.0.128-26", &json!({"state": "confirmed"}));
        store.put("/calico/ipam/v2/host/n3/ipv4/block/10.1.0.192-26", &json!({"state": "pending"}));
        assert_eq!(
            findings(&mut store),
            [
                "error: block 10.1.0.0/26: it belongs to node n1, which has no affinity to it",
                "error: block 10.1.0.0/26: its value says that it is 10.1.0.64/26",
                "error: block 10.1.0.128/26: node n2 has an affinity to it, but it does not exist",
                "error: ippool/a: overlaps ippool/b (10.1.2.0/24)",
                "error: node/n1: has the address 10.0.0.1 of node/n2",
                "warning: block 10.1.0.192/26: node n3 has an affinity to it, and does not exist",
                "warning: block 10.9.0.0/26: is in no pool",
            ]
        );
    }

    #[test]
    fn values_that_cannot_be_used_are_found() {
        let mut store = store(&[("IPPool", "ippools/a", json!({"cidr": "10.1.0.1/16"}))]);
        store.put_octets("/calico/resources/v3/projectcalico.org/tiers/t", b"{".to_vec());
        store.put("/calico/something/else", &json!(1));
        store.put(
            "/calico/resources/v3/projectcalico.org/tiers/one",
            &json!({"apiVersion": "projectcalico.org/v3", "kind": "Tier", "metadata": {"name": "other"}, "spec": {}}),
        );
        let found = findings(&mut store);
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found[0].starts_with("error: ippool/a: spec.cidr is \"10.1.0.1/16\""), "{found:#?}");
        assert_eq!(found[1], "error: tier/one: its name is other");
        assert!(found[2].starts_with("error: tier/t: is not JSON: "), "{found:#?}");
        assert_eq!(found[3], "warning: /calico/something/else: the key is not known");
    }
}
