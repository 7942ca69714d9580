//! Cases that other daemons have failed in: one test each.

use std::sync::Arc;

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, AttributeType, ClusterId, Community, DecodeContext, Family, Ipv4Prefix, Message,
    NextHop, PathAttributesBuilder, PeerKind, UnknownAttributeBuf, decode_message, frame_length,
};
use margay_filter::{Action, Condition, Filter, FilterChain, Number, NumberCondition, Rule, ValueRange};
use margay_rib::{
    Departure, EncodedUpdates, ExportRefusal, ImportRefusal, NextHopMode, NotExported, Notice, NoticeKind,
    PagePosition, PeerIndex, PeerOptions, Reflection, ReflectorOptions, Rib, RouteSelection, RouteStatus,
};

use super::by_hand::{
    BLOCK, FEED, attributes, exports, feed_and_reader, gateway, path, path_exports, poll_export, reach,
    reach_all, rib, unreach,
};
use super::cast::{LOCAL_ASN, filter, identifier, options, with};
use super::world::{Event, World};

/// The change that a row of a table makes to a value.
type Change<T> = fn(&mut T);

#[test]
fn a_replacement_that_is_refused_removes_what_it_replaces() {
    let own_originator = attributes(|it| it.originator_id = Some(identifier(100)));
    let own_cluster = attributes(|it| {
        it.originator_id = Some(identifier(9));
        it.cluster_list = vec![ClusterId(7), identifier(100).into(), ClusterId(8)];
    });
    let rows = [
        (
            "AS loop",
            attributes(|it| it.as_path = AsPathBuf::from_sequence([Asn(65001), LOCAL_ASN])),
            gateway(),
        ),
        ("originator loop", own_originator, gateway()),
        ("cluster loop", own_cluster, gateway()),
        ("own next hop", attributes(|_| {}), NextHop::Ipv4([10, 0, 0, 100].into())),
    ];
    for (case, refused, next_hop) in rows {
        let (mut rib, feed, reader) = feed_and_reader();
        rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
        assert_eq!(exports(&mut rib, reader).reached, [BLOCK.parse().unwrap()], "{case}");
        rib.apply_update(feed, reach(&[BLOCK], refused, next_hop));
        assert_eq!(exports(&mut rib, reader).unreached, [BLOCK.parse().unwrap()], "{case}");
        let kept =
            rib.view().routes(Family::IPV4_UNICAST, RouteSelection::All, PagePosition::default(), 10).routes;
        assert!(matches!(kept[0].status, RouteStatus::Refused(..)), "{case}: it can still be shown");
    }
}

#[test]
fn a_cluster_added_later_applies_to_earlier_routes() {
    let (mut rib, feed, reader) = feed_and_reader();
    let through = attributes(|it| it.cluster_list = vec![ClusterId(7)]);
    rib.apply_update(feed, reach(&[BLOCK], through, gateway()));
    assert_eq!(exports(&mut rib, reader).reached, [BLOCK.parse().unwrap()]);
    let mut reflector = ReflectorOptions::new(identifier(100));
    for (cluster, unreached) in [(ClusterId(8), 0), (ClusterId(7), 1)] {
        reflector.clusters.push(cluster);
        rib.reconfigure(reflector.clone().into(), []);
        while rib.work(1000) {}
        assert_eq!(exports(&mut rib, reader).unreached.len(), unreached, "{cluster}");
    }
}

