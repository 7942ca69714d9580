//! The answer to `GET /v1/groups`.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use margay_control::{ExportGroup, ExportGroups};

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::daemon::DaemonRequest;
use crate::speaker::{PeerKey, SpeakerCounts};

/// The export groups: peers of one group are sent the same octets.
#[utoipa::path(get, path = "/v1/groups", responses((status = 200, body = ExportGroups), Unanswered))]
pub(super) async fn get_groups(State(api): State<Api>) -> Result<Json<ExportGroups>, ApiError> {
    let peers = api.ask_daemon(DaemonRequest::Peers).await?;
    let names = peers.iter().map(|peer| (peer.key, peer.config.name.as_str())).collect();
    Ok(Json(ExportGroups { groups: groups(&api.counts().await?, &names) }))
}

/// The groups by family and number. A peer that has just been removed has no name any more, and is left out.
fn groups(counts: &SpeakerCounts, names: &HashMap<PeerKey, &str>) -> Vec<ExportGroup> {
    let mut groups: BTreeMap<(String, u64), ExportGroup> = BTreeMap::new();
    for (key, families) in &counts.peers {
        let Some(name) = names.get(key) else { continue };
        for family in families {
            let Some(number) = family.routes.group else { continue };
            let id = (family.family.to_string(), number);
            let group = groups.entry(id).or_insert_with_key(|(family, group)| ExportGroup {
                family: family.clone(),
                group: *group,
                members: Vec::new(),
                too_long: 0,
            });
            group.members.push((*name).to_owned());
            group.too_long = group.too_long.max(family.routes.too_long as u64);
        }
    }
    let sorted = |mut group: ExportGroup| {
        group.members.sort_unstable();
        group
    };
    groups.into_values().map(sorted).collect()
}

#[cfg(test)]
mod tests {
    use bgp_codec::Family;
    use margay_rib::PeerCounts;

    use super::*;
    use crate::speaker::FamilyCounts;

    #[test]
    fn a_group_names_its_members_in_order() {
        let family = |family, group| FamilyCounts {
            family,
            routes: PeerCounts { group: Some(group), ..PeerCounts::default() },
            end_of_rib_received: true,
        };
        let (v4, v6) = (Family::IPV4_UNICAST, Family::IPV6_UNICAST);
        let counts = SpeakerCounts {
            peers: vec![
                (PeerKey(2), vec![family(v4, 1), family(v6, 1)]),
                (PeerKey(1), vec![family(v4, 1)]),
                (PeerKey(3), vec![family(v4, 7)]),
                (PeerKey(4), vec![family(v4, 7)]),
            ],
            ..SpeakerCounts::default()
        };
        let names = HashMap::from([(PeerKey(1), "a"), (PeerKey(2), "b"), (PeerKey(3), "c")]);
        let seen: Vec<_> = groups(&counts, &names)
            .into_iter()
            .map(|group| (group.family, group.group, group.members.join(" ")))
            .collect();
        let row = |family: &str, group, members: &str| (family.to_owned(), group, members.to_owned());
        assert_eq!(
            seen,
            [row("ipv4-unicast", 1, "a b"), row("ipv4-unicast", 7, "c"), row("ipv6-unicast", 1, "b")]
        );
    }
}
