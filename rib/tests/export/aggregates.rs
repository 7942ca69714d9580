//! Aggregates, default routes for some peers, and routes listed through a filter.

use std::num::NonZeroU32;

use bgp_codec::{AsPathBuf, Family, Prefix};
use margay_filter::{Action, Condition, Edit, Filter, FilterChain, Number, PrefixCondition, Rule};
use margay_rib::{AggregateOptions, Discard, PagePosition, Rib, RouteSelection, RouteStatus};

use super::by_hand::{FEED, attributes, exports, feed_and_reader, gateway, parse, reach, rib, unreach};
use super::cast::{LOCAL_ASN, options, with};

const AROUND: &str = "10.65.0.0/16";

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn settle(rib: &mut Rib) {
    while rib.work(3) {}
}

fn aggregate(least: u32, contributors: FilterChain) -> AggregateOptions {
    let least = NonZeroU32::new(least).expect("at least one");
    AggregateOptions { contributors, least, hold: Some(Discard::Blackhole), tag: None }
}

fn inside(text: &str) -> Condition {
    Condition::Prefix(PrefixCondition::new(Some(prefix(text)), None).expect("every length is possible"))
}

#[test]
fn an_aggregate_is_advertised_while_enough_routes_inside_it_are_in_use() {
    let (mut rib, feed, reader) = feed_and_reader();
    let sent = |rib: &mut Rib| {
        settle(rib);
        let exports = exports(rib, reader);
        let of = |prefixes: &[_]| prefixes.iter().filter(|it| **it == parse(&[AROUND])[0]).count();
        (of(&exports.reached), of(&exports.unreached))
    };
    rib.set_aggregate(prefix(AROUND), Some(aggregate(2, FilterChain::accept_all())));
    rib.apply_update(feed, reach(&["10.65.1.0/26", "10.66.0.0/24"], attributes(|_| {}), gateway()));
    assert_eq!(sent(&mut rib), (0, 0), "one route of two");
    rib.apply_update(feed, reach(&["10.65.2.0/26"], attributes(|_| {}), gateway()));
    assert_eq!(sent(&mut rib), (1, 0));
    let shown = rib.view().routes_to(prefix(AROUND), RouteSelection::Best);
    assert!(shown[0].attributes.atomic_aggregate(), "its path lacks those of the routes that it stands for");
    rib.apply_update(feed, reach(&["10.65.3.0/26"], attributes(|_| {}), gateway()));
    rib.apply_update(feed, unreach(&["10.65.1.0/26"]));
    assert_eq!(sent(&mut rib), (0, 0), "as many as before");
    rib.apply_update(feed, unreach(&["10.65.2.0/26"]));
    assert_eq!(sent(&mut rib), (0, 1));
    // Other options count routes that are there already.
    rib.set_aggregate(prefix(AROUND), Some(aggregate(1, FilterChain::accept_all())));
    assert_eq!(sent(&mut rib), (1, 0));
    rib.set_aggregate(prefix(AROUND), None);
    assert_eq!(sent(&mut rib), (0, 1));
}

#[test]
fn only_routes_that_the_filter_accepts_contribute() {
    let (mut rib, feed, reader) = feed_and_reader();
    rib.apply_update(feed, reach(&["10.65.1.0/26", "10.65.2.0/26"], attributes(|_| {}), gateway()));
    let only = |text| FilterChain::new([Filter::new("some", [Rule::new(inside(text), Action::Accept)])]);
    rib.set_aggregate(prefix(AROUND), Some(aggregate(1, only("10.65.9.0/24"))));
    settle(&mut rib);
    assert!(!exports(&mut rib, reader).reached.contains(&parse(&[AROUND])[0]));
    rib.set_aggregate(prefix(AROUND), Some(aggregate(1, only("10.65.2.0/24"))));
    settle(&mut rib);
    assert_eq!(exports(&mut rib, reader).reached, parse(&[AROUND]));
}