#[test]
fn a_replacement_that_a_filter_refuses_is_sent_as_a_withdrawal() {
    let mut rib = rib();
    let preferred = ValueRange::new(100, 200).expect("a range");
    let preferred = Condition::Number(NumberCondition { number: Number::LocalPref, range: preferred });
    let rule = Rule::new(preferred, Action::Accept);
    let import = FilterChain::new([Filter::new("preferred", [rule])]);
    let feed = rib.peer_up(with(options(5), |it| it.rules.import = import), None);
    let reader = rib.peer_up(options(4), None);
    let preference = |local_pref| attributes(|it| it.local_pref = Some(local_pref));
    rib.apply_update(feed, reach(&[BLOCK, "10.66.1.0/24"], preference(100), gateway()));
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    rib.apply_update(feed, reach(&[BLOCK], preference(99), gateway()));
    let exports = exports(&mut rib, reader);
    assert_eq!((exports.unreached, exports.reached), (vec![BLOCK.parse().unwrap()], Vec::new()));
}

#[test]
fn a_best_path_that_changes_in_any_way_is_sent_again() {
    let changes: [(&str, Change<PathAttributesBuilder>, NextHop); 3] = [
        ("next hop", |_| {}, NextHop::Ipv4([10, 200, 0, 77].into())),
        ("community", |it| it.communities = vec![Community(1)], gateway()),
        ("MED", |it| it.med = Some(1), gateway()),
    ];
    for (case, change, next_hop) in changes {
        let (mut rib, feed, reader) = feed_and_reader();
        rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
        exports(&mut rib, reader);
        rib.apply_update(feed, reach(&[BLOCK], attributes(change), next_hop));
        assert_eq!(exports(&mut rib, reader).reached, [BLOCK.parse().unwrap()], "{case}");
        rib.apply_update(feed, reach(&[BLOCK], attributes(change), next_hop));
        assert_eq!(exports(&mut rib, reader).octets, 0, "{case}: repeating it is not a change");
    }
}

#[test]
fn a_withdrawal_and_an_announcement_in_one_update_are_both_sent() {
    let (mut rib, feed, reader) = feed_and_reader();
    rib.apply_update(feed, reach(&["10.1.0.0/16"], attributes(|_| {}), gateway()));
    exports(&mut rib, reader);
    rib.apply_update(feed, unreach(&["10.1.0.0/16"]));
    rib.apply_update(feed, reach(&["10.2.0.0/16"], attributes(|_| {}), gateway()));
    let exports = exports(&mut rib, reader);
    assert_eq!(exports.unreached, ["10.1.0.0/16".parse().unwrap()]);
    assert_eq!(exports.reached, ["10.2.0.0/16".parse().unwrap()]);
}

#[test]
pub(crate) fn a_hundred_thousand_withdrawals_reach_the_peer() {
    let (mut rib, feed, reader) = feed_and_reader();
    let prefixes: Vec<Ipv4Prefix> = (0..100_000u32)
        .map(|number| Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24))
        .collect();
    rib.apply_update(feed, reach_all(&prefixes, attributes(|_| {}), gateway()));
    assert_eq!(exports(&mut rib, reader).reached.len(), prefixes.len());
    rib.peer_down(feed, Departure::Final);
    while rib.work(1000) {}
    let mut unreached = exports(&mut rib, reader).unreached;
    unreached.sort_unstable();
    assert!(unreached == prefixes, "{} withdrawals for {} prefixes", unreached.len(), prefixes.len());
    assert_eq!(
        (rib.view().counts().ipv4_prefixes, rib.view().counts().attribute_sets),
        (0, 0),
        "nothing remains"
    );
}

#[test]
fn a_peer_that_leaves_is_out_of_use_at_once_and_swept_in_slices() {
    let (mut rib, feed, _) = feed_and_reader();
    let prefixes: Vec<Ipv4Prefix> =
        (0..1000u32).map(|number| Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24)).collect();
    rib.apply_update(feed, reach_all(&prefixes, attributes(|_| {}), gateway()));
    rib.peer_down(feed, Departure::Final);
    let page = rib.view().routes(Family::IPV4_UNICAST, RouteSelection::All, PagePosition::default(), 1000);
    assert!(page.routes.iter().all(|route| route.status == RouteStatus::PeerGone));
    let before = rib.view().counts().paths;
    let mut most = 0;
    let mut left = before;
    while rib.work(100) {
        most = most.max(left - rib.view().counts().paths);
        left = rib.view().counts().paths;
    }
    assert!((1..=100).contains(&most), "{most} entries in one slice");
    assert_eq!(rib.view().counts().paths, 0);
}

