//! Metrics of the routing tables and of export groups.

use std::collections::BTreeMap;
use std::fmt;

use super::exposition::Exposition;
use super::snapshot::Snapshot;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let rib = snapshot.counts.rib;
    exposition.gauges(
        "margay_rib_prefixes",
        "Prefixes with at least one path",
        [
            ([("family", "ipv4-unicast")], rib.ipv4_prefixes),
            ([("family", "ipv6-unicast")], rib.ipv6_prefixes),
        ],
    )?;
    exposition.gauge(
        "margay_rib_paths",
        "Paths of all peers, including rejected ones, and own networks",
        rib.paths,
    )?;
    exposition.gauge("margay_rib_attribute_sets", "Distinct sets of path attributes", rib.attribute_sets)?;
    exposition.gauge(
        "margay_rib_export_groups",
        "Export groups: peers of one group are sent the same octets",
        rib.export_groups,
    )?;
    exposition.gauges(
        "margay_rib_export_group_members",
        "Peers with an established session in an export group",
        members(snapshot)
            .into_iter()
            .map(|((family, group), members)| ([("family", family), ("group", group.to_string())], members)),
    )
}

/// Members of each group, by its family and number.
fn members(snapshot: &Snapshot) -> BTreeMap<(String, u64), usize> {
    let families = snapshot.counts.peers.iter().flat_map(|(_, families)| families);
    families
        .filter_map(|counts| {
            Some(((counts.family.to_string(), counts.routes.group?), counts.routes.group_members))
        })
        .collect()
}
