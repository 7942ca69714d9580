//! The engine against a naive interpreter, on random filters and routes.

#![expect(clippy::unwrap_used, reason = "the generators know what they write")]

mod generator;
mod interpreter;
mod regular_expression;

use bgp_codec::PathAttributes;
use margay_filter::{FilterChain, FindingKind, NextHopEdit, RouteEdits, Session};
use proptest::prelude::*;

use self::interpreter::Route;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_a_naive_interpreter(
        filters in generator::filters(),
        routes in prop::collection::vec(generator::route(), 1..12),
        session in generator::session(),
    ) {
        let chain = FilterChain::new(filters.clone()).for_session(&session);
        for route in routes {
            let (path, destination) = (route.path(), route.destination());
            let verdict = chain.evaluate(&path, &destination);
            let expected = interpreter::run(&filters, &session, route.clone());
            let found = verdict.is_accepted().then(|| edited(&route, &verdict.edits));
            prop_assert_eq!(&found, &expected.route, "{:?} by {:?}", route, filters);
            prop_assert_eq!(chain.reason(&verdict).to_string(), expected.reason);
            let logged = chain.logged(&verdict);
            prop_assert_eq!(logged.is_some(), expected.logged_by.is_some());
            if let (Some(logged), Some(rule)) = (logged, expected.logged_by) {
                prop_assert!(logged.ends_with(&rule), "{} by {}", logged, rule);
            }
        }
    }

    #[test]
    fn both_halves_together_are_the_whole(
        filters in generator::filters(),
        route in generator::route(),
        prefixes in prop::collection::vec(generator::prefix(), 1..30),
    ) {
        let chain = FilterChain::new(filters);
        let path = route.path();
        let mut halfway = chain.by_path(&path);
        if !chain.looks_at_prefix() {
            prop_assert!(halfway.settled().is_some());
        }
        for prefix in prefixes {
            let destination = prefix.into();
            let whole = chain.evaluate(&path, &destination);
            if let Some(settled) = halfway.settled() {
                prop_assert_eq!(settled, &whole);
            }
            prop_assert_eq!(halfway.verdict(&chain, &path, &destination), &whole, "{}", prefix);
        }
    }

    #[test]
    fn no_route_meets_a_rule_that_is_said_to_be_never_reached(
        filters in generator::filters(),
        routes in prop::collection::vec(generator::route(), 1..12),
        session in generator::session(),
    ) {
        for filter in filters {
            let chain = FilterChain::new([filter.clone()]).for_session(&session);
            for route in &routes {
                let (path, destination) = (route.path(), route.destination());
                let trace = chain.trace(&path, &destination);
                let met = |rule: usize| {
                    trace.rules.iter().any(|traced| {
                        (traced.filter, traced.rule, traced.matched) == (filter.name(), rule, true)
                    })
                };
                for finding in filter.findings() {
                    if matches!(finding.kind, FindingKind::Shadowed { .. }) {
                        prop_assert!(!met(finding.rule), "{} for {:?} in {:?}", finding, route, filter);
                    }
                }
            }
        }
    }

    #[test]
    fn a_chain_survives_being_written_down(filters in generator::filters()) {
        let chain = FilterChain::new(filters);
        let octets = postcard::to_allocvec(&chain).unwrap();
        let read: FilterChain = postcard::from_bytes(&octets).unwrap();
        prop_assert_eq!(&read, &chain);
        prop_assert_eq!(read.content(), chain.content());
    }

    #[test]
    fn equal_chains_for_sessions_that_differ_in_nothing_asked(
        filters in generator::filters(),
        one in generator::session(),
        other in generator::session(),
        route in generator::route(),
    ) {
        let chain = FilterChain::new(filters);
        let (one, other) = (chain.for_session(&one), chain.for_session(&other));
        if one.same_content(&other) {
            let (path, destination) = (route.path(), route.destination());
            prop_assert_eq!(one.evaluate(&path, &destination), other.evaluate(&path, &destination));
        }
    }
}

fn edited(route: &Route, edits: &RouteEdits) -> Route {
    let attributes: PathAttributes = edits.applied_to(&route.attributes.build());
    let mut builder = attributes.to_builder();
    builder.large_communities.dedup();
    Route {
        attributes: builder,
        local: edits.applied_to_local(route.local),
        next_hop: match edits.next_hop {
            Some(NextHopEdit::Address(next_hop)) => Some(next_hop),
            Some(NextHopEdit::OwnAddress) => None,
            Some(NextHopEdit::Keep) | None => route.next_hop,
        },
        ..route.clone()
    }
}

#[test]
fn sessions_are_answered_in_the_chain() {
    let session = |name: &str| Session {
        name: name.into(),
        group: None,
        address: [10, 0, 0, 1].into(),
        kind: bgp_codec::PeerKind::Ebgp,
        is_client: false,
    };
    use margay_filter::{Action, Condition, Filter, Glob, PeerCondition, Rule};
    let rules = [
        Rule::new(Condition::Session(PeerCondition::Name(vec![Glob::new("tor*")])), Action::Accept),
        Rule::new(Condition::always(), Action::Reject),
    ];
    let chain = FilterChain::new([Filter::new("tors-only", rules)]);
    let contents = ["tor1", "tor2", "node1"].map(|name| chain.for_session(&session(name)).content());
    assert_eq!(contents[0], contents[1], "both are tors");
    assert_ne!(contents[0], contents[2]);
}