#[test]
fn a_route_that_leaves_no_room_for_its_prefix_is_withdrawn_not_lost() {
    let (mut rib, feed, reader) = feed_and_reader();
    // Besides a prefix, the other attributes and the headers, 1,009 communities fit into the 4,096 octets of
    // a message.
    let fits = attributes(|it| it.communities = (0..1009).map(Community).collect());
    rib.apply_update(feed, reach(&[BLOCK, "10.66.0.0/16"], fits, gateway()));
    assert_eq!(exports(&mut rib, reader).reached.len(), 2);
    let too_long = attributes(|it| it.communities = (0..1010).map(Community).collect());
    rib.apply_update(feed, reach(&[BLOCK], too_long, gateway()));
    assert_eq!(exports(&mut rib, reader).unreached, [BLOCK.parse().unwrap()]);
    let counts = rib.view().peer_counts(reader, Family::IPV4_UNICAST);
    assert_eq!((counts.advertised, counts.too_long), (1, 1));
}

#[test]
fn a_route_that_is_too_long_for_a_peer_is_shown_as_withheld_and_noticed_once() {
    let (mut rib, feed, reader) = feed_and_reader();
    let with_communities = |count: u32| attributes(|it| it.communities = (0..count).map(Community).collect());
    // The third of these has a shorter prefix, which leaves room for it.
    let (long, short) = ([BLOCK, "10.66.0.0/24"], "10.0.0.0/8");
    for (communities, noticed) in [(1010, 2), (1011, 1), (1, 0), (1010, 2)] {
        rib.apply_update(feed, reach(&[long[0], long[1], short], with_communities(communities), gateway()));
        exports(&mut rib, reader);
        let is_too_long = communities >= 1010;
        let fits = if communities == 1011 { 0 } else { 1 };
        let advertised = fits + if is_too_long { 0 } else { 2 };
        let counts = rib.view().peer_counts(reader, Family::IPV4_UNICAST);
        let case = format!("{communities} communities");
        assert_eq!((counts.advertised, counts.too_long), (advertised, 3 - advertised), "{case}");
        let selection = RouteSelection::AdvertisedTo(reader);
        let shown = rib.view().routes(Family::IPV4_UNICAST, selection, PagePosition::default(), 10).routes;
        assert_eq!(shown.len(), advertised, "{case}");
        for prefix in long {
            let explanation = rib.view().explain(prefix.parse().unwrap()).expect("there is a path");
            let export = explanation.exports.iter().find(|export| &*export.peer == "peer4").unwrap();
            let refusal = is_too_long.then_some(NotExported::Refused(ExportRefusal::TooLong));
            assert_eq!((&export.refusal, export.is_sent), (&refusal, !is_too_long), "{case}, {prefix}");
        }
        let (notices, dropped) = rib.poll_notices();
        let of_reader = |notice: &&Notice| {
            notice.kind == NoticeKind::TooLong { peer: reader, others: 0 } && notice.peer == feed
        };
        assert_eq!((notices.iter().filter(of_reader).count(), dropped), (noticed, 0), "{case}");
    }
}

