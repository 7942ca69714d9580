//! Each step as a row: two or three paths, the one that wins, and the step that decides.

use std::net::IpAddr;

use bgp_codec::{
    AsPathBuf, Asn, BgpIdentifier, ClusterId, Community, Origin, PathAttributesBuilder, PathId, PeerKind,
};

use super::*;
use crate::options::DecisionRules;
use crate::paths::CandidateOrigin;

/// Builder of a path: external, from AS 65001, identifier 10.0.0.1, address 10.0.0.1.
struct Row {
    attributes: PathAttributesBuilder,
    origin: CandidateOrigin,
    interior_cost: u32,
}

fn path(identifier: u32, asns: &[u32]) -> Row {
    let mut attributes = PathAttributesBuilder::new(Origin::Igp);
    attributes.as_path = AsPathBuf::from_sequence(asns.iter().map(|&asn| Asn(asn)));
    let origin = peer(PeerKind::Ebgp, identifier, identifier);
    Row { attributes, origin, interior_cost: 0 }
}

fn peer(kind: PeerKind, identifier: u32, address: u32) -> CandidateOrigin {
    let identifier = BgpIdentifier::new(identifier).expect("not zero");
    CandidateOrigin::Peer { kind, identifier, address: IpAddr::V4(address.into()), number: 0 }
}

impl Row {
    fn with(mut self, change: impl FnOnce(&mut PathAttributesBuilder)) -> Self {
        change(&mut self.attributes);
        self
    }

    /// From another member of the confederation, through it alone or after these members.
    fn member(mut self, identifier: u32, members: &[u32]) -> Self {
        members.iter().rev().for_each(|&asn| self.attributes.as_path.prepend_member(Asn(asn)));
        Self { origin: peer(PeerKind::Confederation, identifier, identifier), ..self }
    }

    fn internal(self, identifier: u32) -> Self {
        Self { origin: peer(PeerKind::Ibgp, identifier, identifier), ..self }
    }
}

#[track_caller]
fn check(rows: &[Row], best: usize, step: Step) {
    check_under(DecisionRules::default(), None, rows, (best, step));
}

/// `present_best` is the position of the path that was best before.
#[track_caller]
fn check_under(rules: DecisionRules, present_best: Option<usize>, rows: &[Row], (best, step): (usize, Step)) {
    let attributes: Vec<_> = rows.iter().map(|row| row.attributes.build()).collect();
    let mut candidates: Vec<_> = (0..)
        .zip(rows)
        .zip(&attributes)
        .map(|((position, row), attributes)| Candidate {
            origin: row.origin,
            path_id: PathId(0),
            attributes,
            is_long_lived_stale: attributes.communities().any(|it| it == Community::LLGR_STALE),
            preference: 100,
            weight: 0,
            interior_cost: row.interior_cost,
            is_present_best: present_best == Some(position),
            rules,
        })
        .collect();
    let decision = decide(&candidates).expect("there are candidates");
    assert_eq!((decision.best, decision.decided_by), (best, step));
    candidates.reverse();
    let reversed = decide(&candidates).expect("there are candidates");
    assert_eq!((rows.len() - 1 - reversed.best, reversed.decided_by), (best, step), "in reverse order");
}

#[test]
fn no_path_no_decision() {
    assert_eq!(decide(&[]), None);
}

#[test]
fn the_only_path_is_best() {
    check(&[path(1, &[65001])], 0, Step::OnlyPath);
}

/// RFC 9494 §4.3: whatever else is to be said for them.
#[test]
fn long_lived_stale_paths_come_last() {
    let stale = |row: Row| row.with(|attributes| attributes.communities.push(Community::LLGR_STALE));
    let preferred = || path(1, &[]).with(|attributes| attributes.local_pref = Some(u32::MAX));
    check(&[stale(preferred()), path(9, &[65001, 65002])], 1, Step::LongLivedStale);
    check(
        &[stale(Row { origin: CandidateOrigin::Local, ..path(9, &[]) }), path(1, &[65001])],
        1,
        Step::LongLivedStale,
    );
    check(&[stale(preferred()), stale(path(9, &[65001]))], 0, Step::LocalPref);
}

