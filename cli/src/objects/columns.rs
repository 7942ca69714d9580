//! Tables of objects: which fields of each kind are worth a column.

use margay_cluster::object::Kind;
use serde_json::Value;

use super::query::Stored;
use crate::table::{Align, Table};

/// A column: its title and where in an object its value is.
type Column = (&'static str, &'static str);

/// The columns of a kind after the name; the second list is for wide tables only.
fn columns_of(kind: Kind) -> (&'static [Column], &'static [Column]) {
    match kind {
        Kind::Node => (
            &[
                ("ASN", "/spec/bgp/asNumber"),
                ("IPV4", "/spec/bgp/ipv4Address"),
                ("IPV6", "/spec/bgp/ipv6Address"),
            ],
            &[("CLUSTER ID", "/spec/bgp/routeReflectorClusterID"), ("VXLAN", "/spec/ipv4VXLANTunnelAddr")],
        ),
        Kind::BgpPeer => (
            &[("PEERIP", "/spec/peerIP"), ("NODE", "/spec/node"), ("ASN", "/spec/asNumber")],
            &[("NODES", "/spec/nodeSelector"), ("PEERS", "/spec/peerSelector"), ("FILTERS", "/spec/filters")],
        ),
        Kind::BgpConfiguration => (
            &[
                ("LOGSEVERITY", "/spec/logSeverityScreen"),
                ("MESH", "/spec/nodeToNodeMeshEnabled"),
                ("ASN", "/spec/asNumber"),
            ],
            &[("PORT", "/spec/listenPort"), ("BIND", "/spec/bindMode")],
        ),
        Kind::IpPool => (
            &[("CIDR", "/spec/cidr"), ("SELECTOR", "/spec/nodeSelector")],
            &[
                ("NAT", "/spec/natOutgoing"),
                ("IPIP", "/spec/ipipMode"),
                ("VXLAN", "/spec/vxlanMode"),
                ("DISABLED", "/spec/disabled"),
                ("BLOCK", "/spec/blockSize"),
                ("USES", "/spec/allowedUses"),
            ],
        ),
        Kind::IpReservation => (&[("CIDRS", "/spec/reservedCIDRs")], &[]),
        Kind::NetworkPolicy
        | Kind::GlobalNetworkPolicy
        | Kind::StagedNetworkPolicy
        | Kind::StagedGlobalNetworkPolicy => (
            &[("TIER", "/spec/tier"), ("ORDER", "/spec/order")],
            &[("SELECTOR", "/spec/selector"), ("TYPES", "/spec/types")],
        ),
        Kind::Tier => (&[("ORDER", "/spec/order"), ("DEFAULT", "/spec/defaultAction")], &[]),
        Kind::NetworkSet | Kind::GlobalNetworkSet => (&[("NETS", "/spec/nets")], &[]),
        Kind::HostEndpoint => (
            &[("NODE", "/spec/node"), ("INTERFACE", "/spec/interfaceName"), ("IPS", "/spec/expectedIPs")],
            &[("PROFILES", "/spec/profiles")],
        ),
        Kind::WorkloadEndpoint => (
            &[
                ("WORKLOAD", "/spec/pod"),
                ("NODE", "/spec/node"),
                ("NETWORKS", "/spec/ipNetworks"),
                ("INTERFACE", "/spec/interfaceName"),
            ],
            &[("ORCHESTRATOR", "/spec/orchestrator"), ("PROFILES", "/spec/profiles")],
        ),
        Kind::ClusterInformation => (
            &[("READY", "/spec/datastoreReady"), ("TYPE", "/spec/clusterType")],
            &[("GUID", "/spec/clusterGUID"), ("VERSION", "/spec/calicoVersion")],
        ),
        Kind::CalicoNodeStatus => (&[("NODE", "/spec/node"), ("CLASSES", "/spec/classes")], &[]),
        Kind::Profile
        | Kind::BgpFilter
        | Kind::FelixConfiguration
        | Kind::KubeControllersConfiguration
        | Kind::StagedKubernetesNetworkPolicy
        | Kind::LiveMigration => (&[], &[]),
    }
}

/// A table for each kind, with an empty line between two.
pub(crate) fn tables(found: &[Stored], is_wide: bool, show_namespaces: bool) -> String {
    let mut tables = Vec::new();
    let mut rest = found;
    while let Some(first) = rest.first() {
        let kind = first.key.kind;
        let (same, others) = rest.split_at(rest.iter().take_while(|stored| stored.key.kind == kind).count());
        tables.push(table(kind, same, is_wide, show_namespaces).to_string());
        rest = others;
    }
    if tables.is_empty() { "no objects\n".to_owned() } else { tables.join("\n") }
}

fn table(kind: Kind, found: &[Stored], is_wide: bool, show_namespaces: bool) -> Table {
    let columns = shown_columns(kind, is_wide, show_namespaces);
    let mut table = Table::with_columns(columns.iter().map(|(title, _)| (*title, Align::Left)));
    for stored in found {
        table.push_row(cells(stored, &columns));
    }
    table
}

/// The columns of a kind, the name first.
pub(crate) fn shown_columns(kind: Kind, is_wide: bool, show_namespaces: bool) -> Vec<Column> {
    let (usual, wide) = columns_of(kind);
    let namespace = (show_namespaces && kind.is_namespaced()).then_some(("NAMESPACE", "/metadata/namespace"));
    let wide = wide.iter().filter(|_| is_wide);
    namespace
        .into_iter()
        .chain([("NAME", "/metadata/name")])
        .chain(usual.iter().chain(wide).copied())
        .collect()
}

/// The values of an object in these columns.
pub(crate) fn cells(stored: &Stored, columns: &[Column]) -> Vec<String> {
    columns.iter().map(|(_, pointer)| cell(stored.document.pointer(pointer))).collect()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(","),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use margay_cluster::key::ObjectKey;
    use serde_json::json;

    use super::*;

    fn stored(kind: &str, name: &str, spec: Value) -> Stored {
        let key = ObjectKey::parse(&format!("/calico/resources/v3/projectcalico.org/{kind}/{name}")).unwrap();
        Stored {
            document: json!({"metadata": {"name": key.name, "namespace": key.namespace}, "spec": spec}),
            key,
        }
    }

    #[test]
    fn tables_have_the_columns_of_their_kinds() {
        let found = [
            stored(
                "ippools",
                "a",
                json!({"cidr": "10.0.0.0/16", "nodeSelector": "all()", "natOutgoing": true}),
            ),
            stored(
                "networkpolicies",
                "blue/p",
                json!({"tier": "default", "order": 5, "types": ["Ingress", "Egress"]}),
            ),
        ];
        assert_eq!(
            tables(&found, false, false),
            "NAME  CIDR         SELECTOR\na     10.0.0.0/16  all()\n\nNAME  TIER     ORDER\np     default  5\n"
        );
        let wide = tables(&found, true, true);
        assert!(wide.contains("NAMESPACE  NAME  TIER     ORDER  SELECTOR  TYPES\nblue       p     default  5                Ingress,Egress\n"), "{wide}");
        assert_eq!(tables(&[], false, false), "no objects\n");
    }
}