#[test]
fn martian_routes_are_refused_shown_and_noticed_once() {
    let own = NextHop::Ipv4([10, 0, 0, 100].into());
    let loopback = NextHop::Ipv4([127, 0, 0, 1].into());
    let rows = [
        ("224.0.0.0/4", gateway(), ImportRefusal::MartianDestination),
        ("127.0.0.0/8", gateway(), ImportRefusal::MartianDestination),
        ("10.0.0.100/32", gateway(), ImportRefusal::DestinationIsOwn),
        (BLOCK, loopback, ImportRefusal::MartianNextHop),
    ];
    for (prefix, next_hop, refusal) in rows {
        let (mut rib, feed, reader) = feed_and_reader();
        for med in 0..2 {
            let attributes = attributes(|it| it.med = Some(med));
            rib.apply_update(feed, reach(&[prefix], attributes, next_hop));
        }
        assert_eq!(exports(&mut rib, reader).octets, 0, "{prefix}");
        let shown = rib.view().routes_to(prefix.parse().unwrap(), RouteSelection::All);
        assert_eq!(shown[0].status, RouteStatus::Refused(refusal, None), "{prefix}");
        let notice =
            Notice { peer: feed, prefix: prefix.parse().unwrap(), kind: NoticeKind::Refused(refusal) };
        assert_eq!(rib.poll_notices(), (vec![notice], 0), "{prefix}");
    }
    // A refusal that is not a mistake of the peer is not noticed.
    let (mut rib, feed, _) = feed_and_reader();
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), own));
    assert_eq!(rib.poll_notices(), (Vec::new(), 0));
}

/// Exact to the octet: a reflected route has ORIGINATOR_ID and CLUSTER_LIST in addition to what was received.
#[test]
fn a_route_that_reflection_makes_too_long_is_withdrawn_and_comes_back_when_it_is_shorter() {
    // Header, lengths, ORIGIN, AS_PATH of one, NEXT_HOP, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST of one, a long attribute's
    // header, and the block's prefix.
    let others = 19 + 4 + 4 + 9 + 7 + 7 + 7 + 7 + 4 + 5;
    let padded = |octets: usize| {
        attributes(|it| {
            it.local_pref = Some(100);
            it.unknown
                .push(UnknownAttributeBuf::new(AttributeType(99), vec![0; octets]).expect("a long one"));
        })
    };
    for path_id in [0, 4] {
        let mut rib = rib();
        let source = rib.peer_up(options(4), None);
        let path_ids_sent = if path_id > 0 { vec![Family::IPV4_UNICAST] } else { Vec::new() };
        let reader = rib.peer_up(
            with(options(4), |it| {
                it.session.path_ids_sent = path_ids_sent;
                it.session.identifier = identifier(9);
            }),
            None,
        );
        let read = if path_id > 0 { path_exports } else { exports };
        while rib.work(1000) {}
        read(&mut rib, reader);
        let most = 4096 - others - path_id;
        for (octets, is_sent) in [(most - 1, true), (most, true), (most + 1, false), (most, true)] {
            rib.apply_update(source, reach(&[BLOCK], padded(octets), gateway()));
            let exports = read(&mut rib, reader);
            let case = format!("{octets} octets, {path_id} of a path id");
            assert_eq!(
                (exports.reached.len(), exports.unreached.len()),
                (is_sent.into(), (!is_sent).into()),
                "{case}"
            );
            assert!(octets != most || exports.octets == 4096, "{case}: a full message of {}", exports.octets);
        }
    }
}

#[test]
fn a_route_that_changed_often_while_a_reader_was_behind_is_sent_once() {
    let (mut rib, feed, reader) = feed_and_reader();
    for med in 0..10 {
        rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.med = Some(med)), gateway()));
    }
    assert_eq!(exports(&mut rib, reader).messages, 1);
}