#[test]
fn a_default_route_is_for_the_peers_that_get_one() {
    let mut rib = rib();
    let reject_all =
        FilterChain::new([Filter::new("none", [Rule::new(Condition::always(), Action::Reject)])]);
    let receives = with(options(4), |it| {
        it.rules.default_originate = true;
        it.rules.export = reject_all;
    });
    let receiver = rib.peer_up(receives, None);
    let other = rib.peer_up(options(5), None);
    let feed = rib.peer_up(options(0), None);
    rib.set_default_route(Family::IPV4_UNICAST, true);
    settle(&mut rib);
    assert_eq!(exports(&mut rib, receiver).reached, parse(&["0.0.0.0/0"]), "whatever the filters say");
    assert_eq!(exports(&mut rib, other).reached, []);

    // A default route of a peer is used and passed on to others; the receiver keeps this speaker's.
    rib.apply_update(feed, reach(&["0.0.0.0/0"], attributes(|_| {}), gateway()));
    settle(&mut rib);
    assert_eq!(exports(&mut rib, receiver).reached, []);
    assert_eq!(exports(&mut rib, other).reached, parse(&["0.0.0.0/0"]));
    let best = rib.view().routes_to(prefix("0.0.0.0/0"), RouteSelection::Best);
    assert!(best[0].peer.is_some(), "{best:?}");
    let sent = rib.view().routes_to(prefix("0.0.0.0/0"), RouteSelection::AdvertisedTo(receiver));
    assert_eq!(sent.iter().map(|route| &route.peer).collect::<Vec<_>>(), [&None]);

    rib.set_default_route(Family::IPV4_UNICAST, false);
    settle(&mut rib);
    assert_eq!(exports(&mut rib, receiver).unreached, parse(&["0.0.0.0/0"]));
    assert_eq!(exports(&mut rib, other).unreached, []);
}

#[test]
fn routes_are_listed_as_a_filter_leaves_them() {
    let (mut rib, feed, _) = feed_and_reader();
    rib.apply_update(feed, reach(&["10.65.1.0/26", "10.66.0.0/24"], attributes(|_| {}), gateway()));
    settle(&mut rib);
    let edit = Edit::number(Number::LocalPref, "321".parse().expect("a number"));
    let rule = Rule::new(inside(AROUND), Action::Accept).with_edits([edit]);
    let filter = FilterChain::new([Filter::new("pods", [rule])]);
    let view = rib.view();
    for selection in [RouteSelection::Best, RouteSelection::All, RouteSelection::ReceivedFrom(feed)] {
        let page = |view: margay_rib::RibView<'_>| {
            let page = view.routes(Family::IPV4_UNICAST, selection, PagePosition::default(), 10);
            let routes = page.routes.into_iter();
            let routes = routes.inspect(|route| assert!(matches!(route.status, RouteStatus::Best(_))));
            routes.map(|route| (route.prefix.to_string(), route.attributes.local_pref())).collect::<Vec<_>>()
        };
        assert_eq!(page(view.through(&filter)), [("10.65.1.0/26".to_owned(), Some(321))], "{selection:?}");
        assert_eq!(page(view).len(), 2, "{selection:?}");
    }
}

/// The aggregate goes while the UPDATE is applied, and with it everything at its prefix so far.
#[test]
fn an_update_that_ends_an_aggregate_may_announce_its_prefix() {
    let mut rib = rib();
    // Nothing is sent, so that no reader keeps what was at the prefix.
    let nothing = FilterChain::new([Filter::new("none", [Rule::new(Condition::always(), Action::Reject)])]);
    let feed = rib.peer_up(with(options(FEED), |it| it.rules.export = nothing), None);
    rib.set_aggregate("10.0.0.0/8".parse().unwrap(), Some(aggregate(1, FilterChain::accept_all())));
    rib.apply_update(feed, reach(&["10.1.0.0/16"], attributes(|_| {}), gateway()));
    while rib.work(1000) {}
    let looped = attributes(|it| it.as_path = AsPathBuf::from_sequence([LOCAL_ASN]));
    rib.apply_update(feed, reach(&["10.1.0.0/16", "10.0.0.0/8"], looped, gateway()));
    let routes = rib.view().routes(Family::IPV4_UNICAST, RouteSelection::All, PagePosition::default(), 10);
    let refused = |prefix: &str| {
        let prefix = prefix.parse().unwrap();
        routes
            .routes
            .iter()
            .any(|route| route.prefix == prefix && matches!(route.status, RouteStatus::Refused(..)))
    };
    assert!(refused("10.1.0.0/16") && refused("10.0.0.0/8") && routes.routes.len() == 2, "{routes:?}");
    rib.apply_update(feed, unreach(&["10.1.0.0/16", "10.0.0.0/8"]));
    while rib.work(1000) {}
    assert_eq!(rib.view().counts().ipv4_prefixes, 0, "nothing remains");
}
