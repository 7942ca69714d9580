//! External peers without filters, with which nothing is exchanged (RFC 8212).

use bgp_codec::Family;
use margay_rib::{
    DeniedDirections, ExportRefusal, ImportRefusal, NetworkOptions, NotExported, PagePosition, PeerIndex,
    ReflectorOptions, Rib, RouteSelection, RouteStatus,
};

use super::by_hand::{BLOCK, FEED, attributes, exports, gateway, reach, rib};
use super::cast::{identifier, options, with};

const DENIED: DeniedDirections = DeniedDirections { import: true, export: true };

fn allow(rib: &mut Rib, peer: PeerIndex, number: usize) {
    let rules = options(number).rules;
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), [(peer, rules)]);
    while rib.work(1000) {}
}

/// The prefixes that a peer is sent.
fn advertised(rib: &mut Rib, peer: PeerIndex) -> Vec<String> {
    while rib.work(1000) {}
    exports(rib, peer);
    let (selection, start) = (RouteSelection::AdvertisedTo(peer), PagePosition::default());
    let page = rib.view().routes(Family::IPV4_UNICAST, selection, start, usize::MAX);
    page.routes.iter().map(|route| route.prefix.to_string()).collect()
}

#[test]
fn nothing_is_accepted_until_a_reload_allows_it_and_the_reason_is_shown() {
    let mut rib = rib();
    let feed = rib.peer_up(with(options(FEED), |it| it.rules.denied = DENIED), None);
    let reader = rib.peer_up(options(4), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert!(exports(&mut rib, reader).reached.is_empty());
    let routes = rib.view().routes_to(BLOCK.parse().unwrap(), RouteSelection::ReceivedFrom(feed));
    let statuses: Vec<_> = routes.into_iter().map(|route| route.status).collect();
    assert_eq!(statuses, [RouteStatus::Refused(ImportRefusal::NoFilters, None)]);
    allow(&mut rib, feed, FEED);
    assert_eq!(exports(&mut rib, reader).reached, [BLOCK.parse().unwrap()]);
}

#[test]
fn nothing_is_advertised_but_the_default_route_that_the_peer_is_to_get() {
    let mut rib = rib();
    rib.originate(BLOCK.parse().unwrap(), NetworkOptions::default());
    rib.set_default_route(Family::IPV4_UNICAST, true);
    let denied = with(options(FEED), |it| {
        it.rules.denied = DENIED;
        it.rules.default_originate = true;
    });
    let external = rib.peer_up(denied, None);
    assert_eq!(advertised(&mut rib, external), ["0.0.0.0/0"]);
    let explanation = rib.view().explain(BLOCK.parse().unwrap()).unwrap();
    assert_eq!(explanation.exports[0].refusal, Some(NotExported::Refused(ExportRefusal::NoFilters)));
    allow(&mut rib, external, FEED);
    assert_eq!(advertised(&mut rib, external), [BLOCK]);
}
