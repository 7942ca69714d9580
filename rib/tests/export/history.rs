//! Any history must leave every peer, and the forwarding table, with exactly what a naive recomputation
//! yields.

use std::env;

use margay_rib::{
    AsPathChecks, AsPathRules, DecisionRules, DeniedDirections, LocalAsn, NextHopMode, PathLimits, PathsSent,
    PrivateAsns,
};
use proptest::prelude::*;

use super::cast::{LOCAL_ASNS, NEXT_HOPS, PEERS, Variant, best};
use super::world::{AggregateKind, Event, Reflector, Rules, StaticKind, World};

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn any_history_leaves_every_peer_with_what_a_naive_rib_computes(
        forwards: bool,
        holds_back: bool,
        is_member: bool,
        events in proptest::collection::vec(event(), 1..160),
    ) {
        let mut world = World::starting(forwards, holds_back, is_member);
        for event in events {
            world.happen_somewhere(event);
        }
        world.settle();
    }
}

/// Ten thousand histories, unless the environment says otherwise (`PROPTEST_CASES`,
/// `PROPTEST_MAX_SHRINK_ITERS`).
fn histories() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 10_000;
    }
    if env::var_os("PROPTEST_MAX_SHRINK_ITERS").is_none() {
        config.max_shrink_iters = 20_000;
    }
    config
}

#[test]
fn a_refresh_after_a_withdrawal_brings_nothing_back() {
    let mut world = World::new(true);
    let announce = Event::Announce { peer: 3, prefixes: vec![0], path_id: 0, attributes: Variant::default() };
    let up = [Event::Up(5), Event::Up(6), Event::Up(3), announce, Event::Settle];
    let down = [Event::Down(3), Event::Down(6), Event::Settle, Event::Refresh(5), Event::Settle];
    up.into_iter().chain(down).for_each(|event| world.happen(event));
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let peer = 0..PEERS;
    let prefixes = || proptest::collection::vec(0..26u8, 1..12);
    prop_oneof![
        8 => peer.clone().prop_map(Event::Up),
        2 => peer.clone().prop_map(Event::Down),
        1 => peer.clone().prop_map(Event::Away),
        12 => (peer.clone(), prefixes(), 0..3u8, variant()).prop_map(|(peer, prefixes, path_id, attributes)| {
            Event::Announce { peer, prefixes, path_id, attributes }
        }),
        3 => (peer.clone(), 0..26u8, 1..60u8, proptest::option::weighted(0.7, variant())).prop_map(
            |(peer, prefix, paths, attributes)| Event::Crowd { peer, prefix, paths, attributes },
        ),
        6 => (peer.clone(), prefixes(), 0..3u8)
            .prop_map(|(peer, prefixes, path_id)| Event::Withdraw { peer, prefixes, path_id }),
        1 => (0..26u8, any::<bool>()).prop_map(|(prefix, blackhole)| Event::Originate { prefix, blackhole }),
        1 => (0..26u8).prop_map(|prefix| Event::StopOriginating { prefix }),
        1 => (0..26u8, proptest::option::weighted(0.7, static_kind()))
            .prop_map(|(prefix, route)| Event::Static { prefix, route }),
        1 => (0..26u8, proptest::option::weighted(0.7, aggregate_kind()))
            .prop_map(|(prefix, options)| Event::Aggregate { prefix, options }),
        1 => any::<bool>().prop_map(Event::DefaultRoute),
        1 => (0..8u8).prop_map(Event::Connected),
        1 => Just(Event::EndHoldBack),
        2 => (any::<bool>(), proptest::collection::vec((0..26u8, 0..3u8, 0..6u8), 0..6))
            .prop_map(|(has_data, toggled)| Event::Payloads { has_data, toggled }),
        3 => (reconfigured(), rules(), any::<[bool; 2]>(), decision()).prop_map(
            |(peers, rules, [other_clusters, meshed], decision)| {
                Event::Reconfigure { peers, rules, reflector: Reflector { other_clusters, meshed, decision } }
            },
        ),
        1 => (reconfigured(), 0..4u8).prop_map(|(peers, own)| Event::OwnNextHops { peers, own }),
        1 => peer.clone().prop_map(Event::Refresh),
        1 => peer.clone().prop_map(Event::Begin),
        1 => peer.clone().prop_map(Event::End),
        3 => (1..6usize).prop_map(Event::Work),
        8 => (peer, 1..4usize).prop_map(|(peer, chunks)| Event::Read { peer, chunks }),
        2 => (1..8usize).prop_map(Event::ReadForwarding),
        1 => Just(Event::Settle),
    ]
}

/// Some peers, or all.
fn reconfigured() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![5 => proptest::collection::vec(0..PEERS, 0..PEERS), 2 => Just((0..PEERS).collect())]
}

