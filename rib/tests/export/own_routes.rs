//! Routes that this node originates, and the metrics that it shares with the kernel.

use std::sync::Arc;

use bgp_codec::{Family, NextHop, PeerKind, Prefix};
use margay_filter::{
    Action, Condition, Edit, Filter, FilterChain, Glob, Number, NumberCondition, PrefixCondition, Rule,
    ValueRange,
};
use margay_rib::{
    DecisionRules, Departure, Discard, Forwarding, ForwardingOptions, KernelRouteView, NetworkOptions,
    NextHopLoss, PagePosition, PeerIndex, ReflectorOptions, Rib, RibOptions, RouteSelection, Step, Way,
    WayChange,
};

use super::by_hand::{BLOCK, FEED, attributes, exports, gateway, parse, reach, unreach};
use super::cast::{LOCAL_ASN, identifier, options, with};

/// The number from which metric and LOCAL_PREF are subtracted to convert one into the other in Calico's
/// clusters.
const M: u32 = 2_147_483_647;

fn forwarding_rib() -> Rib {
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
    let attached = WayChange { prefix: prefix("10.200.0.0/24"), way: Some(Way::Through { cost: 0 }) };
    rib.set_ways(&[attached]);
    rib
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn of_metric(metric: u32) -> Option<KernelRouteView> {
    Some(KernelRouteView { metric, announced: true, interface: None })
}

fn settle(rib: &mut Rib) {
    while rib.work(1000) {}
}

fn reader(rib: &mut Rib) -> PeerIndex {
    let reader = rib.peer_up(options(4), None);
    settle(rib);
    exports(rib, reader);
    reader
}

/// The wanted forwarding of the block.
fn forwarding(rib: &mut Rib) -> Option<Option<Forwarding>> {
    let changes = rib.poll_forwarding(100);
    changes.into_iter().find(|change| change.prefix == prefix(BLOCK)).map(|change| change.forwarding)
}

fn chain(rules: impl IntoIterator<Item = (Condition, Vec<Edit>)>) -> FilterChain {
    let rules =
        rules.into_iter().map(|(condition, edits)| Rule::new(condition, Action::Accept).with_edits(edits));
    FilterChain::new([Filter::new("contract", rules)])
}

fn set(number: Number, expression: &str) -> Edit {
    Edit::number(number, expression.parse().expect("an expression"))
}

/// A Rib with two external peers that announce the block over these next hops, after all of it has been read.
fn rib_with_two_feeds(next_hops: [NextHop; 2]) -> (Rib, [PeerIndex; 2]) {
    let mut rib = forwarding_rib();
    let feeds = [FEED, FEED + 1]
        .map(|number| rib.peer_up(with(options(number), |it| it.session.kind = PeerKind::Ebgp), None));
    for (feed, next_hop) in feeds.into_iter().zip(next_hops) {
        rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), next_hop));
    }
    settle(&mut rib);
    assert!(forwarding(&mut rib).is_some());
    assert_eq!(forwarding(&mut rib), None);
    assert_eq!(rib.poll_next_hop_losses(), []);
    (rib, feeds)
}

#[test]
fn a_next_hop_that_only_the_lost_peer_announced_is_reported_before_its_routes() {
    let [first, second] = [3, 4].map(|low| NextHop::Ipv4([10, 200, 0, low].into()));
    let (mut rib, [peer, other]) = rib_with_two_feeds([first, second]);
    rib.peer_down(peer, Departure::Final);
    assert_eq!(rib.poll_next_hop_losses(), [NextHopLoss { next_hop: first, lost: true }]);
    settle(&mut rib);
    assert_eq!(forwarding(&mut rib), Some(Some(Forwarding::via([second]))));
    assert_eq!(rib.poll_next_hop_losses(), [], "a route has been read, perhaps not the last");
    assert_eq!(forwarding(&mut rib), None);
    assert_eq!(rib.poll_next_hop_losses(), [NextHopLoss { next_hop: first, lost: false }]);

    rib.peer_down(other, Departure::Final);
    assert_eq!(rib.poll_next_hop_losses(), [NextHopLoss { next_hop: second, lost: true }]);
    let back = rib.peer_up(options(FEED), None);
    rib.apply_update(back, reach(&[BLOCK], attributes(|_| {}), second));
    assert_eq!(rib.poll_next_hop_losses(), [NextHopLoss { next_hop: second, lost: false }]);
}

