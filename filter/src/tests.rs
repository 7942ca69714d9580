//! Chains on routes.

use std::collections::HashSet;

use bgp_codec::{Family, Origin, PathAttributes, PathAttributesBuilder, PeerKind, Prefix};

use crate::*;

/// A path with these attributes and no other property.
pub(crate) fn path_of(attributes: &PathAttributes) -> RoutePath<'_> {
    RoutePath {
        family: Family::IPV4_UNICAST,
        attributes,
        next_hop: None,
        local: LocalValues { preference: 100, ..LocalValues::default() },
        source: RouteSource::Local,
        interface: None,
        is_stale: false,
    }
}

fn plain() -> PathAttributes {
    PathAttributesBuilder::new(Origin::Igp).build()
}

fn within(prefix: &str) -> Condition {
    Condition::Prefix(PrefixCondition::new(Some(prefix.parse().unwrap()), None).unwrap())
}

fn accepting(name: &str, prefixes: &[&str]) -> Filter {
    Filter::new(name, prefixes.iter().map(|prefix| Rule::new(within(prefix), Action::Accept)))
}

fn reason(chain: &FilterChain, prefix: &str) -> String {
    let attributes = plain();
    let destination = Destination::from(prefix.parse::<Prefix>().unwrap());
    let verdict = chain.evaluate(&path_of(&attributes), &destination);
    chain.reason(&verdict).to_string()
}

#[test]
fn the_first_rule_that_decides_is_named_with_its_line() {
    let filter = Filter::new(
        "pods-only",
        [
            Rule::new(within("10.65.9.0/24"), Action::Reject),
            Rule::new(within("10.65.0.0/16"), Action::Accept),
        ],
    );
    let chain = FilterChain::new([filter.with_lines([14, 15])]);
    let rows = [
        ("10.65.9.0/26", "rejected by filter pods-only, rule 1 (line 14)"),
        ("10.65.1.0/26", "accepted by filter pods-only, rule 2 (line 15)"),
        ("10.66.1.0/26", "rejected by filter pods-only: no rule matches"),
    ];
    for (prefix, expected) in rows {
        assert_eq!(reason(&chain, prefix), expected, "{prefix}");
    }
}

#[test]
fn every_filter_must_accept() {
    let chain = FilterChain::new([
        accepting("pods", &["10.65.0.0/16", "10.66.0.0/16"]),
        accepting("first-half", &["10.65.0.0/17", "10.66.0.0/17"]),
    ]);
    let rows = [
        ("10.65.1.0/26", "accepted by filter first-half, rule 1"),
        ("10.66.1.0/26", "accepted by filter first-half, rule 2"),
        ("10.65.128.0/26", "rejected by filter first-half: no rule matches"),
        ("10.67.0.0/26", "rejected by filter pods: no rule matches"),
    ];
    for (prefix, expected) in rows {
        assert_eq!(reason(&chain, prefix), expected, "{prefix}");
    }
    assert_eq!(reason(&FilterChain::accept_all(), "10.0.0.0/8"), "accepted: no filter");
}

#[test]
fn a_called_filter_that_does_not_decide_goes_back_to_its_caller() {
    let common = Filter::new("common", [Rule::new(within("10.9.0.0/16"), Action::Reject)]);
    let top = Filter::new(
        "top",
        [
            Rule::new(within("10.0.0.0/8"), Action::Call(common)),
            Rule::new(Condition::always(), Action::Accept),
        ],
    );
    let chain = FilterChain::new([top, accepting("rest", &["0.0.0.0/0"])]);
    assert_eq!(reason(&chain, "10.9.1.0/24"), "rejected by filter common, rule 1");
    assert_eq!(reason(&chain, "10.8.1.0/24"), "accepted by filter rest, rule 1");
    assert_eq!(reason(&chain, "11.9.1.0/24"), "accepted by filter rest, rule 1");
}

#[test]
fn a_thousand_chains_of_one_content_are_one_key() {
    let chain = |name: &str, prefix| FilterChain::new([accepting(name, &[prefix])]);
    let keys: HashSet<ChainContent> =
        (0..1000).map(|peer| chain(&format!("peer-{peer}"), "10.65.0.0/16").content()).collect();
    assert_eq!(keys.len(), 1);
    assert!(!keys.contains(&FilterChain::accept_all().content()));
    assert!(!keys.contains(&chain("peer-0", "10.66.0.0/16").content()));
}

#[test]
fn same_content_ignores_names_and_lines_and_respects_order() {
    let (pods, services) = (accepting("pods", &["10.65.0.0/16"]), accepting("services", &["10.96.0.0/12"]));
    let renamed = accepting("other", &["10.65.0.0/16"]).with_lines([7]);
    let chain = FilterChain::new([pods.clone(), services.clone()]);
    assert!(chain.same_content(&FilterChain::new([renamed, services.clone()])));
    assert!(!chain.same_content(&FilterChain::new([services, pods.clone()])));
    assert!(!chain.same_content(&FilterChain::new([pods])));
}

