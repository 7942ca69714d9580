//! New rules for peers during their sessions: they are sent the differences, and nothing else.

use bgp_codec::{Family, IpPrefix, Ipv4Prefix, NextHop, RouteRefresh};
use margay_rib::{
    AsPathChecks, AsPathRules, DeniedDirections, NetworkOptions, NextHopMode, OwnNextHops, PathLimits,
    PathsSent, PeerIndex, PrivateAsns, ReflectorOptions, Rib,
};

use super::by_hand::{FEED, attributes, exports, gateway, parse, reach, reach_all, rib, unreach_all};
use super::cast::{identifier, options, with};
use super::world::Rules;

const ALL: [&str; 3] = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"];

/// Two clients of one cluster, which are sent the same; both have these filters.
const RULES: Rules = Rules {
    import: 0,
    export: 0,
    next_hop: NextHopMode::Auto,
    cluster: Some(0),
    paths: PathsSent::All,
    default_originate: false,
    as_path: AS_PATH,
    limits: PathLimits { received: None, accepted: None },
    denied: DeniedDirections { import: false, export: false },
    draining: false,
};

/// Nothing beyond the RFC.
const AS_PATH: AsPathRules = AsPathRules {
    local_asn: None,
    private_asns: PrivateAsns::Kept,
    is_route_server_client: false,
    checks: AsPathChecks { own_as_allowed: 0, requires_peer_first: false, refuses_sets: false },
};

/// What a peer is sent: prefixes that became reachable, and prefixes that became unreachable.
type News = (Vec<Ipv4Prefix>, Vec<Ipv4Prefix>);

/// A Rib with an external feed of all prefixes and two clients that are up to date.
fn scene() -> (Rib, PeerIndex, [PeerIndex; 2]) {
    let mut rib = rib();
    let feed = rib.peer_up(options(FEED), None);
    rib.apply_update(feed, reach(&ALL, attributes(|_| {}), gateway()));
    let readers = [4, 6].map(|peer| rib.peer_up(options(peer), None));
    for reader in readers {
        assert_eq!(news(&mut rib, reader), (parse(&ALL), Vec::new()));
    }
    (rib, feed, readers)
}

fn news(rib: &mut Rib, peer: PeerIndex) -> News {
    while rib.work(1000) {}
    let exports = exports(rib, peer);
    let mut reached = exports.reached;
    reached.sort_unstable();
    (reached, exports.unreached)
}

fn reconfigure(rib: &mut Rib, peers: &[PeerIndex], rules: Rules) {
    let changes = peers.iter().map(|&peer| (peer, rules.as_rules()));
    rib.reconfigure(ReflectorOptions::new(identifier(100)).into(), changes);
}

/// More prefixes than the parts of work in these tests enter into a log at once.
fn many() -> Vec<Ipv4Prefix> {
    (0..300_u16)
        .map(|number| {
            let [high, low] = number.to_be_bytes();
            Ipv4Prefix::truncating([10, 2, high, low].into(), 32)
        })
        .collect()
}

fn groups(rib: &Rib, readers: [PeerIndex; 2]) -> [Option<u64>; 2] {
    readers.map(|reader| rib.view().peer_counts(reader, Family::IPV4_UNICAST).group)
}

#[test]
fn a_group_that_changes_as_a_whole_is_sent_the_difference_and_stays_one_group() {
    let (mut rib, _, readers) = scene();
    let before = groups(&rib, readers);
    reconfigure(&mut rib, &readers, Rules { export: 1, ..RULES });
    for reader in readers {
        assert_eq!(news(&mut rib, reader), (Vec::new(), parse(&["10.1.0.0/16"])));
    }
    assert_eq!(groups(&rib, readers), before);
}

