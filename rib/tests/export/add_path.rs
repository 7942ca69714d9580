//! Several paths to a prefix (RFC 7911): which are sent, and under which path identifiers.

use bgp_codec::{Family, Ipv4Prefix, Nlri, PathId, Update};
use margay_rib::{Departure, PathsSent, PeerIndex, PeerOptions, Rib};

use super::by_hand::{
    BLOCK, attributes, exports, feed_and_reader, gateway, path_exports, reach, rib, unreach,
};
use super::cast::{best, identifier, options, with};

/// The external peers 0, 8, 9 and 10, and an internal reader that is sent several paths.
fn feeds_and_reader(sent: PathsSent) -> (Rib, Vec<PeerIndex>, PeerIndex) {
    let mut rib = rib();
    let feeds = [0, 8, 9, 10].map(|peer| rib.peer_up(options(peer), None)).to_vec();
    let reader = rib.peer_up(reader_options(sent), None);
    while rib.work(1000) {}
    path_exports(&mut rib, reader);
    (rib, feeds, reader)
}

fn reader_options(sent: PathsSent) -> PeerOptions {
    with(options(4), |it| {
        it.session.path_ids_sent = vec![Family::IPV4_UNICAST];
        it.rules.paths_sent = sent;
    })
}

fn block() -> Ipv4Prefix {
    super::by_hand::parse(&[BLOCK])[0]
}

fn ids(paths: &[(Ipv4Prefix, Option<PathId>)]) -> Vec<PathId> {
    paths
        .iter()
        .map(|&(prefix, id)| {
            assert_eq!(prefix, block());
            id.expect("a path id was agreed on")
        })
        .collect()
}

#[test]
fn path_ids_stay_when_ranks_change() {
    let (mut rib, feeds, reader) = feeds_and_reader(PathsSent::All);
    let announce = |rib: &mut Rib, feed: usize, med: u32| {
        rib.apply_update(feeds[feed], reach(&[BLOCK], attributes(|it| it.med = Some(med)), gateway()));
        ids(&path_exports(rib, reader).reached_paths)
    };
    let first = announce(&mut rib, 0, 10);
    let second = announce(&mut rib, 1, 20);
    let third = announce(&mut rib, 2, 30);
    let all = [first.clone(), second.clone(), third.clone()].concat();
    assert!(all.len() == 3 && first != second && second != third && first != third, "{all:?}");
    assert_eq!(announce(&mut rib, 2, 1), third, "only the change is sent, under the same identifier");
    rib.apply_update(feeds[0], unreach(&[BLOCK]));
    let exports = path_exports(&mut rib, reader);
    assert_eq!((ids(&exports.unreached_paths), exports.reached.len()), (first, 0), "the others keep theirs");
}

#[test]
fn the_best_paths_are_chosen_among_those_that_may_be_sent() {
    let (mut rib, feeds, reader) = feeds_and_reader(best(2));
    let announce = |rib: &mut Rib, feed: usize, local: bool| {
        // The lower the feed's number, the better; a path that must not leave the speaker would be the best
        // of all.
        let attributes = attributes(|it| {
            it.as_path.prepend(bgp_codec::Asn(65001), feed);
            it.communities = local.then_some(bgp_codec::Community::NO_ADVERTISE).into_iter().collect();
        });
        rib.apply_update(feeds[feed], reach(&[BLOCK], attributes, gateway()));
        path_exports(rib, reader)
    };
    assert_eq!(announce(&mut rib, 0, true).octets, 0);
    let second = ids(&announce(&mut rib, 2, false).reached_paths);
    let third = ids(&announce(&mut rib, 3, false).reached_paths);
    let exports = announce(&mut rib, 1, false);
    assert_eq!(ids(&exports.unreached_paths), third, "the worst of the three goes");
    assert_eq!(exports.reached.len(), 1);
    let exports = announce(&mut rib, 0, false);
    assert_eq!((ids(&exports.unreached_paths), exports.reached.len()), (second.clone(), 1));
    rib.apply_update(feeds[1], unreach(&[BLOCK]));
    let exports = path_exports(&mut rib, reader);
    assert_eq!((ids(&exports.reached_paths), exports.unreached.len()), (second, 1), "and is sent again");
}

#[test]
fn a_reused_path_id_names_one_path_at_a_time() {
    let (mut rib, feeds, reader) = feeds_and_reader(PathsSent::All);
    rib.apply_update(feeds[0], reach(&[BLOCK], attributes(|_| {}), gateway()));
    let first = ids(&path_exports(&mut rib, reader).reached_paths);
    // Not read in between: the withdrawal of one path and the announcement of the other meet in the log.
    rib.apply_update(feeds[0], unreach(&[BLOCK]));
    rib.apply_update(feeds[1], reach(&[BLOCK], attributes(|it| it.med = Some(7)), gateway()));
    let exports = path_exports(&mut rib, reader);
    let reached = ids(&exports.reached_paths);
    let unreached = ids(&exports.unreached_paths);
    assert_eq!(reached.len(), 1);
    assert!(reached == first || unreached == first, "the first path is replaced or withdrawn: {exports:?}");
}

#[test]
fn a_thousand_clients_with_path_ids_are_one_group() {
    let mut rib = rib();
    let clients: Vec<PeerIndex> = (0..1000u32)
        .map(|number| {
            let address = (0x0a01_0000 + number).to_be_bytes().into();
            rib.peer_up(with(reader_options(PathsSent::All), |it| it.session.address = address), None)
        })
        .collect();
    let counts = rib.view().peer_counts(clients[0], Family::IPV4_UNICAST);
    assert_eq!((counts.group_members, rib.view().counts().export_groups), (1000, 2), "one for each family");
}

#[test]
fn any_of_many_paths_can_become_the_best() {
    let (mut rib, feed, reader) = feed_and_reader();
    let path = |number| Nlri { path_id: Some(PathId(number)), prefix: block() };
    let with_med = |med| attributes(|it| it.med = Some(med));
    let many = (0..=u16::MAX.into()).map(path);
    rib.apply_update(feed, Update::advertising(with_med(2), gateway(), true, many));
    let last = || [path(70_000)];
    for update in
        [Update::advertising(with_med(1), gateway(), true, last()), Update::withdrawing(true, last())]
    {
        while rib.work(1000) {}
        exports(&mut rib, reader);
        rib.apply_update(feed, update);
        while rib.work(1000) {}
        let exports = exports(&mut rib, reader);
        assert_eq!((exports.reached, exports.unreached), (vec![block()], Vec::new()));
    }
}

#[test]
fn two_thousand_paths_to_one_prefix_reach_every_peer() {
    let mut rib = rib();
    let nodes: Vec<PeerIndex> = (0..2000u32)
        .map(|number| {
            let address = (0x0a01_0000 + number).to_be_bytes().into();
            let identifier = identifier(1000 + number);
            rib.peer_up(
                with(reader_options(PathsSent::All), |it| {
                    it.session.address = address;
                    it.session.identifier = identifier;
                }),
                None,
            )
        })
        .collect();
    while rib.work(1000) {}
    for &node in &nodes {
        rib.apply_update(node, reach(&[BLOCK], attributes(|it| it.local_pref = Some(100)), gateway()));
    }
    let exports = path_exports(&mut rib, nodes[7]);
    assert_eq!(exports.reached.len(), 1999, "all but its own");
    for &node in &nodes[10..] {
        rib.peer_down(node, Departure::Final);
    }
    while rib.work(1000) {}
    assert_eq!(path_exports(&mut rib, nodes[7]).unreached.len(), 1990);
}
