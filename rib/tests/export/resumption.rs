//! A peer that restarts: its paths stay in use, and only the differences afterwards are sent.

use bgp_codec::{Community, Family, PathId};
use margay_filter::{Action, Condition, Filter, FilterChain, Glob, PeerCondition, Rule};
use margay_rib::{Audit, Departure, PeerIndex, PeerOptions, Rib};

use super::by_hand::{
    BLOCK, FEED, attributes, exports, feed_and_reader, gateway, parse, path_exports, reach, rib, unreach,
};
use super::cast::{identifier, options, with};

const OTHER: &str = "10.65.2.0/26";

/// A Rib after a feed that announced two routes, which the reader has read, went away.
fn without_the_feed() -> (Rib, PeerIndex, PeerIndex) {
    let (mut rib, feed, reader) = feed_and_reader();
    rib.apply_update(feed, reach(&[BLOCK, OTHER], attributes(|_| {}), gateway()));
    exports(&mut rib, reader);
    rib.peer_down(feed, Departure::Restarting);
    work(&mut rib);
    (rib, feed, reader)
}

fn work(rib: &mut Rib) {
    while rib.work(1000) {}
    let audit = Audit::of(rib);
    assert_eq!(audit.faults, Vec::<String>::new());
}

#[test]
fn routes_announced_again_as_before_are_no_change() {
    let (mut rib, feed, reader) = without_the_feed();
    assert!(!rib.view().has_export(reader), "the routes of a restarting peer stay");
    let back = rib.peer_up(options(FEED), Some(feed));
    assert_eq!(back, feed);
    rib.apply_update(back, reach(&[BLOCK, OTHER], attributes(|_| {}), gateway()));
    rib.end_refresh(back, Family::IPV4_UNICAST);
    work(&mut rib);
    assert!(!rib.view().has_export(reader), "nothing differs");
    assert_eq!(rib.view().peer_counts(back, Family::IPV4_UNICAST).received, 2);
    let sent = exports(&mut rib, back);
    assert_eq!((sent.reached.len(), sent.messages), (0, 2), "the feed gets its own table, which is empty");
}

#[test]
fn a_route_that_is_not_announced_again_is_removed_at_the_end() {
    let (mut rib, feed, reader) = without_the_feed();
    rib.peer_up(options(FEED), Some(feed));
    rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.med = Some(7)), gateway()));
    work(&mut rib);
    let sent = exports(&mut rib, reader);
    assert_eq!((sent.reached, sent.unreached), (parse(&[BLOCK]), vec![]), "and not before");
    rib.end_refresh(feed, Family::IPV4_UNICAST);
    work(&mut rib);
    let sent = exports(&mut rib, reader);
    assert_eq!((sent.reached, sent.unreached), (vec![], parse(&[OTHER])));
}

#[test]
fn the_paths_of_a_peer_that_stays_away_are_removed() {
    let (mut rib, feed, reader) = without_the_feed();
    rib.apply_update(feed, unreach(&[BLOCK]));
    assert!(!rib.view().has_export(reader), "a message of the former session comes too late");
    rib.peer_down(feed, Departure::Final);
    work(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
    assert_eq!(rib.view().counts().paths, 0);
    assert_ne!(rib.peer_up(options(FEED), Some(feed)), feed, "it comes too late");
}

#[test]
fn another_speaker_at_the_same_address_resumes_nothing() {
    let (mut rib, feed, reader) = without_the_feed();
    let other = rib.peer_up(with(options(FEED), |it| it.session.identifier = identifier(77)), Some(feed));
    assert_ne!(other, feed);
    work(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
}

/// A filter asks for the group of the peer, which is another when the peer is back.
#[test]
fn filters_see_the_peer_as_it_is_when_it_is_back() {
    let in_group = |group: &str| {
        let blue = Condition::SourcePeer(PeerCondition::Group(vec![Glob::new("blue")]));
        let rules = [Rule::new(blue, Action::Accept), Rule::new(Condition::always(), Action::Reject)];
        let import = FilterChain::new([Filter::new("blue-only", rules)]);
        with(options(FEED), |it| {
            it.rules.group = Some(group.into());
            it.rules.import = import;
        })
    };
    let (mut rib, feed, reader) = feed_and_reader();
    rib.peer_down(feed, Departure::Final);
    let feed = rib.peer_up(in_group("blue"), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert_eq!(exports(&mut rib, reader).reached, parse(&[BLOCK]));
    rib.peer_down(feed, Departure::Restarting);
    assert_eq!(rib.peer_up(in_group("red"), Some(feed)), feed);
    work(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached, parse(&[BLOCK]));
}

#[test]
fn a_family_that_is_no_longer_agreed_on_is_removed_at_once() {
    let (mut rib, feed, reader) = without_the_feed();
    let families = vec![Family::IPV6_UNICAST];
    assert_eq!(rib.peer_up(with(options(FEED), |it| it.session.families = families), Some(feed)), feed);
    work(&mut rib);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
}

#[test]
fn path_ids_stay() {
    let mut rib = rib();
    let feed = rib.peer_up(options(FEED), None);
    let reader =
        rib.peer_up(with(options(4), |it| it.session.path_ids_sent = vec![Family::IPV4_UNICAST]), None);
    work(&mut rib);
    let announce = |rib: &mut Rib, med| -> Vec<Option<PathId>> {
        rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.med = Some(med)), gateway()));
        path_exports(rib, reader).reached_paths.into_iter().map(|(_, id)| id).collect()
    };
    let before = announce(&mut rib, 1);
    rib.peer_down(feed, Departure::Restarting);
    work(&mut rib);
    rib.peer_up(options(FEED), Some(feed));
    assert_eq!(announce(&mut rib, 1), []);
    assert_eq!(announce(&mut rib, 2), before);
}

