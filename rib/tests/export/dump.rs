//! The state as text: it follows from the inputs of the Rib, and from nothing else.

use margay_rib::{
    Audit, DecisionRules, ForwardingOptions, KernelRouteView, NetworkOptions, ReflectorOptions, Rib,
    RibOptions,
};
use proptest::prelude::*;

use super::by_hand::{BLOCK, attributes, exports, gateway, parse, reach};
use super::cast::{LOCAL_ASN, identifier, options};
use super::history::event;
use super::world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn equal_inputs_give_equal_numbers(
        forwards: bool,
        holds_back: bool,
        is_member: bool,
        events in proptest::collection::vec(event(), 1..160),
    ) {
        let dump = || {
            let mut world = World::starting(forwards, holds_back, is_member);
            events.iter().for_each(|event| world.happen_somewhere(event.clone()));
            assert_eq!(Audit::of(&world.rib).faults, Vec::<String>::new(), "in the middle of everything");
            world.rib.view().dump().to_string()
        };
        prop_assert_eq!(dump(), dump());
    }
}

/// Kernel routes inside a network that starts and stops suppressing them.
#[test]
fn the_order_in_which_tables_are_hashed_does_not_matter() {
    let dump = || {
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
        let reader = rib.peer_up(options(4), None);
        let kernel = |metric| Some(KernelRouteView { metric, announced: true, interface: None });
        for (number, metric) in (0..30).zip((1024..1034).cycle()) {
            let prefix = parse(&[&format!("10.65.1.{number}/32")])[0];
            rib.set_kernel_route(prefix.into(), kernel(metric));
        }
        let network = parse(&["10.65.0.0/16"])[0];
        for suppress_more_specific in [true, false, true] {
            rib.originate(
                network.into(),
                NetworkOptions { suppress_more_specific, ..NetworkOptions::default() },
            );
        }
        while rib.work(1000) {}
        exports(&mut rib, reader);
        rib.stop_originating(network.into());
        rib.view().dump().to_string()
    };
    assert_eq!(dump(), dump());
}

#[test]
fn everything_that_is_known_of_a_route_is_in_it() {
    let mut rib = super::by_hand::rib();
    let (feed, reader) = (rib.peer_up(options(0), None), rib.peer_up(options(4), None));
    rib.apply_update(feed, reach(&[BLOCK], attributes(|_| {}), gateway()));
    while rib.work(1000) {}
    exports(&mut rib, reader);
    let dump = rib.view().dump().to_string();
    for part in [
        "peer 1 Up: ",
        "source 2, path id 3: Source { peer: PeerIndex(1)",
        &format!("entry 0 {BLOCK}: pinned by "),
        "  best path from source 2, attributes 0, used as 0\n",
        "  peer 2 has read up to 1 of 1\n",
        "  slot 0: attributes ",
    ] {
        assert!(dump.contains(part), "{part:?} in {dump}");
    }
}
