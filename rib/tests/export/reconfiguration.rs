//! Other rules for peers whose sessions stay: they are told what differs, and nothing else.

use bgp_codec::{Family, Ipv4Prefix};
use margay_rib::{NextHopMode, PathsSent, PeerIndex, ReflectorOptions, Rib};

use super::by_hand::{FEED, attributes, gateway, parse, reach, rib, told};
use super::world::{Rules, identifier, options};

const ALL: [&str; 3] = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"];

/// Two clients of one cluster, who are told the same; both have these filters.
const RULES: Rules =
    Rules { import: 0, export: 0, next_hop: NextHopMode::Auto, cluster: Some(0), paths: PathsSent::All };

/// What a peer is told: what it can reach, and what it cannot any more.
type News = (Vec<Ipv4Prefix>, Vec<Ipv4Prefix>);

/// A Rib with an external feed of all prefixes and two clients that have been told.
fn scene() -> (Rib, PeerIndex, [PeerIndex; 2]) {
    let mut rib = rib();
    let feed = rib.peer_up(options(FEED));
    rib.apply_update(feed, reach(&ALL, attributes(|_| {}), gateway()));
    let readers = [4, 6].map(|peer| rib.peer_up(options(peer)));
    for reader in readers {
        assert_eq!(news(&mut rib, reader), (parse(&ALL), Vec::new()));
    }
    (rib, feed, readers)
}

fn news(rib: &mut Rib, peer: PeerIndex) -> News {
    while rib.work(1000) {}
    let told = told(rib, peer);
    let mut reached = told.reached;
    reached.sort_unstable();
    (reached, told.unreached)
}

fn reconfigure(rib: &mut Rib, peers: &[PeerIndex], rules: Rules) {
    let changes = peers.iter().map(|&peer| (peer, rules.as_rules()));
    rib.reconfigure(ReflectorOptions::new(identifier(100)), changes);
}

fn groups(rib: &Rib, readers: [PeerIndex; 2]) -> [Option<u32>; 2] {
    readers.map(|reader| rib.peer_counts(reader, Family::IPV4_UNICAST).group)
}

#[test]
fn a_group_that_changes_as_a_whole_is_told_the_difference_and_stays_one_group() {
    let (mut rib, _, readers) = scene();
    let before = groups(&rib, readers);
    reconfigure(&mut rib, &readers, Rules { export: 1, ..RULES });
    for reader in readers {
        assert_eq!(news(&mut rib, reader), (Vec::new(), parse(&["10.1.0.0/16"])));
    }
    assert_eq!(groups(&rib, readers), before);
}

#[test]
fn who_gets_other_rules_alone_is_told_alone_and_comes_back_to_the_others() {
    let (mut rib, _, [one, other]) = scene();
    reconfigure(&mut rib, &[one], Rules { export: 2, ..RULES });
    assert_eq!(news(&mut rib, one), (Vec::new(), parse(&["10.1.0.0/16", "10.3.0.0/16"])));
    assert_eq!(news(&mut rib, other), (Vec::new(), Vec::new()));
    let [alone, with_the_rest] = groups(&rib, [one, other]);
    assert_ne!(alone, with_the_rest);
    reconfigure(&mut rib, &[one], RULES);
    assert_eq!(news(&mut rib, one), (parse(&["10.1.0.0/16", "10.3.0.0/16"]), Vec::new()));
    assert_eq!(groups(&rib, [one, other]), [with_the_rest; 2]);
    assert_eq!(news(&mut rib, other), (Vec::new(), Vec::new()));
}

#[test]
fn who_is_behind_when_it_gets_other_rules_ends_with_what_they_say() {
    let (mut rib, feed, [one, other]) = scene();
    rib.apply_update(
        feed,
        reach(&["10.1.0.0/16", "10.2.0.0/16"], attributes(|it| it.med = Some(7)), gateway()),
    );
    reconfigure(&mut rib, &[one], Rules { export: 1, ..RULES });
    assert_eq!(news(&mut rib, one), (parse(&["10.2.0.0/16"]), parse(&["10.1.0.0/16"])));
    assert_eq!(news(&mut rib, other), (parse(&["10.1.0.0/16", "10.2.0.0/16"]), Vec::new()));
}

#[test]
fn an_import_filter_is_asked_again_about_what_the_peer_announced_long_ago() {
    let (mut rib, feed, [reader, _]) = scene();
    let external = Rules { cluster: None, ..RULES };
    reconfigure(&mut rib, &[feed], Rules { import: 2, ..external });
    assert_eq!(news(&mut rib, reader), (Vec::new(), parse(&["10.1.0.0/16", "10.3.0.0/16"])));
    assert_eq!(rib.peer_counts(feed, Family::IPV4_UNICAST).accepted, 1);
    reconfigure(&mut rib, &[feed], external);
    assert_eq!(news(&mut rib, reader), (parse(&["10.1.0.0/16", "10.3.0.0/16"]), Vec::new()));
}

#[test]
fn the_same_rules_once_more_are_no_news() {
    let (mut rib, feed, readers) = scene();
    reconfigure(&mut rib, &readers, RULES);
    reconfigure(&mut rib, &[feed], Rules { cluster: None, ..RULES });
    for reader in readers {
        assert!(!rib.has_export(reader));
    }
}

#[test]
fn a_group_of_which_some_change_is_taken_apart_in_parts_while_all_its_members_are_told_news() {
    const ROUTES: u16 = 300;
    const STEPS: usize = 10;
    let (mut rib, feed, [one, other]) = scene();
    let many: Vec<String> = (0..ROUTES).map(|it| format!("10.2.{}.{}/32", it / 256, it % 256)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    rib.apply_update(feed, reach(&many, attributes(|_| {}), gateway()));
    for reader in [one, other] {
        assert_eq!(news(&mut rib, reader).0.len(), many.len());
    }
    reconfigure(&mut rib, &[one], Rules { export: 1, ..RULES });
    let mut parts = 0;
    while rib.is_regrouping() {
        assert!(rib.work(STEPS), "there is more to do");
        parts += 1;
        if parts == 5 {
            rib.apply_update(feed, reach(&many[..1], attributes(|it| it.med = Some(7)), gateway()));
            for reader in [one, other] {
                assert_eq!(told(&mut rib, reader).reached, parse(&many[..1]), "the group goes on");
            }
        }
    }
    assert!(parts >= usize::from(ROUTES) / STEPS, "{parts} parts of {STEPS} slots");
    assert_eq!(news(&mut rib, one), (Vec::new(), parse(&["10.1.0.0/16"])));
    assert_eq!(news(&mut rib, other), (Vec::new(), Vec::new()));
}
