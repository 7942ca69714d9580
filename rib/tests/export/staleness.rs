//! Filters that ask whether a route is kept from a session that ended.

use bgp_codec::{Family, PeerKind};
use margay_filter::{Action, Condition, Edit, Filter, FilterChain, Number, Rule};
use margay_rib::{
    DecisionRules, Departure, ForwardingOptions, PeerIndex, PeerOptions, PeerRules, ReflectorOptions, Rib,
    RibOptions, RouteSelection, Way, WayChange,
};

use super::by_hand::{BLOCK, FEED, attributes, exports, gateway, reach};
use super::cast::{LOCAL_ASN, identifier, options, with};

const OTHER: &str = "10.65.2.0/26";

/// Rejects stale routes, or accepts them with another LOCAL_PREF.
fn filter(edits: Option<&str>) -> FilterChain {
    let rule = match edits {
        None => Rule::new(Condition::Stale(true), Action::Reject),
        Some(local_pref) => {
            let edit = Edit::number(Number::LocalPref, local_pref.parse().expect("a number"));
            Rule::new(Condition::Stale(true), Action::Accept).with_edits([edit])
        }
    };
    FilterChain::new([Filter::new("stale", [rule, Rule::new(Condition::always(), Action::Accept)])])
}

fn settle(rib: &mut Rib) {
    while rib.work(3) {}
}

fn feed() -> PeerOptions {
    with(options(FEED), |it| it.session.kind = PeerKind::Ebgp)
}

/// A Rib with a feed that has announced two blocks, and a reader that has read them.
fn read(feed: PeerOptions, reader: PeerOptions) -> (Rib, PeerIndex, PeerIndex) {
    let identifier = identifier(100);
    let forwarding = Some(ForwardingOptions { multipath: 16, normal_metric: 1024 });
    let reflector = ReflectorOptions::new(identifier);
    let mut rib = Rib::new(RibOptions {
        asn: LOCAL_ASN,
        confederation: None,
        identifier,
        reflector,
        forwarding,
        decision: DecisionRules::default(),
        hash_seed: 1,
    });
    let way = Some(Way::Through { cost: 0 });
    rib.set_ways(&[WayChange { prefix: "10.200.0.0/16".parse().expect("a prefix"), way }]);
    let [feed, reader] = [feed, reader].map(|options| rib.peer_up(options, None));
    rib.apply_update(feed, reach(&[BLOCK, OTHER], attributes(|_| {}), gateway()));
    settle(&mut rib);
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    (rib, feed, reader)
}

/// The feed comes back and announces both blocks again.
fn comes_back(rib: &mut Rib, peer: PeerIndex, options: PeerOptions) {
    assert_eq!(rib.peer_up(options, Some(peer)), peer);
    rib.apply_update(peer, reach(&[BLOCK, OTHER], attributes(|_| {}), gateway()));
    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
        rib.end_refresh(peer, family);
    }
    settle(rib);
}

#[test]
fn stale_routes_are_withdrawn_from_a_peer_whose_filter_rejects_them_until_they_are_repeated() {
    let reader = with(options(4), |it| it.rules.export = filter(None));
    let (mut rib, peer, reader) = read(feed(), reader);
    rib.peer_down(peer, Departure::Restarting);
    settle(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
    comes_back(&mut rib, peer, feed());
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
}

#[test]
fn an_import_filter_may_make_stale_routes_less_preferred() {
    let feed = with(feed(), |it| it.rules.import = filter(Some("7")));
    let (mut rib, peer, reader) = read(feed.clone(), options(4));
    let local_pref = |rib: &Rib| {
        let best = rib.view().routes_to(BLOCK.parse().expect("a prefix"), RouteSelection::Best);
        best[0].attributes.local_pref()
    };
    assert_eq!(local_pref(&rib), None);
    rib.peer_down(peer, Departure::Restarting);
    settle(&mut rib);
    assert_eq!((local_pref(&rib), exports(&mut rib, reader).reached.len()), (Some(7), 2));
    comes_back(&mut rib, peer, feed);
    assert_eq!((local_pref(&rib), exports(&mut rib, reader).reached.len()), (None, 2));
}

#[test]
fn rules_that_ask_for_staleness_while_a_peer_is_away_find_its_routes() {
    let (mut rib, peer, reader) = read(feed(), options(4));
    rib.peer_down(peer, Departure::Restarting);
    settle(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached, [], "not requested");
    let rules = PeerRules { export: filter(None), ..options(4).rules };
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), [(reader, rules)]);
    settle(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
}

#[test]
fn stale_routes_may_be_kept_out_of_the_kernel() {
    let (mut rib, peer, _) = read(feed(), options(4));
    assert_eq!(rib.poll_forwarding(100).len(), 2);
    rib.set_forwarding_filter(&filter(None));
    settle(&mut rib);
    assert_eq!(rib.poll_forwarding(100), []);
    rib.peer_down(peer, Departure::Restarting);
    settle(&mut rib);
    let gone: Vec<_> = rib.poll_forwarding(100).into_iter().map(|change| change.forwarding).collect();
    assert_eq!(gone, [None, None]);
    comes_back(&mut rib, peer, feed());
    let back = rib.poll_forwarding(100);
    assert!(back.len() == 2 && back.iter().all(|change| change.forwarding.is_some()), "{back:?}");
}