#[test]
fn own_routes_come_first() {
    let own = Row { origin: CandidateOrigin::Local, ..path(9, &[]) };
    let preferred = path(1, &[]).with(|attributes| attributes.local_pref = Some(u32::MAX));
    check(&[preferred, own], 1, Step::LocallyOriginated);
}

#[test]
fn higher_local_pref_wins_and_none_counts_as_100() {
    let with = |local_pref| path(1, &[65001, 65009]).with(|attributes| attributes.local_pref = local_pref);
    check(&[path(2, &[65001]), with(Some(101))], 1, Step::LocalPref);
    check(&[path(2, &[65001]), with(Some(99))], 0, Step::LocalPref);
    check(&[path(2, &[65001]), with(Some(100))], 0, Step::AsPathLength);
}

#[test]
fn lower_origin_wins() {
    let incomplete = path(1, &[65001]).with(|attributes| attributes.origin = Origin::Incomplete);
    check(&[incomplete, path(2, &[65001])], 1, Step::Origin);
}

#[test]
fn med_is_compared_within_one_neighboring_as_only() {
    let med = |identifier, asn, med| path(identifier, &[asn]).with(|attributes| attributes.med = Some(med));
    check(&[med(1, 65001, 20), med(2, 65001, 10)], 1, Step::MultiExitDisc);
    check(&[med(1, 65001, 20), med(2, 65002, 10)], 0, Step::Identifier);
    check(&[med(1, 65001, 20), path(2, &[65001])], 1, Step::MultiExitDisc);
}

#[test]
fn med_makes_preference_depend_on_the_third_path() {
    let med = |identifier, asn, med| path(identifier, &[asn]).with(|attributes| attributes.med = Some(med));
    // 1 beats 2 by identifier, 2 beats 3 by identifier, but 3 removes 1 by MED: then 2 wins.
    check(&[med(1, 65001, 20), med(2, 65002, 0), med(3, 65001, 10)], 1, Step::Identifier);
}

#[test]
fn external_beats_internal() {
    check(&[path(1, &[65001]).internal(1), path(2, &[65001])], 1, Step::ExternalOverInternal);
}

#[test]
fn the_nearer_next_hop_wins() {
    check(&[Row { interior_cost: 5, ..path(1, &[65001]) }, path(2, &[65001])], 1, Step::InteriorCost);
}

#[test]
fn originator_id_stands_in_for_the_identifier() {
    let reflected =
        path(1, &[]).internal(1).with(|attributes| attributes.originator_id = BgpIdentifier::new(9));
    check(&[reflected, path(2, &[]).internal(2)], 1, Step::Identifier);
}

#[test]
fn the_shorter_cluster_list_wins() {
    let reflected = |identifier, clusters: &[u32]| {
        path(identifier, &[]).internal(identifier).with(|attributes| {
            attributes.originator_id = BgpIdentifier::new(9);
            attributes.cluster_list = clusters.iter().map(|&cluster| ClusterId(cluster)).collect();
        })
    };
    check(&[reflected(1, &[7, 8]), reflected(2, &[7])], 1, Step::ClusterListLength);
    check(&[reflected(1, &[7]), reflected(2, &[7])], 0, Step::PeerAddress);
}

/// Several sessions with one speaker, which has one address and one identifier.
#[test]
fn between_sessions_with_one_speaker_the_number_of_the_peer_decides() {
    let session = |session: u64| {
        let CandidateOrigin::Peer { kind, identifier, address, .. } = peer(PeerKind::Ebgp, 7, 7) else {
            unreachable!("a peer")
        };
        let origin = CandidateOrigin::Peer { kind, identifier, address, number: session };
        Row { origin, ..path(7, &[65001]) }
    };
    check(&[session(2), session(1), session(3)], 1, Step::Session);
    check(&[session(1), session(3), session(2)], 0, Step::Session);
}