#[test]
fn a_next_hop_that_another_peer_announces_too_is_not_lost() {
    let shared = NextHop::Ipv4([10, 200, 0, 3].into());
    let (mut rib, [peer, other]) = rib_with_two_feeds([shared, shared]);
    rib.peer_down(peer, Departure::Final);
    assert_eq!(rib.poll_next_hop_losses(), []);
    settle(&mut rib);
    // The peers that shared it are not remembered: routes then change one by one.
    rib.peer_down(other, Departure::Final);
    assert_eq!(rib.poll_next_hop_losses(), []);
}

fn own_local_pref(rib: &Rib, peer: PeerIndex, text: &str) -> Option<u32> {
    let routes = rib.view().routes_to(prefix(text), RouteSelection::AdvertisedTo(peer));
    routes.first().and_then(|route| route.attributes.local_pref())
}

#[test]
fn a_network_suppresses_ordinary_routes_inside_it_only() {
    let mut rib = forwarding_rib();
    let reader = reader(&mut rib);
    for (text, metric) in
        [("10.65.1.1/32", 1024), ("10.65.1.2/32", 0), ("10.65.1.3/32", 512), ("10.65.9.1/32", 1024)]
    {
        rib.set_kernel_route(prefix(text), of_metric(metric));
    }
    let block = NetworkOptions {
        hold: Some(Discard::Blackhole),
        suppress_more_specific: true,
        ..NetworkOptions::default()
    };
    rib.originate(prefix(BLOCK), block);
    let mut reached = exports(&mut rib, reader).reached;
    reached.sort();
    assert_eq!(reached, parse(&[BLOCK, "10.65.1.3/32", "10.65.9.1/32"]), "ordinary ones inside are left out");
    assert_eq!(forwarding(&mut rib), Some(Some(Forwarding::discard(Discard::Blackhole))));

    // A pod of the block that moves gets an elevated route, and later an ordinary one.
    rib.set_kernel_route(prefix("10.65.1.1/32"), of_metric(512));
    rib.set_kernel_route(prefix("10.65.1.3/32"), of_metric(1024));
    let seen = exports(&mut rib, reader);
    assert_eq!((seen.reached, seen.unreached), (parse(&["10.65.1.1/32"]), parse(&["10.65.1.3/32"])));

    rib.originate(prefix(BLOCK), NetworkOptions { suppress_more_specific: false, ..block });
    let mut reached = exports(&mut rib, reader).reached;
    reached.sort();
    assert_eq!(reached, parse(&["10.65.1.2/32", "10.65.1.3/32"]), "suppression is over");
    rib.originate(prefix(BLOCK), block);
    rib.stop_originating(prefix(BLOCK));
    let seen = exports(&mut rib, reader);
    assert_eq!(seen.unreached, parse(&[BLOCK]), "in the end all are announced");
}

#[test]
fn a_network_that_requires_a_route_comes_and_goes_with_it() {
    let mut rib = forwarding_rib();
    let reader = reader(&mut rib);
    let network = NetworkOptions { require_route: true, ..NetworkOptions::default() };
    rib.originate(prefix(BLOCK), network);
    assert_eq!(exports(&mut rib, reader).reached, []);
    let there = Some(KernelRouteView { metric: 0, announced: false, interface: None });
    rib.set_kernel_route(prefix(BLOCK), there);
    assert_eq!(exports(&mut rib, reader).reached, parse(&[BLOCK]));
    rib.set_kernel_route(prefix(BLOCK), None);
    assert_eq!(exports(&mut rib, reader).unreached, parse(&[BLOCK]));
    rib.originate(prefix(BLOCK), NetworkOptions::default());
    assert_eq!(exports(&mut rib, reader).reached, parse(&[BLOCK]));
}