#[test]
fn a_member_with_other_rules_leaves_its_group_and_returns_to_it() {
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
fn a_member_that_is_behind_when_its_rules_change_ends_with_the_new_routes() {
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
fn a_new_import_filter_applies_to_earlier_announcements() {
    let (mut rib, feed, [reader, _]) = scene();
    let external = Rules { cluster: None, ..RULES };
    reconfigure(&mut rib, &[feed], Rules { import: 2, ..external });
    assert_eq!(news(&mut rib, reader), (Vec::new(), parse(&["10.1.0.0/16", "10.3.0.0/16"])));
    assert_eq!(rib.view().peer_counts(feed, Family::IPV4_UNICAST).accepted, 1);
    reconfigure(&mut rib, &[feed], external);
    assert_eq!(news(&mut rib, reader), (parse(&["10.1.0.0/16", "10.3.0.0/16"]), Vec::new()));
}

#[test]
fn the_same_rules_again_send_nothing() {
    let (mut rib, feed, readers) = scene();
    reconfigure(&mut rib, &readers, RULES);
    reconfigure(&mut rib, &[feed], Rules { cluster: None, ..RULES });
    for reader in readers {
        assert!(!rib.view().has_export(reader));
    }
}

#[test]
fn a_group_is_split_in_parts_while_its_members_are_sent_changes() {
    const STEPS: usize = 10;
    let (mut rib, feed, [one, other]) = scene();
    let many = many();
    rib.apply_update(feed, reach_all(&many, attributes(|_| {}), gateway()));
    for reader in [one, other] {
        assert_eq!(news(&mut rib, reader).0.len(), many.len());
    }
    reconfigure(&mut rib, &[one], Rules { export: 1, ..RULES });
    let mut parts = 0;
    while rib.view().is_regrouping() {
        assert!(rib.work(STEPS), "there is more to do");
        parts += 1;
        if parts == 5 {
            rib.apply_update(feed, reach_all(&many[..1], attributes(|it| it.med = Some(7)), gateway()));
            for reader in [one, other] {
                assert_eq!(exports(&mut rib, reader).reached, many[..1], "the group goes on");
            }
        }
    }
    assert!(parts >= many.len() / STEPS, "{parts} parts of {STEPS} slots");
    assert_eq!(news(&mut rib, one), (Vec::new(), parse(&["10.1.0.0/16"])));
    assert_eq!(news(&mut rib, other), (Vec::new(), Vec::new()));
}

/// RFC 7313 §4.1: the end of a refresh is the end of the whole table, of which the log holds a part while it is filled again.
#[test]
fn a_refresh_ends_after_all_routes_under_the_latest_rules() {
    let (mut rib, feed, readers) = scene();
    let many = many();
    reconfigure(&mut rib, &readers, Rules { export: 1, ..RULES });
    rib.apply_update(feed, reach_all(&many, attributes(|_| {}), gateway()));
    for reader in readers {
        news(&mut rib, reader);
    }
    reconfigure(&mut rib, &readers, RULES);
    while rib.view().is_regrouping() {
        assert!(rib.work(1), "there is more to do");
    }
    rib.refresh(readers[0], Family::IPV4_UNICAST);
    let first = exports(&mut rib, readers[0]);
    assert_eq!(first.marks, [RouteRefresh::BEGIN], "of {} routes", first.reached.len());
    while rib.work(1000) {}
    let rest = exports(&mut rib, readers[0]);
    assert_eq!(rest.marks, [RouteRefresh::END]);
    assert_eq!(first.reached.len() + rest.reached.len(), many.len() + ALL.len());
}

/// A member that joins a group must hold everything that its log describes, because it will be sent only the
/// changes. Before the log is filled, it does not describe what a newcomer holds, so the removal of such a
/// route would not be a change.
#[test]
fn no_member_moves_to_a_group_whose_log_is_not_filled() {
    let mut rib = rib();
    rib.hold_back();
    let feed = rib.peer_up(options(FEED), None);
    let many = many();
    rib.apply_update(feed, reach_all(&many, attributes(|_| {}), gateway()));
    let one = rib.peer_up(options(4), None);
    reconfigure(&mut rib, &[one], Rules { export: 1, ..RULES });
    news(&mut rib, one);
    let other = rib.peer_up(options(6), None);
    news(&mut rib, other);
    // From now on both have the same rules, and the first one's log is filled before the other's.
    reconfigure(&mut rib, &[one], RULES);
    while rib.view().is_regrouping() {
        assert!(rib.work(1), "there is more to do");
    }
    let [group, heir] = groups(&rib, [one, other]);
    assert_ne!(group, heir);
    rib.end_hold_back();
    let mut reached = 0;
    while reached < many.len() {
        assert!(rib.work(1), "there is more to do");
        reached += exports(&mut rib, one).reached.len();
    }
    assert_eq!(groups(&rib, [one, other]), [group, heir]);
    rib.apply_update(feed, unreach_all(&many[many.len() - 1..]));
    assert_eq!(news(&mut rib, one).1, many[many.len() - 1..]);
    assert_eq!(news(&mut rib, other).0.len(), many.len() - 1);
    assert_eq!(groups(&rib, [one, other]), [heir; 2]);
}

/// A peer whose session is over IPv6 learns the IPv4 next hop of this node when it appears, changes or
/// disappears.
#[test]
fn changed_own_next_hops_are_advertised_again() {
    let mut rib = rib();
    let peer = rib.peer_up(with(options(0), |it| it.own.ipv4 = None), None);
    let prefixes = parse(&["10.1.0.0/16", "10.2.0.0/16"]);
    for &prefix in &prefixes {
        rib.originate(prefix.erase(), NetworkOptions::default());
    }
    assert_eq!(news(&mut rib, peer), (Vec::new(), Vec::new()), "there is no next hop");
    let set = |rib: &mut Rib, ipv4: Option<[u8; 4]>| {
        let ipv4 = ipv4.map(|address| NextHop::Ipv4(address.into()));
        rib.set_own_next_hops([(peer, OwnNextHops { ipv4, ..OwnNextHops::default() })]);
    };
    for own in [[192, 0, 2, 1], [192, 0, 2, 2]] {
        set(&mut rib, Some(own));
        while rib.work(1000) {}
        let exports = exports(&mut rib, peer);
        assert_eq!(exports.reached, prefixes);
        assert_eq!(exports.next_hops, [NextHop::Ipv4(own.into())]);
        set(&mut rib, Some(own));
        assert_eq!(news(&mut rib, peer), (Vec::new(), Vec::new()), "nothing has changed");
    }
    set(&mut rib, None);
    assert_eq!(news(&mut rib, peer), (Vec::new(), prefixes));
}