#[test]
fn a_tie_break_does_not_take_a_path_out_of_the_multipath_set() {
    let rows = [path(3, &[65001]), path(1, &[65002]), path(2, &[65001, 65009])];
    let attributes: Vec<_> = rows.iter().map(|row| row.attributes.build()).collect();
    let candidates: Vec<_> = rows
        .iter()
        .zip(&attributes)
        .map(|(row, attributes)| Candidate {
            origin: row.origin,
            path_id: PathId(0),
            attributes,
            is_long_lived_stale: attributes.communities().any(|it| it == Community::LLGR_STALE),
            preference: 100,
            weight: 0,
            interior_cost: 0,
            is_present_best: false,
            rules: DecisionRules::default(),
        })
        .collect();
    let decision = decide(&candidates).expect("there are candidates");
    assert_eq!(decision.best, 1);
    assert_eq!(decision.multipath().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(decision.lost_at, [Some(Step::Identifier), None, Some(Step::AsPathLength)]);
}

/// RFC 5065 §5.3: what is learned inside the confederation counts as internal, members do not lengthen the path, and the
/// neighbour is the first AS after them.
#[test]
fn paths_of_a_confederation_compare_as_internal_ones() {
    let external = || path(9, &[65001, 65002]);
    let member = |identifier, asns: &[u32]| path(identifier, asns).member(identifier, &[64602, 64603, 64604]);
    check(&[external(), member(1, &[65001, 65002])], 0, Step::ExternalOverInternal);
    check(&[external(), member(1, &[65001])], 1, Step::AsPathLength);
    check(
        &[external().with(|it| it.med = Some(5)), member(1, &[65001, 65003]).with(|it| it.med = Some(4))],
        1,
        Step::MultiExitDisc,
    );
    check(&[path(2, &[65001]).internal(2), member(1, &[65001])], 1, Step::Identifier);
    // Paths from inside the confederation share the local AS as their neighbour.
    check(
        &[path(2, &[]).internal(2).with(|it| it.med = Some(4)), member(1, &[]).with(|it| it.med = Some(5))],
        0,
        Step::MultiExitDisc,
    );
}

#[test]
fn med_is_compared_between_neighbors_on_request() {
    let med = |row: Row, med| row.with(|attributes| attributes.med = Some(med));
    let rows = [med(path(1, &[65001]), 7), med(path(2, &[65002]), 5)];
    check(&rows, 0, Step::Identifier);
    let always = DecisionRules { always_compares_med: true, ..DecisionRules::default() };
    check_under(always, None, &rows, (1, Step::MultiExitDisc));
    let none = [path(2, &[65001]), med(path(1, &[65002]), 1)];
    check_under(always, None, &none, (0, Step::MultiExitDisc));
}

/// RFC 5004 §3: only between external paths, and only where nothing but a tie-break separates them.
#[test]
fn the_present_best_path_stays_among_equal_external_ones_on_request() {
    let keeps = DecisionRules { prefers_present_best: true, ..DecisionRules::default() };
    let rows = [path(1, &[65001]), path(2, &[65002])];
    check_under(keeps, Some(1), &rows, (1, Step::PresentBest));
    check_under(keeps, Some(0), &rows, (0, Step::PresentBest));
    check_under(keeps, None, &rows, (0, Step::Identifier));
    check_under(DecisionRules::default(), Some(1), &rows, (0, Step::Identifier));
    let longer = [path(1, &[65001]), path(2, &[65002, 65003])];
    check_under(keeps, Some(1), &longer, (0, Step::AsPathLength));
    let internal = [path(1, &[]).internal(1), path(2, &[]).internal(2)];
    check_under(keeps, Some(1), &internal, (0, Step::Identifier));
}

#[test]
fn identifiers_of_external_peers_are_left_out_on_request() {
    let without = DecisionRules { compares_identifiers: false, ..DecisionRules::default() };
    let external =
        |identifier, address| Row { origin: peer(PeerKind::Ebgp, identifier, address), ..path(1, &[65001]) };
    let rows = [external(9, 1), external(3, 2)];
    check(&rows, 1, Step::Identifier);
    check_under(without, None, &rows, (0, Step::PeerAddress));
    let internal = [path(2, &[]).internal(2), path(1, &[]).internal(1)];
    check_under(without, None, &internal, (1, Step::Identifier));
}