/// What a member was sent before its own path became the best is not repeated when it starts again. So after
/// a refresh it must not read a slice that was encoded when another path was best: here one from the
/// beginning of the log, which a newcomer has just read, while the slices after it were dropped to save
/// memory.
#[test]
fn a_refresh_brings_no_member_what_its_own_path_has_replaced() {
    let (mut rib, feed, member) = feed_and_reader();
    // It reads nothing, so that the beginning of the log stays.
    rib.peer_up(options(4), None);
    let newcomer = rib.peer_up(options(4), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert_eq!(exports(&mut rib, member).reached.len(), 1);
    for (med, withdrawn) in [(1, 1), (2, 0)] {
        let better = attributes(|it| (it.local_pref, it.med) = (Some(200), Some(med)));
        rib.apply_update(member, reach(&[BLOCK], better, gateway()));
        assert_eq!(exports(&mut rib, member).unreached.len(), withdrawn);
    }
    // Twice two thirds of the octets that are kept at most.
    let announce_much = |rib: &mut Rib, number: u8| {
        for host in 0..6000 {
            let [high, low] = u16::to_be_bytes(host);
            let prefix = Ipv4Prefix::truncating([10, number, high, low].into(), 32);
            let long = attributes(|it| {
                it.med = Some(host.into());
                it.communities = (0..980).map(Community).collect();
            });
            rib.apply_update(feed, reach_all(&[prefix], long, gateway()));
        }
        assert_eq!(exports(rib, member).reached.len(), 6000);
    };
    announce_much(&mut rib, 1);
    poll_export(&mut rib, newcomer);
    announce_much(&mut rib, 2);
    rib.refresh(member, Family::IPV4_UNICAST);
    let exports = exports(&mut rib, member);
    assert_eq!(exports.reached.len(), 12_000, "from {:?} on", exports.reached.first());
}

#[test]
fn a_message_of_a_former_session_is_ignored() {
    let (mut rib, feed, reader) = feed_and_reader();
    rib.peer_down(feed, Departure::Final);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    while rib.work(1000) {}
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert_eq!(exports(&mut rib, reader).reached, []);
}

/// A member that does not read keeps a slice alive in which peer 1's route is announced. Meanwhile peer 8
/// takes the prefix over, leaves, and comes back: the withdrawal is for the new session, although the path
/// came from the former one.
#[test]
fn a_new_session_is_not_confused_with_the_former_one() {
    let mut world = World::new(true);
    let up = [8, 9, 10, 1].map(Event::Up);
    let works = || (0..9).map(|_| Event::Work(100));
    let route_of_1 = Event::Announce { peer: 1, prefixes: vec![0], path_id: 0, attributes: path(&[0, 0]) };
    let route_of_8 = Event::Announce { peer: 8, prefixes: vec![0], path_id: 0, attributes: path(&[]) };
    let takeover = [route_of_1, Event::Read { peer: 9, chunks: 9 }, route_of_8];
    let leave = [Event::Withdraw { peer: 1, prefixes: vec![0], path_id: 0 }, Event::Down(8)];
    let back = [Event::Up(8), Event::Settle];
    let events = up.into_iter().chain(works()).chain(takeover).chain(leave).chain(works()).chain(back);
    events.for_each(|event| world.happen(event));
}

#[test]
fn a_prefix_that_only_waits_for_its_withdrawal_is_not_a_route() {
    let (mut rib, feed, _) = feed_and_reader();
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert_eq!((rib.view().counts().ipv4_prefixes, rib.view().counts().paths), (1, 1));
    rib.apply_update(feed, unreach(&[BLOCK]));
    assert_eq!((rib.view().counts().ipv4_prefixes, rib.view().counts().paths), (0, 0));
    assert!(rib.view().explain(BLOCK.parse().unwrap()).is_none());
}

#[test]
fn routes_of_a_family_that_was_not_agreed_on_are_ignored() {
    let mut rib = rib();
    let feed = rib.peer_up(with(options(FEED), |it| it.session.families = vec![Family::IPV6_UNICAST]), None);
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    assert_eq!(rib.view().counts().paths, 0);
}

#[test]
fn a_thousand_peers_with_differently_named_equal_filters_share_octets() {
    let mut rib = rib();
    let feed = rib.peer_up(options(FEED), None);
    let readers: Vec<PeerIndex> = (0..1000)
        .map(|number| {
            rib.peer_up(with(options(4), |it| it.rules.name = Arc::from(format!("node{number}"))), None)
        })
        .collect();
    while rib.work(1000) {}
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    let counts = rib.view().peer_counts(readers[0], Family::IPV4_UNICAST);
    assert_eq!(counts.group_members, 1000);
    let first = poll_export(&mut rib, readers[0]).unwrap();
    for &reader in &readers[1..] {
        let chunks = poll_export(&mut rib, reader).unwrap();
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].octets.as_ptr(), first[0].octets.as_ptr(), "the same memory, not a copy");
    }
}