fn static_kind() -> impl Strategy<Value = StaticKind> {
    (proptest::collection::btree_set(0..4u8, 0..3), any::<[bool; 2]>()).prop_map(
        |(next_hops, [is_fallback, is_installed])| StaticKind { next_hops, is_fallback, is_installed },
    )
}

fn aggregate_kind() -> impl Strategy<Value = AggregateKind> {
    (0..4u8, 1..4u32, any::<bool>()).prop_map(|(contributors, least, holds)| AggregateKind {
        contributors,
        least,
        holds,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let next_hop = prop_oneof![
        Just(NextHopMode::Auto),
        Just(NextHopMode::OwnAddress),
        Just(NextHopMode::Keep),
        addresses()
    ];
    let paths = prop_oneof![Just(PathsSent::All), (1..4u16).prop_map(best)];
    let draining = proptest::bool::weighted(0.2);
    let default_originate = proptest::bool::weighted(0.3);
    let of_session = (paths, as_path(), limits(), denied(), draining, default_originate);
    (0..6u8, 0..6u8, next_hop, proptest::option::of(0..2u8), of_session).prop_map(
        |(
            import,
            export,
            next_hop,
            cluster,
            (paths, as_path, limits, denied, draining, default_originate),
        )| Rules {
            import,
            export,
            next_hop,
            cluster,
            paths,
            default_originate,
            as_path,
            limits,
            denied,
            draining,
        },
    )
}

/// An address for one family, or one for each.
fn addresses() -> impl Strategy<Value = NextHopMode> {
    any::<[bool; 2]>().prop_map(|[has_ipv4, has_ipv6]| NextHopMode::Addresses {
        ipv4: (has_ipv4 || !has_ipv6).then(|| [192, 0, 2, 7].into()),
        ipv6: has_ipv6.then(|| [0x2001, 0xdb8, 7, 0, 0, 0, 0, 7].into()),
    })
}

/// Rules on AS paths: mostly none.
fn as_path() -> impl Strategy<Value = AsPathRules> {
    let local_asn = (0..LOCAL_ASNS.len(), any::<[bool; 2]>())
        .prop_map(|(number, [prepends, replaces])| LocalAsn { asn: LOCAL_ASNS[number], prepends, replaces });
    let private_asns = prop_oneof![
        4 => Just(PrivateAsns::Kept),
        1 => Just(PrivateAsns::Removed),
        1 => Just(PrivateAsns::Replaced),
    ];
    let is_route_server_client = proptest::bool::weighted(0.2);
    (proptest::option::weighted(0.3, local_asn), private_asns, is_route_server_client, as_path_checks())
        .prop_map(|(local_asn, private_asns, is_route_server_client, checks)| AsPathRules {
            local_asn,
            private_asns,
            is_route_server_client,
            checks,
        })
}

/// Limits of a peer's paths: mostly none, and so low that they are reached.
fn limits() -> impl Strategy<Value = PathLimits> {
    let limit = || proptest::option::weighted(0.3, 1..6u32);
    (limit(), limit()).prop_map(|(received, accepted)| PathLimits { received, accepted })
}

/// Directions that are denied for want of filters: mostly none.
fn denied() -> impl Strategy<Value = DeniedDirections> {
    let rare = || proptest::bool::weighted(0.1);
    (rare(), rare()).prop_map(|(import, export)| DeniedDirections { import, export })
}

/// Checks of received AS paths: mostly none.
fn as_path_checks() -> impl Strategy<Value = AsPathChecks> {
    let rare = || proptest::bool::weighted(0.2);
    (rare(), rare(), rare()).prop_map(|(allows_own, requires_peer_first, refuses_sets)| AsPathChecks {
        own_as_allowed: u8::from(allows_own),
        requires_peer_first,
        refuses_sets,
    })
}

/// Changes to the decision process: mostly none.
fn decision() -> impl Strategy<Value = DecisionRules> {
    let rare = || proptest::bool::weighted(0.3);
    (rare(), rare(), rare()).prop_map(|(always_compares_med, prefers_present_best, ignores_identifiers)| {
        DecisionRules {
            always_compares_med,
            prefers_present_best,
            compares_identifiers: !ignores_identifiers,
        }
    })
}

fn variant() -> impl Strategy<Value = Variant> {
    (
        proptest::collection::vec(0..5u8, 0..3),
        0..3u8,
        proptest::option::of(0..3u8),
        0..3u8,
        proptest::option::weighted(0.2, 0..5u8),
        proptest::option::weighted(0.2, 0..3u8),
        0..NEXT_HOPS,
        proptest::option::weighted(0.12, 0..4u8),
        proptest::option::weighted(0.2, any::<bool>()),
    )
        .prop_map(
            |(
                asns,
                origin,
                med,
                local_pref,
                community,
                originator,
                next_hop,
                short_of_longest,
                only_to_customer,
            )| Variant {
                asns,
                origin,
                med,
                local_pref,
                community,
                originator,
                next_hop,
                short_of_longest,
                only_to_customer,
            },
        )
}
