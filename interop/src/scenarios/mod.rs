//! The scenarios: what a subject and a peer do together, in the words of no implementation.
//!
//! Each is a file with a drawing and the RFC in its head, what it needs of the daemons, and `run`. A party named `s` is the
//! subject, `p` the peer; probes speak for themselves.

mod add_path;
mod add_path_from_peer;
mod add_path_from_subject;
mod add_path_number;
mod bfd;
mod both_families_one_session;
mod chain;
mod collision;
mod communities_through;
mod dynamic_peers_of_peer;
mod dynamic_peers_of_subject;
mod ecmp_in_kernel;
mod enhanced_refresh;
mod extended_messages;
mod graceful_shutdown;
mod hold_time_three;
mod hold_time_zero;
mod ipv4_over_ipv6;
mod large_table;
mod large_table_to_subject;
mod link_local;
mod local_pref_contest;
mod long_lived_restart;
mod malformed;
mod malformed_attributes;
mod malformed_attributes_to_peer;
mod md5_right;
mod md5_wrong;
mod med_contest;
mod mesh_of_five;
mod nodes_replaced;
mod prefix_limit;
mod prefix_limit_of_peer;
mod prefix_limit_of_subject;
mod rack_with_as;
mod reflection;
mod reflector_hierarchy;
mod reflector_pair_other_cluster;
mod reflector_pair_same_cluster;
mod reflector_peer;
mod reflector_subject;
mod reflectors_with_dynamic_nodes;
mod refresh_of_peer;
mod refresh_of_subject;
mod replace_and_withdraw;
mod restart_of_peer;
mod restart_of_subject;
mod restart_on_notification;
mod roles_match;
mod roles_mismatch;
mod route_refresh;
mod route_server_peer;
mod route_server_subject;
mod session_over_ipv6;
mod session_peer_dials;
mod session_subject_dials;
mod shutdown;
mod shutdown_by_peer;
mod shutdown_by_subject;
mod ttl_security_right;
mod ttl_security_wrong;
mod two_octet_speaker;
mod unknown_attribute_through;
mod well_known_communities;

use anyhow::Result;

use crate::daemon::{Feature, Kind};
use crate::stage::Stage;

/// A scenario.
pub(crate) struct Scenario {
    /// As in the name of its file.
    file: &'static str,
    source: &'static str,
    needs: &'static [Need],
    pub(crate) run: fn(&mut Stage) -> Result<()>,
}

/// What a scenario needs of whom.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    Subject(Feature),
    Peer(Feature),
    Both(Feature),
}

impl Scenario {
    /// Its name, such as `session-subject-dials`.
    pub(crate) fn name(&self) -> String {
        self.file.replace('_', "-")
    }

    /// The text in the head of its file.
    pub(crate) fn head(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines
            .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Why it says nothing about two daemons, if one of them lacks something that it needs.
    pub(crate) fn not_applicable(&self, subject: Kind, peer: Kind) -> Option<&'static str> {
        let (of_subject, of_peer) = (subject.adapter(), peer.adapter());
        self.needs.iter().find_map(|need| match need {
            Need::Subject(feature) => of_subject.lacks(*feature),
            Need::Peer(feature) => of_peer.lacks(*feature),
            Need::Both(feature) => of_subject.lacks(*feature).or_else(|| of_peer.lacks(*feature)),
        })
    }
}

macro_rules! scenarios {
    ($($module:ident),* $(,)?) => {
        &[$(Scenario {
            file: stringify!($module),
            source: include_str!(concat!(stringify!($module), ".rs")),
            needs: $module::NEEDS,
            run: $module::run,
        }),*]
    };
}

/// All scenarios, in the order of the page.
pub(crate) const ALL: &[Scenario] = scenarios![
    session_subject_dials,
    session_peer_dials,
    collision,
    session_over_ipv6,
    link_local,
    both_families_one_session,
    hold_time_three,
    hold_time_zero,
    communities_through,
    well_known_communities,
    unknown_attribute_through,
    two_octet_speaker,
    replace_and_withdraw,
    large_table,
    large_table_to_subject,
    extended_messages,
    ipv4_over_ipv6,
    refresh_of_subject,
    refresh_of_peer,
    enhanced_refresh,
    restart_of_peer,
    restart_of_subject,
    restart_on_notification,
    long_lived_restart,
    md5_right,
    md5_wrong,
    ttl_security_right,
    ttl_security_wrong,
    dynamic_peers_of_subject,
    dynamic_peers_of_peer,
    prefix_limit_of_subject,
    prefix_limit_of_peer,
    roles_match,
    roles_mismatch,
    shutdown_by_subject,
    shutdown_by_peer,
    med_contest,
    local_pref_contest,
    graceful_shutdown,
    route_server_subject,
    route_server_peer,
    reflector_subject,
    reflector_peer,
    reflector_pair_same_cluster,
    reflector_pair_other_cluster,
    reflector_hierarchy,
    add_path_from_subject,
    add_path_from_peer,
    add_path_number,
    malformed_attributes,
    malformed_attributes_to_peer,
    bfd,
    ecmp_in_kernel,
    mesh_of_five,
    rack_with_as,
    reflectors_with_dynamic_nodes,
    nodes_replaced,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_scenario_has_a_drawing_and_an_rfc() {
        for scenario in ALL {
            let head = scenario.head();
            assert!(head.contains("RFC"), "{}", scenario.name());
            assert!(head.matches("```").count() == 2, "{}", scenario.name());
        }
    }
}
