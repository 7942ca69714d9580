//! The checks of AS paths that an operator chooses for a peer.

use bgp_codec::{AsPathBuf, Family};
use margay_rib::{AsPathChecks, Audit, ReflectorOptions, Rib};

use super::by_hand::{BLOCK, FEED, attributes, gateway, reach, rib};
use super::cast::{LOCAL_ASN, identifier, options};

const NONE: AsPathChecks =
    AsPathChecks { own_as_allowed: 0, requires_peer_first: false, refuses_sets: false };

fn work(rib: &mut Rib) {
    while rib.work(1000) {}
    assert_eq!(Audit::of(rib).faults, Vec::<String>::new());
}

#[test]
fn each_check_refuses_what_it_is_for_and_a_change_counts_for_what_was_received_before() {
    let peer = options(FEED).session.asn;
    let own = LOCAL_ASN;
    let own_twice = AsPathChecks { own_as_allowed: 2, ..NONE };
    let first = AsPathChecks { requires_peer_first: true, ..NONE };
    let sets = AsPathChecks { refuses_sets: true, ..NONE };
    // (the path, the checks, whether it is accepted)
    let rows = [
        (format!("{peer} 65100"), NONE, true),
        (format!("{peer} {own}"), NONE, false),
        (format!("{peer} {own} {own}"), own_twice, true),
        (format!("{peer} {own} {own} {own}"), own_twice, false),
        (format!("{peer} 65100"), first, true),
        (format!("65100 {peer}"), first, false),
        (format!("65100 {peer}"), NONE, true),
        (format!("{peer} {{65100 65101}}"), sets, false),
        (format!("{peer} {{65100 65101}}"), NONE, true),
        (format!("{peer} 65100 65101"), sets, true),
    ];
    for (path, checks, is_accepted) in rows {
        let mut rib = rib();
        let feed = rib.peer_up(options(FEED), None);
        let as_path: AsPathBuf = path.parse().expect("an AS path");
        rib.apply_update(feed, reach(&[BLOCK], attributes(|it| it.as_path = as_path), gateway()));
        let mut rules = options(FEED).rules;
        rules.as_path.checks = checks;
        rib.reconfigure(ReflectorOptions::new(identifier(1)).into(), [(feed, rules)]);
        work(&mut rib);
        let counts = rib.view().peer_counts(feed, Family::IPV4_UNICAST);
        assert_eq!((counts.received, counts.accepted), (1, usize::from(is_accepted)), "{path}, {checks:?}");
    }
}
