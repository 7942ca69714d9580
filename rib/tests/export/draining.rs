//! Graceful shutdown (RFC 8326): peers are asked to prefer other paths, and asked so, this speaker does.

use bgp_codec::{Community, Family, PathAttributes};
use margay_rib::{
    PeerIndex, PeerOptions, PeerRules, ReflectorOptions, Rib, RouteSelection, RouteStatus, Step,
};

use super::by_hand::{BLOCK, FEED, attributes, exports, feed_and_reader, gateway, reach, rib};
use super::cast::{identifier, options, with};

/// The attributes that a peer is sent for the block.
fn advertised(rib: &mut Rib, peer: PeerIndex) -> PathAttributes {
    exports(rib, peer);
    let routes = rib.view().routes_to(BLOCK.parse().expect("a prefix"), RouteSelection::AdvertisedTo(peer));
    routes.into_iter().next().expect("the block is advertised").attributes
}

fn drain(rib: &mut Rib, peers: &[(PeerIndex, PeerOptions)], is_draining: bool) {
    let rules = peers.iter().map(|(peer, it)| (*peer, PeerRules { is_draining, ..it.rules.clone() }));
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), rules);
    while rib.work(1000) {}
}

fn has_community(attributes: &PathAttributes) -> bool {
    attributes.communities().any(|community| community == Community::GRACEFUL_SHUTDOWN)
}

#[test]
fn draining_lowers_what_is_advertised_and_undraining_restores_it() {
    let (mut rib, feed, internal) = feed_and_reader();
    let external = rib.peer_up(options(FEED + 8), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.local_pref = Some(70)), gateway()));
    let before = [internal, external].map(|peer| advertised(&mut rib, peer));
    let readers = [(internal, options(4)), (external, options(FEED + 8))];
    drain(&mut rib, &readers, true);
    let [inside, outside] = [internal, external].map(|peer| advertised(&mut rib, peer));
    assert!(has_community(&inside) && has_community(&outside));
    assert_eq!((inside.local_pref(), outside.local_pref()), (Some(0), None));
    drain(&mut rib, &readers, true);
    assert!(!rib.view().has_export(internal) && !rib.view().has_export(external), "nothing has changed");
    drain(&mut rib, &readers, false);
    assert_eq!([internal, external].map(|peer| advertised(&mut rib, peer)), before);
}

#[test]
fn peers_that_are_drained_share_a_group() {
    let mut rib = rib();
    let drained = || with(options(4), |it| it.rules.is_draining = true);
    let peers = [drained(), drained(), options(4)].map(|options| rib.peer_up(options, None));
    let groups = peers.map(|peer| rib.view().peer_counts(peer, Family::IPV4_UNICAST).group);
    assert_eq!(groups[0], groups[1]);
    assert_ne!(groups[0], groups[2]);
}

#[test]
fn a_path_that_is_about_to_go_loses_to_any_other_but_is_used_alone() {
    let mut rib = rib();
    let [going, other] = [FEED, FEED + 8].map(|peer| rib.peer_up(options(peer), None));
    let short = attributes(|it| it.communities = vec![Community::GRACEFUL_SHUTDOWN]);
    let long = attributes(|it| it.as_path.prepend(bgp_codec::Asn(65099), 3));
    let best = |rib: &mut Rib| {
        while rib.work(1000) {}
        let routes = rib.view().routes_to(BLOCK.parse().unwrap(), RouteSelection::Best);
        let [best] = &routes[..] else { panic!("{routes:?}") };
        (best.peer.clone(), best.status.clone())
    };
    rib.apply_update(going, reach(&[BLOCK], short, gateway()));
    assert_eq!(best(&mut rib).1, RouteStatus::Best(Step::OnlyPath));
    rib.apply_update(other, reach(&[BLOCK], long, gateway()));
    assert_eq!(best(&mut rib), (Some(options(FEED + 8).rules.name), RouteStatus::Best(Step::LocalPref)));
}