/// The contract of Calico's clusters, with 2147483647 as the number from which both values are taken.
#[test]
fn values_are_set_from_one_another_and_read_back_by_later_filters() {
    const M: u32 = 2_147_483_647;
    let number = |number, lowest, highest| {
        Condition::Number(NumberCondition { number, range: ValueRange::new(lowest, highest).unwrap() })
    };
    let set = |number, text: &str| Edit::number(number, text.parse().unwrap());
    let accept = |condition, edits: Vec<Edit>| Rule::new(condition, Action::Accept).with_edits(edits);
    let metric = || set(Number::Metric, "2147483647 - local_pref");
    let elevated = vec![metric(), set(Number::Preference, "200")];
    let import = Filter::new(
        "in",
        [
            accept(number(Number::LocalPref, M - 1023, M), elevated),
            accept(Condition::always(), vec![metric()]),
        ],
    );
    let read_back = Filter::new(
        "read-back",
        [
            accept(number(Number::Metric, 1, 600), vec![set(Number::LocalPref, "7")]),
            accept(Condition::always(), vec![]),
        ],
    );
    let chain = FilterChain::new([import, read_back]);
    let edits = |local_pref| {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.local_pref = local_pref;
        let attributes = builder.build();
        let destination = Destination::from("10.65.1.0/26".parse::<Prefix>().unwrap());
        let edits = chain.evaluate(&path_of(&attributes), &destination).edits;
        (edits.metric, edits.preference, edits.local_pref)
    };
    assert_eq!(edits(Some(M - 1024)), (Some(1024), None, None));
    assert_eq!(edits(Some(M - 512)), (Some(512), Some(200), Some(7)));
    assert_eq!(edits(Some(u32::MAX)), (Some(0), None, None), "never below nothing");
    assert_eq!(edits(None), (None, None, None));
}

#[test]
fn a_trace_has_every_rule_that_was_asked() {
    let set = Edit::number(Number::LocalPref, "7".parse().unwrap());
    let filter = Filter::new(
        "in",
        [
            Rule::new(within("10.66.0.0/16"), Action::Reject),
            Rule::new(within("10.65.0.0/16"), Action::Continue).with_edits([set]),
            Rule::new(Condition::always(), Action::Accept),
            Rule::new(Condition::always(), Action::Reject),
        ],
    );
    let chain = FilterChain::new([filter]);
    let attributes = plain();
    let destination = Destination::from("10.65.1.0/26".parse::<Prefix>().unwrap());
    let path = path_of(&attributes);
    let trace = chain.trace(&path, &destination);
    let rules: Vec<_> =
        trace.rules.iter().map(|rule| (rule.rule, rule.matched, rule.edits.local_pref)).collect();
    assert_eq!(rules, [(1, false, None), (2, true, Some(7)), (3, true, Some(7))]);
    assert_eq!(trace.reason.to_string(), "accepted by filter in, rule 3");
    assert_eq!(trace.edits.local_pref, Some(7));
}

#[test]
fn a_tree_of_questions_stays_bounded() {
    let step = |host: u8| {
        let edit = Edit::number(Number::Tag, format!("2 * (tag or 1) + {}", host % 2).parse().unwrap());
        Rule::new(within(&format!("10.0.0.{host}/32")), Action::Continue).with_edits([edit])
    };
    let rules = (0..=255).map(step).chain([Rule::new(Condition::always(), Action::Accept)]);
    let chain = FilterChain::new([Filter::new("long", rules)]);
    let attributes = plain();
    let path = path_of(&attributes);
    let mut halfway = chain.by_path(&path);
    for host in (0..=255u8).chain(0..=255) {
        let destination = Destination::from(format!("10.0.0.{host}/32").parse::<Prefix>().unwrap());
        let whole = chain.evaluate(&path, &destination);
        assert_eq!(halfway.verdict(&chain, &path, &destination), &whole);
    }
}

#[test]
fn an_ipv4_next_hop_leaves_that_of_an_ipv6_route_as_it_is() {
    let attributes = plain();
    let set = |choice| {
        let rule = Rule::new(Condition::always(), Action::Accept).with_edits([Edit::NextHop(choice)]);
        FilterChain::new([Filter::new("set", [rule])])
    };
    let session = Session {
        name: "tor1".into(),
        group: None,
        address: "10.0.0.1".parse().unwrap(),
        kind: PeerKind::Ebgp,
        is_client: false,
    };
    let address = |text: &str| NextHopChoice::Address(text.parse().unwrap());
    let rows = [
        ("10.65.0.0/16", address("10.0.0.9"), true),
        ("10.65.0.0/16", address("2001:db8::9"), true),
        ("10.65.0.0/16", NextHopChoice::Peer, true),
        ("2001:db8:1::/48", address("10.0.0.9"), false),
        ("2001:db8:1::/48", address("2001:db8::9"), true),
        ("2001:db8:1::/48", NextHopChoice::Peer, false),
    ];
    for (prefix, choice, is_set) in rows {
        let prefix: Prefix = prefix.parse().unwrap();
        let source = RouteSource::Peer(&session);
        let path = RoutePath { family: prefix.family(), source, ..path_of(&attributes) };
        let edits = set(choice).evaluate(&path, &prefix.into()).edits;
        assert_eq!(edits.next_hop.is_some(), is_set, "{choice:?} for {prefix}");
    }
}