#[test]
fn metrics_become_local_prefs_and_local_prefs_become_metrics() {
    let mut rib = forwarding_rib();
    let mut reading = options(4);
    reading.rules.export =
        chain([(Condition::always(), vec![set(Number::LocalPref, "2147483647 - metric")])]);
    let reader = rib.peer_up(reading, None);
    settle(&mut rib);
    for (text, metric) in [("10.65.1.1/32", 1024), ("10.65.1.2/32", 512)] {
        rib.set_kernel_route(prefix(text), of_metric(metric));
    }
    exports(&mut rib, reader);
    assert_eq!(own_local_pref(&rib, reader, "10.65.1.1/32"), Some(2_147_482_623));
    assert_eq!(own_local_pref(&rib, reader, "10.65.1.2/32"), Some(M - 512));

    rib.originate(prefix("10.65.8.0/26"), NetworkOptions::default());
    exports(&mut rib, reader);
    assert_eq!(own_local_pref(&rib, reader, "10.65.8.0/26"), Some(2_147_482_623), "networks are ordinary");

    let metric = || set(Number::Metric, "2147483647 - local_pref");
    let range = ValueRange::new(M - 1023, M).expect("a range");
    let elevated = Condition::Number(NumberCondition { number: Number::LocalPref, range });
    let mut feeding = options(5);
    feeding.rules.import = chain([
        (elevated, vec![metric(), set(Number::Preference, "160")]),
        (Condition::always(), vec![metric()]),
    ]);
    let feed = rib.peer_up(feeding, None);
    rib.set_kernel_route(prefix(BLOCK), of_metric(1024));
    let announce = |rib: &mut Rib, local_pref: Option<u32>| {
        rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.local_pref = local_pref), gateway()));
    };
    // The local route is preferred to an ordinary kernel route, and an elevated one to the local route.
    announce(&mut rib, Some(M - 1024));
    assert_eq!(forwarding(&mut rib).flatten(), None);
    announce(&mut rib, Some(M - 512));
    let wanted = Forwarding { metric: Some(512), ..Forwarding::via([gateway()]) };
    assert_eq!(forwarding(&mut rib), Some(Some(wanted)));
    announce(&mut rib, Some(M - 511));
    let wanted = Forwarding { metric: Some(511), ..Forwarding::via([gateway()]) };
    assert_eq!(forwarding(&mut rib), Some(Some(wanted)), "a new metric is a new forwarding");
    let best = rib.view().routes_to(prefix(BLOCK), RouteSelection::Best);
    assert_eq!(best[0].status, margay_rib::RouteStatus::Best(Step::Preference));
    rib.apply_update(feed, unreach(&[BLOCK]));
    assert_eq!(forwarding(&mut rib), Some(None), "the local route needs no forwarding of ours");
    announce(&mut rib, None);
    rib.set_kernel_route(prefix(BLOCK), None);
    let wanted = Forwarding::via([gateway()]);
    assert_eq!(forwarding(&mut rib), Some(Some(wanted)), "without LOCAL_PREF the metric is the default");
}

#[test]
fn export_filters_ask_for_the_interface_of_a_kernel_route() {
    let mut rib = forwarding_rib();
    let pods = Condition::Interface(vec![Glob::new("cali*")]);
    let mut reading = options(4);
    reading.rules.export = chain([(Condition::not(pods), vec![])]);
    let reader = rib.peer_up(reading, None);
    settle(&mut rib);
    let over = |interface: Option<&str>| {
        Some(KernelRouteView { metric: 1024, announced: true, interface: interface.map(Arc::from) })
    };
    rib.set_kernel_route(prefix("10.65.1.1/32"), over(Some("cali12")));
    rib.set_kernel_route(prefix("10.65.1.2/32"), over(Some("eth0")));
    rib.set_kernel_route(prefix("10.65.1.3/32"), over(None));
    assert_eq!(exports(&mut rib, reader).reached.len(), 2, "the pod's own route is refused");
    rib.set_kernel_route(prefix("10.65.1.2/32"), over(Some("cali2")));
    assert_eq!(
        exports(&mut rib, reader).unreached.len(),
        1,
        "the route moved to an interface that is refused"
    );
}