#[test]
fn members_that_join_or_request_a_refresh_together_share_octets() {
    let (mut rib, feed, _) = feed_and_reader();
    let prefixes: Vec<Ipv4Prefix> =
        (0..5000u32).map(|number| Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24)).collect();
    rib.apply_update(feed, reach_all(&prefixes, attributes(|_| {}), gateway()));
    let late: Vec<PeerIndex> = (0..50).map(|_| rib.peer_up(options(4), None)).collect();
    while rib.work(1000) {}
    let exports = share_octets(&mut rib, &late);
    assert_eq!(exports, prefixes.len(), "to late joiners");
    late.iter().for_each(|&peer| rib.refresh(peer, Family::IPV4_UNICAST));
    let sent_again = share_octets(&mut rib, &late);
    assert_eq!(sent_again, prefixes.len(), "to those that request a refresh");
}

/// Lets all peers read in turns until they are up to date, each time the same memory. Returns the number of
/// prefixes that each is sent.
fn share_octets(rib: &mut Rib, peers: &[PeerIndex]) -> usize {
    let mut shared = 0;
    let mut reached = 0;
    while let Some(first) = poll_export(rib, peers[0]) {
        for &peer in &peers[1..] {
            let others = poll_export(rib, peer).expect("as much as the first one");
            let addresses = |updates: &[EncodedUpdates]| -> Vec<*const u8> {
                updates.iter().map(|it| it.octets.as_ptr()).collect()
            };
            // Marks and End-of-RIB are a few octets, encoded for each peer.
            let is_routes = first.iter().any(|it| it.octets.len() > 100);
            assert!(!is_routes || addresses(&first) == addresses(&others), "a copy");
            shared += usize::from(is_routes);
        }
        reached += prefixes_in(&first);
    }
    assert!(shared >= peers.len() - 1, "there was something to share");
    reached
}

fn prefixes_in(updates: &[EncodedUpdates]) -> usize {
    let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    let mut count = 0;
    for updates in updates.iter().filter(|it| it.updates > 0) {
        let mut octets = updates.octets.clone();
        while let Some(length) = frame_length(&octets, 4096).expect("well-formed headers") {
            let message = decode_message(octets.split_to(length), &context).expect("well-formed messages");
            let Message::Update(update) = message else { panic!("no UPDATE") };
            count += update.reach().map(|reach| reach.nlri.iter::<Ipv4Prefix>().count()).sum::<usize>();
        }
    }
    count
}