/// A reader that comes back must not be sent a kept slice with what has become its own path.
#[test]
fn a_peer_that_comes_back_is_not_sent_a_route_that_its_own_path_replaced() {
    let mut rib = rib();
    let [feed, one, other] = [0, 8, 9].map(|peer| rib.peer_up(options(peer), None));
    work(&mut rib);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.med = Some(1)), gateway()));
    rib.apply_update(one, reach(&[BLOCK], attributes(|it| it.med = Some(7)), gateway()));
    for peer in [one, other, feed] {
        exports(&mut rib, peer);
    }
    rib.peer_down(one, Departure::Restarting);
    work(&mut rib);
    // The slice that announces the feed's route is kept for the next reader that starts at the beginning.
    let late = rib.peer_up(options(10), None);
    assert_eq!(exports(&mut rib, late).reached.len(), 1);
    rib.apply_update(feed, unreach(&[BLOCK]));
    rib.peer_up(options(8), Some(one));
    work(&mut rib);
    let sent = exports(&mut rib, one);
    assert_eq!(sent.reached, [], "its own path is the best, though it is stale");
}

/// A reader that knows what LLGR_STALE means.
fn knowing() -> PeerOptions {
    let mut options = options(4);
    options.session.long_lived = true;
    options
}

/// What the reader of the routes of [`without_the_feed`] is sent when they become long-lived stale.
fn long_lived(
    reader: PeerOptions,
    feed_attributes: &bgp_codec::PathAttributes,
) -> (Rib, PeerIndex, PeerIndex) {
    let mut rib = rib();
    let [feed, reader] = [options(FEED), reader].map(|options| rib.peer_up(options, None));
    rib.apply_update(feed, reach(&[BLOCK, OTHER], feed_attributes.clone(), gateway()));
    work(&mut rib);
    exports(&mut rib, reader);
    rib.peer_down(feed, Departure::Restarting);
    rib.keep_long_lived(feed, &[Family::IPV4_UNICAST]);
    work(&mut rib);
    (rib, feed, reader)
}

/// RFC 9494 §4.2 and §4.3.
#[test]
fn a_long_lived_stale_route_is_marked_and_sent_to_peers_that_know_the_mark() {
    let knowing = knowing();
    let (mut rib, feed, reader) = long_lived(knowing, &attributes(|_| {}));
    let sent = exports(&mut rib, reader);
    assert_eq!((sent.reached.len(), sent.unreached.len()), (2, 0), "with the mark");
    assert_eq!(sent.communities, [Community::LLGR_STALE]);
    rib.peer_up(options(FEED), Some(feed));
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    rib.end_refresh(feed, Family::IPV4_UNICAST);
    work(&mut rib);
    let sent = exports(&mut rib, reader);
    assert_eq!((sent.reached, sent.unreached), (parse(&[BLOCK]), parse(&[OTHER])), "without it again");
    assert_eq!(sent.communities, []);
}

#[test]
fn a_long_lived_stale_route_is_withdrawn_from_peers_that_do_not_know_the_mark() {
    let (mut rib, _, reader) = long_lived(options(4), &attributes(|_| {}));
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
    assert_eq!(rib.view().counts().paths, 2, "they are in use here");
}

#[test]
fn a_route_with_no_llgr_is_not_kept_for_long() {
    let knowing = knowing();
    let forbidden = attributes(|it| it.communities.push(Community::NO_LLGR));
    let (mut rib, feed, reader) = long_lived(knowing, &forbidden);
    assert_eq!(exports(&mut rib, reader).unreached.len(), 2);
    assert_eq!(rib.view().peer_counts(feed, Family::IPV4_UNICAST).accepted, 0);
}

#[test]
fn another_path_is_preferred_to_a_long_lived_stale_one() {
    let knowing = knowing();
    let preferred = attributes(|it| it.local_pref = Some(1000));
    let (mut rib, _, reader) = long_lived(knowing, &preferred);
    exports(&mut rib, reader);
    let other = rib.peer_up(options(5), None);
    rib.apply_update(other, reach(&[BLOCK], attributes(|it| it.local_pref = Some(1)), gateway()));
    work(&mut rib);
    let sent = exports(&mut rib, reader);
    assert_eq!(sent.reached, parse(&[BLOCK]));
    assert_eq!(sent.communities, []);
}