#[test]
fn filter_edits_may_differ_by_prefix_within_one_attribute_set() {
    let mut rib = forwarding_rib();
    let covered = Condition::Prefix(PrefixCondition::new(Some(prefix("10.65.0.0/16")), None).unwrap());
    let mut reading = options(4);
    reading.rules.export = chain([
        (covered, vec![set(Number::LocalPref, "7")]),
        (Condition::always(), vec![set(Number::LocalPref, "8")]),
    ]);
    let reader = rib.peer_up(reading, None);
    let feed = rib.peer_up(options(FEED), None);
    settle(&mut rib);
    rib.apply_update(
        feed,
        reach(&["10.65.1.0/24", "10.66.1.0/24", "10.65.2.0/24"], attributes(|_| {}), gateway()),
    );
    exports(&mut rib, reader);
    for (text, expected) in [("10.65.1.0/24", 7), ("10.66.1.0/24", 8), ("10.65.2.0/24", 7)] {
        assert_eq!(own_local_pref(&rib, reader, text), Some(expected), "{text}");
    }
}

#[test]
fn next_hops_are_resolved_by_longest_match_and_again_only_inside_a_change() {
    let mut rib = forwarding_rib();
    let feed = rib.peer_up(options(FEED), None);
    let behind = NextHop::Ipv4([10, 40, 1, 1].into());
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), behind));
    assert_eq!(forwarding(&mut rib), None, "no way leads there");
    let way = |text: &str, way| WayChange { prefix: prefix(text), way };
    let rows = [
        (way("10.40.0.0/16", Some(Way::Through { cost: 30 })), true),
        (way("10.40.1.0/24", Some(Way::Nowhere)), false),
        (way("10.40.1.1/32", Some(Way::Through { cost: 0 })), true),
        (way("10.40.1.1/32", None), false),
        (way("10.40.1.0/24", None), true),
        (way("10.40.0.0/16", None), false),
    ];
    for (change, reachable) in rows {
        rib.set_ways(&[change]);
        settle(&mut rib);
        let expected = reachable.then(|| Forwarding::via([behind]));
        assert_eq!(forwarding(&mut rib), Some(expected), "{change:?}");
    }
    rib.set_ways(&[way("10.41.0.0/16", Some(Way::Through { cost: 0 }))]);
    assert!(!rib.work(1), "a change elsewhere affects no route");
    let page = rib.view().routes(Family::IPV4_UNICAST, RouteSelection::All, PagePosition::default(), 10);
    assert_eq!(page.routes.len(), 1);
}

/// RFC 4271 §9.1.2.2 e.
#[test]
fn the_nearer_next_hop_is_preferred() {
    let mut rib = forwarding_rib();
    let (one, other) = (rib.peer_up(options(4), None), rib.peer_up(options(5), None));
    let [near, far] = [1, 2].map(|number| NextHop::Ipv4([10, 40, number, 1].into()));
    let way = |text: &str, cost| WayChange { prefix: prefix(text), way: Some(Way::Through { cost }) };
    rib.set_ways(&[way("10.40.1.0/24", 10), way("10.40.2.0/24", 20)]);
    rib.apply_update(one, reach(&[BLOCK], attributes(|_| {}), far));
    rib.apply_update(other, reach(&[BLOCK], attributes(|_| {}), near));
    assert_eq!(forwarding(&mut rib), Some(Some(Forwarding::via([near]))));
    rib.set_ways(&[way("10.40.1.0/24", 20)]);
    settle(&mut rib);
    assert_eq!(forwarding(&mut rib), Some(Some(Forwarding::via([near, far]))));
}
