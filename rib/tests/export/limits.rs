//! Limits of a peer's paths: what is refused beyond them, and what comes back when there is room.

use bgp_codec::{Family, Ipv4Prefix, Nlri, Prefix, Update};
use margay_rib::{
    Audit, ImportRefusal, PagePosition, PathLimits, PeerCounts, PeerIndex, ReflectorOptions, Rib,
    RouteSelection, RouteStatus,
};

use super::by_hand::{FEED, attributes, exports, feed_and_reader, gateway, reach};
use super::cast::{identifier, options};

const PREFIXES: [&str; 4] = ["10.65.0.0/24", "10.65.1.0/24", "10.65.2.0/24", "10.65.3.0/24"];

fn limit(rib: &mut Rib, feed: PeerIndex, received: Option<u32>, accepted: Option<u32>) {
    let mut rules = options(FEED).rules;
    rules.limits = PathLimits { received, accepted };
    rib.reconfigure(ReflectorOptions::new(identifier(1)).into(), [(feed, rules)]);
    work(rib);
}

fn work(rib: &mut Rib) {
    while rib.work(1000) {}
    assert_eq!(Audit::of(rib).faults, Vec::<String>::new());
}

fn announce(rib: &mut Rib, feed: PeerIndex, prefixes: &[&str]) {
    rib.apply_update(feed, reach(prefixes, attributes(|_| {}), gateway()));
    work(rib);
}

fn withdraw(rib: &mut Rib, feed: PeerIndex, prefix: &str) {
    let prefix: Ipv4Prefix = prefix.parse().expect("a prefix");
    rib.apply_update(feed, Update::withdrawing(false, [Nlri::new(prefix)]));
    work(rib);
}

/// Received, accepted and over the limit of accepted ones, and dropped.
fn counts(rib: &Rib, feed: PeerIndex) -> (usize, usize, usize, u64) {
    let PeerCounts { received, accepted, over_limit, dropped, .. } =
        rib.view().peer_counts(feed, Family::IPV4_UNICAST);
    (received, accepted, over_limit, dropped)
}

fn refused(rib: &Rib, feed: PeerIndex) -> Vec<Prefix> {
    let selection = RouteSelection::ReceivedFrom(feed);
    let page = rib.view().routes(Family::IPV4_UNICAST, selection, PagePosition::default(), usize::MAX);
    let is_over = RouteStatus::Refused(ImportRefusal::OverLimit, None);
    page.routes.iter().filter(|route| route.status == is_over).map(|route| route.prefix).collect()
}

#[test]
fn announcements_beyond_the_limit_of_received_ones_are_counted_and_leave_nothing() {
    let (mut rib, feed, reader) = feed_and_reader();
    limit(&mut rib, feed, Some(2), None);
    announce(&mut rib, feed, &PREFIXES);
    assert_eq!(counts(&rib, feed), (2, 2, 0, 2));
    assert_eq!(rib.view().counts().ipv4_prefixes, 2);
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    // What is there may change.
    rib.apply_update(feed, reach(&PREFIXES[..2], attributes(|it| it.med = Some(7)), gateway()));
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    // The same prefix twice in one message.
    announce(&mut rib, feed, &[PREFIXES[3], PREFIXES[3]]);
    assert_eq!(counts(&rib, feed), (2, 2, 0, 4));
    withdraw(&mut rib, feed, PREFIXES[0]);
    announce(&mut rib, feed, &PREFIXES[2..]);
    assert_eq!(counts(&rib, feed), (2, 2, 0, 5));
    let shown = exports(&mut rib, reader);
    assert_eq!(shown.unreached, [PREFIXES[0].parse().unwrap()]);
    assert_eq!(shown.reached, [PREFIXES[2].parse().unwrap()]);
}

#[test]
fn paths_beyond_the_limit_of_accepted_ones_are_kept_and_take_the_place_of_those_that_go() {
    let (mut rib, feed, reader) = feed_and_reader();
    limit(&mut rib, feed, None, Some(2));
    announce(&mut rib, feed, &PREFIXES);
    assert_eq!(counts(&rib, feed), (4, 2, 2, 0));
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    let waiting = refused(&rib, feed);
    assert_eq!(waiting.len(), 2);

    let going = PREFIXES.iter().find(|prefix| !waiting.contains(&prefix.parse().unwrap())).unwrap();
    withdraw(&mut rib, feed, going);
    assert_eq!(counts(&rib, feed), (3, 2, 1, 0));
    let shown = exports(&mut rib, reader);
    assert_eq!(shown.unreached, [going.parse().unwrap()]);
    assert_eq!(shown.reached.len(), 1);
    assert!(waiting.contains(&Prefix::Ipv4(shown.reached[0])), "{shown:?}");
    assert_eq!(refused(&rib, feed).len(), 1);
}

#[test]
fn a_higher_limit_lets_paths_in_and_a_lower_one_removes_none() {
    let (mut rib, feed, _) = feed_and_reader();
    limit(&mut rib, feed, None, Some(1));
    announce(&mut rib, feed, &PREFIXES);
    assert_eq!(counts(&rib, feed), (4, 1, 3, 0));
    limit(&mut rib, feed, None, Some(3));
    assert_eq!(counts(&rib, feed), (4, 3, 1, 0));
    limit(&mut rib, feed, Some(1), Some(1));
    assert_eq!(counts(&rib, feed), (4, 3, 1, 0));
    limit(&mut rib, feed, None, None);
    assert_eq!(counts(&rib, feed), (4, 4, 0, 0));
}