#[test]
fn exactly_the_settings_that_alter_exports_split_a_group() {
    let knobs: [(&str, Change<PeerOptions>, bool); 11] = [
        ("name", |it| it.rules.name = Arc::from("another"), false),
        ("address", |it| it.session.address = [10, 0, 0, 55].into(), false),
        ("identifier", |it| it.session.identifier = identifier(55), false),
        ("AS number of another external peer", |it| it.session.asn = Asn(65055), false),
        ("import filter", |it| it.rules.import = filter("10.0.0.0/8", Action::Accept), false),
        ("export filter", |it| it.rules.export = filter("10.0.0.0/8", Action::Accept), true),
        ("next hop mode", |it| it.rules.next_hop = NextHopMode::Keep, true),
        ("own address", |it| it.own.ipv4 = Some(NextHop::Ipv4([10, 9, 9, 9].into())), true),
        ("subnet shared with us", |it| it.own.shared_subnet = None, true),
        ("width of AS numbers", |it| it.session.as_width = AsWidth::Two, true),
        ("longest message", |it| it.session.max_message_octets = 65_535, true),
    ];
    for (knob, turn, splits) in knobs {
        assert_eq!(splits_group(options(FEED), turn), splits, "{knob}");
    }
    let all_paths = |it: &mut PeerOptions| it.session.path_ids_sent = vec![Family::IPV4_UNICAST];
    let internal_knobs: [(&str, Change<PeerOptions>, bool); 5] = [
        ("several paths", all_paths, true),
        (
            "several paths in the other family",
            |it| it.session.path_ids_sent = vec![Family::IPV6_UNICAST],
            false,
        ),
        ("cluster", |it| it.rules.reflection = Reflection::Client(ClusterId(9)), true),
        ("client or not", |it| it.rules.reflection = Reflection::NonClient, true),
        ("subnet shared with us", |it| it.own.shared_subnet = None, false),
    ];
    for (knob, turn, splits) in internal_knobs {
        assert_eq!(splits_group(options(4), turn), splits, "{knob}");
    }
    let client = |it: &mut PeerOptions| it.rules.reflection = Reflection::Client(ClusterId(9));
    assert!(!splits_group(options(FEED), client), "reflection does not affect external peers");
}

fn splits_group(options: PeerOptions, turn: impl FnOnce(&mut PeerOptions)) -> bool {
    let mut rib = rib();
    let first = rib.peer_up(options.clone(), None);
    let mut other = options;
    turn(&mut other);
    let second = rib.peer_up(other, None);
    let group = |peer| rib.view().peer_counts(peer, Family::IPV4_UNICAST).group;
    group(first) != group(second)
}

#[test]
fn an_external_peer_on_the_same_subnet_is_sent_to_the_node_itself() {
    let mut rib = rib();
    let node = rib.peer_up(options(4), None);
    let tor = rib.peer_up(options(FEED), None);
    let on_subnet = NextHop::Ipv4([10, 200, 0, 12].into());
    let elsewhere = NextHop::Ipv4([10, 201, 0, 12].into());
    let inside = || attributes(|it| it.as_path = AsPathBuf::empty());
    let rows = [
        ("a node's block", inside(), on_subnet, on_subnet),
        ("a block behind a router", inside(), elsewhere, NextHop::Ipv4([10, 0, 0, 100].into())),
        ("another AS's route", attributes(|_| {}), on_subnet, NextHop::Ipv4([10, 0, 0, 100].into())),
    ];
    for (case, attributes, received, expected) in rows {
        rib.apply_update(node, reach(&[BLOCK], attributes, received));
        while rib.work(1000) {}
        let exports = rib.view().routes_to(BLOCK.parse().unwrap(), RouteSelection::AdvertisedTo(tor));
        assert!(exports.is_empty(), "{case}: not sent yet");
        while poll_export(&mut rib, tor).is_some() {}
        let exports = rib.view().routes_to(BLOCK.parse().unwrap(), RouteSelection::AdvertisedTo(tor));
        assert_eq!(exports[0].next_hop, Some(expected), "{case}");
    }
}

#[test]
fn filters_are_compared_by_content_not_by_name() {
    let mut rib = rib();
    let named = |prefix| with(options(4), |it| it.rules.export = filter(prefix, Action::Accept));
    let first = rib.peer_up(named("10.65.0.0/16"), None);
    let same = rib.peer_up(named("10.65.0.0/16"), None);
    let other = rib.peer_up(named("10.66.0.0/16"), None);
    let none = rib.peer_up(with(options(4), |it| it.rules.export = FilterChain::accept_all()), None);
    let group = |peer| rib.view().peer_counts(peer, Family::IPV4_UNICAST).group;
    assert_eq!(group(first), group(same));
    assert_ne!(group(first), group(other));
    assert_ne!(group(first), group(none));
}
