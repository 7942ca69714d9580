//! Static routes: their paths, what is advertised and installed of them, and filters on what is installed.

use bgp_codec::{NextHop, Prefix};
use margay_filter::{
    Action, Condition, Edit, Expression, Filter, FilterChain, Number, PrefixCondition, Rule,
};
use margay_rib::{
    Audit, DecisionRules, Discard, Forwarding, ForwardingOptions, Hop, LinkUsability, PeerIndex,
    ReflectorOptions, Rib, RibOptions, RoutePurpose, RouteSelection, StaticRoute, StaticTarget, Target, Way,
    WayChange, WeightedHop,
};

use super::by_hand::{BLOCK, FEED, attributes, exports, parse, reach};
use super::cast::{LOCAL_ASN, identifier, options};

fn rib() -> Rib {
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
    rib.set_ways(&[way("10.200.0.0/24", Some(0)), way("10.201.0.0/24", Some(50))]);
    rib
}

fn way(prefix: &str, cost: Option<u32>) -> WayChange {
    WayChange { prefix: prefix.parse().expect("a prefix"), way: cost.map(|cost| Way::Through { cost }) }
}

fn block() -> Prefix {
    BLOCK.parse().expect("a prefix")
}

fn gateway(text: &str) -> NextHop {
    NextHop::Ipv4(text.parse().expect("an address"))
}

fn hop(text: &str, weight: u8) -> WeightedHop {
    WeightedHop { hop: Hop::Gateway(gateway(text)), weight }
}

fn route(target: StaticTarget) -> StaticRoute {
    StaticRoute { target, preference: 200, metric: None, tag: None, purpose: RoutePurpose::Both }
}

fn via(hops: &[WeightedHop]) -> StaticTarget {
    StaticTarget::Via(hops.to_vec())
}

fn reader(rib: &mut Rib) -> PeerIndex {
    let reader = rib.peer_up(options(4), None);
    settle(rib);
    exports(rib, reader);
    reader
}

fn settle(rib: &mut Rib) {
    while rib.work(1000) {}
}

/// What is wanted at the block after the last change; `None` without a change.
fn wanted(rib: &mut Rib) -> Option<Option<Forwarding>> {
    settle(rib);
    let changes = rib.poll_forwarding(100);
    changes.into_iter().rfind(|change| change.prefix == block()).map(|change| change.forwarding)
}

fn forwarding(target: Target, metric: u32) -> Option<Forwarding> {
    Some(Forwarding { target, metric: Some(metric) })
}

fn over(hops: &[WeightedHop]) -> Target {
    Target::Via(hops.into())
}

#[test]
fn next_hops_share_the_traffic_by_weight_whatever_it_costs_to_reach_them() {
    let mut rib = rib();
    let reader = reader(&mut rib);
    let (near, far) = (hop("10.200.0.2", 1), hop("10.201.0.2", 3));
    rib.set_static(block(), Some(route(via(&[near, far]))));
    assert_eq!(wanted(&mut rib), Some(forwarding(over(&[near, far]), 1024)));
    assert_eq!(exports(&mut rib, reader).reached, parse(&[BLOCK]));

    // A gateway that cannot be reached drops out; without any, the route goes.
    rib.set_ways(&[way("10.201.0.0/24", None)]);
    assert_eq!(wanted(&mut rib), Some(forwarding(over(&[near]), 1024)));
    assert_eq!(exports(&mut rib, reader).reached, []);
    rib.set_ways(&[way("10.200.0.0/24", None)]);
    assert_eq!(wanted(&mut rib), Some(None));
    assert_eq!(exports(&mut rib, reader).unreached, parse(&[BLOCK]));
    rib.set_ways(&[way("10.201.0.0/24", Some(50))]);
    assert_eq!(wanted(&mut rib), Some(forwarding(over(&[far]), 1024)));
    assert_eq!(exports(&mut rib, reader).reached, parse(&[BLOCK]));
}

#[test]
fn the_gateway_is_advertised_inside_the_as() {
    let mut rib = rib();
    let reader = reader(&mut rib);
    rib.set_static(block(), Some(route(via(&[hop("10.200.0.2", 1)]))));
    exports(&mut rib, reader);
    let sent = rib.view().routes_to(block(), RouteSelection::AdvertisedTo(reader));
    assert_eq!(sent[0].next_hop, Some(gateway("10.200.0.2")));
}

#[test]
fn what_a_static_route_is_for_decides_who_gets_it() {
    let rows = [
        (RoutePurpose::Both, true, true),
        (RoutePurpose::Advertise, true, false),
        (RoutePurpose::Install, false, true),
    ];
    for (purpose, advertised, installed) in rows {
        let mut rib = rib();
        let reader = reader(&mut rib);
        let target = StaticTarget::Discard(Discard::Unreachable);
        rib.set_static(block(), Some(StaticRoute { purpose, metric: Some(7), ..route(target) }));
        let expected = forwarding(Target::Discard(Discard::Unreachable), 7).filter(|_| installed);
        assert_eq!(wanted(&mut rib).flatten(), expected, "{purpose:?}");
        assert_eq!(exports(&mut rib, reader).reached.len(), usize::from(advertised), "{purpose:?}");
    }
}

#[test]
fn a_next_hop_on_a_link_is_used_while_the_link_is_usable() {
    let link = "tun0".parse().unwrap();
    for place in [Hop::Link(link), Hop::OnLink(gateway("192.0.2.1"), link)] {
        let mut rib = rib();
        let reader = reader(&mut rib);
        let hops = [WeightedHop { hop: place, weight: 1 }];
        rib.set_static(block(), Some(route(via(&hops))));
        assert_eq!(wanted(&mut rib), None, "nothing is known of the link");
        for is_usable in [true, false, true] {
            rib.set_links(&[LinkUsability { link, is_usable }]);
            let expected = forwarding(over(&hops), 1024).filter(|_| is_usable);
            assert_eq!(wanted(&mut rib), Some(expected), "{place}");
            let changes = exports(&mut rib, reader);
            assert_eq!(
                (changes.reached.len(), changes.unreached.len()),
                if is_usable { (1, 0) } else { (0, 1) }
            );
        }
    }
}

#[test]
fn a_static_route_is_preferred_to_learned_ones_unless_its_preference_is_lower() {
    for (preference, is_static) in [(200, true), (100, true), (99, false)] {
        let mut rib = rib();
        let feed = rib.peer_up(options(FEED), None);
        rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway("10.200.0.9")));
        rib.set_static(block(), Some(StaticRoute { preference, ..route(via(&[hop("10.200.0.2", 1)])) }));
        let best = if is_static { "10.200.0.2" } else { "10.200.0.9" };
        let Some(Some(Forwarding { target: Target::Via(hops), .. })) = wanted(&mut rib) else { panic!() };
        assert_eq!(hops[0].hop.gateway(), Some(gateway(best)), "{preference}");
    }
}

/// Whatever route follows whatever other: nothing of the former one is left, and the counts are right.
#[test]
fn a_static_route_can_be_replaced_and_removed() {
    let link = "tun0".parse().unwrap();
    let targets = [
        via(&[hop("10.200.0.2", 1), hop("10.201.0.2", 2), hop("10.200.0.3", 1)]),
        via(&[hop("10.201.0.2", 1)]),
        via(&[WeightedHop { hop: Hop::Link(link), weight: 1 }, hop("10.200.0.2", 4)]),
        StaticTarget::Discard(Discard::Prohibit),
    ];
    for former in &targets {
        for next in &targets {
            let [mut replaced, mut fresh] = [rib(), rib()];
            replaced.set_static(block(), Some(route(former.clone())));
            let before = wanted(&mut replaced);
            for rib in [&mut replaced, &mut fresh] {
                rib.set_links(&[LinkUsability { link, is_usable: true }]);
                rib.set_static(block(), Some(route(next.clone())));
            }
            let expected = wanted(&mut fresh);
            let found = wanted(&mut replaced).or(before);
            assert_eq!(found, expected, "{former:?}, then {next:?}");
            let [counts, expected] = [&replaced, &fresh].map(|rib| rib.view().counts().paths);
            assert_eq!(counts, expected, "{former:?}, then {next:?}");
            replaced.set_static(block(), None);
            assert_eq!(wanted(&mut replaced), Some(None));
            assert_eq!(replaced.view().counts().paths, 0);
            assert_eq!(Audit::of(&replaced).faults, Vec::<String>::new());
        }
    }
}

#[test]
fn filters_decide_what_is_installed_and_how_and_a_change_is_made_up_for() {
    let mut rib = rib();
    let reader = reader(&mut rib);
    let feed = rib.peer_up(options(FEED), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway("10.200.0.9")));
    let plain = Forwarding::via([gateway("10.200.0.9")]);
    assert_eq!(wanted(&mut rib), Some(Some(plain.clone())));
    exports(&mut rib, reader);

    let inside =
        || Condition::Prefix(PrefixCondition::new(Some("10.65.0.0/16".parse().unwrap()), None).unwrap());
    let chain = |action, edits: Vec<Edit>| {
        let rules =
            [Rule::new(inside(), action).with_edits(edits), Rule::new(Condition::always(), Action::Accept)];
        FilterChain::new([Filter::new("kernel", rules)])
    };
    rib.set_forwarding_filter(&chain(Action::Reject, vec![]));
    assert_eq!(wanted(&mut rib), Some(None), "never installed");
    assert_eq!(exports(&mut rib, reader).unreached, [], "and still advertised");

    rib.set_forwarding_filter(&chain(
        Action::Accept,
        vec![Edit::number(Number::Metric, Expression::Fixed(77)), Edit::Link("tunl0".into())],
    ));
    let tunnel = Hop::OnLink(gateway("10.200.0.9"), "tunl0".parse().unwrap());
    let expected = forwarding(over(&[WeightedHop { hop: tunnel, weight: 1 }]), 77);
    assert_eq!(wanted(&mut rib), Some(expected));

    rib.set_forwarding_filter(&chain(Action::Accept, vec![Edit::Blackhole]));
    assert_eq!(wanted(&mut rib), Some(Some(Forwarding::discard(Discard::Blackhole))));
    rib.set_forwarding_filter(&FilterChain::accept_all());
    assert_eq!(wanted(&mut rib), Some(Some(plain)));
}
