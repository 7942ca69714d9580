//! Random filters, routes and sessions from small pools, so that rules match often.

use std::net::IpAddr;

use bgp_codec::{Family, NextHop, Origin, PathAttributesBuilder, PeerKind, Prefix};
use margay_filter::{
    Action, AsPathCondition, CommunitySet, Condition, Covering, Edit, Filter, Glob, LengthRange, LocalValues,
    NextHopChoice, NextHopCondition, Number, NumberCondition, OriginSet, PeerCondition, PeerRelation,
    PrefixCondition, PrefixRange, PrefixSet, RpkiState, Rule, Session, SourceKind, ValueRange,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::interpreter::{Route, Source};

pub(crate) fn filters() -> impl Strategy<Value = Vec<Filter>> {
    prop::collection::vec(filter("top", true), 0..3)
}

fn filter(name: &'static str, calls: bool) -> BoxedStrategy<Filter> {
    let rules = prop::collection::vec(rule(calls), 0..6);
    (0..100u32, rules).prop_map(move |(number, rules)| Filter::new(&format!("{name}{number}"), rules)).boxed()
}

fn rule(calls: bool) -> BoxedStrategy<Rule> {
    let plain = select(vec![Action::Accept, Action::Reject, Action::Continue, Action::Continue]);
    let action = if calls {
        prop_oneof![3 => plain, 1 => filter("called", false).prop_map(Action::Call)].boxed()
    } else {
        plain.boxed()
    };
    (condition(), prop::collection::vec(edit(), 0..3), action, prop::bool::weighted(0.2))
        .prop_map(|(condition, edits, action, logs)| {
            Rule::new(condition, action).with_edits(edits).with_log(logs)
        })
        .boxed()
}

fn condition() -> impl Strategy<Value = Condition> {
    leaf().prop_recursive(3, 12, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            some.clone().prop_map(Condition::all),
            some.prop_map(Condition::any),
            inner.prop_map(Condition::not),
        ]
    })
}

fn leaf() -> BoxedStrategy<Condition> {
    let names = || select(vec!["tor*", "node1", "*", "?or1"]).prop_map(|text| vec![Glob::new(text)]);
    let peer = || {
        prop_oneof![
            names().prop_map(PeerCondition::Name),
            names().prop_map(PeerCondition::Group),
            prefix().prop_map(PeerCondition::Address),
            select(vec![
                PeerRelation::External,
                PeerRelation::Internal,
                PeerRelation::Client,
                PeerRelation::Confederation
            ])
            .prop_map(|relation| PeerCondition::Relation(vec![relation])),
        ]
    };
    prop_oneof![
        (prop::option::of(prefix()), prop::option::of((0..=32u8, 0..=32u8))).prop_map(|(prefix, lengths)| {
            let lengths = lengths.and_then(|(one, other)| LengthRange::new(one.min(other), one.max(other)));
            let condition = PrefixCondition::new(prefix, lengths);
            Condition::Prefix(condition.unwrap_or_else(|_| PrefixCondition::new(prefix, None).unwrap()))
        }),
        prefix_set().prop_map(Condition::PrefixSet),
        prefix().prop_map(|prefix| Condition::Covering(Covering(prefix))),
        select(vec![RpkiState::Unknown, RpkiState::Valid]).prop_map(|state| Condition::Rpki(vec![state])),
        select(vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST]).prop_map(Condition::Family),
        prop::collection::vec(source_kind(), 1..3).prop_map(Condition::Source),
        peer().prop_map(Condition::SourcePeer),
        peer().prop_map(Condition::Session),
        select(vec!["cali*", "*", "eth0"]).prop_map(|text| Condition::Interface(vec![Glob::new(text)])),
        prefix().prop_map(|prefix| Condition::NextHop(NextHopCondition::In(prefix))),
        prefix_set().prop_map(|set| Condition::NextHop(NextHopCondition::InSet(set))),
        community_set().prop_map(Condition::Community),
        as_path().prop_map(Condition::AsPath),
        (number(), 0..4u32, 0..4u32).prop_map(|(number, one, other)| {
            let ends = [50, 99, 100, 300];
            let (one, other) = (ends[one as usize], ends[other as usize]);
            let range = ValueRange::new(one.min(other), one.max(other)).unwrap();
            Condition::Number(NumberCondition { number, range })
        }),
        prop::collection::vec(origin(), 0..3).prop_map(|origins| Condition::Origin(OriginSet::new(origins))),
        any::<bool>().prop_map(Condition::Stale),
    ]
    .boxed()
}

fn as_path() -> impl Strategy<Value = AsPathCondition> {
    let patterns = vec![
        "^$",
        "_1_",
        "^1_",
        "_3$",
        "^1 .*",
        "_[12]_",
        "(1_)+",
        "^(1|2)( 3)*$",
        "_{.*}$",
        "1?2",
        "[^1]",
        "_",
        "12 _?3",
        ".",
        "^[0-9]+ [0-9]+$",
        "2.3|^3",
    ];
    let sets = || select(vec!["1", "2..3", "12, 3", "5"]).prop_map(|text| text.parse().unwrap());
    prop_oneof![
        4 => select(patterns).prop_map(|text| AsPathCondition::Matches(text.parse().unwrap())),
        1 => sets().prop_map(AsPathCondition::Contains),
        1 => sets().prop_map(AsPathCondition::OriginatedBy),
        1 => sets().prop_map(AsPathCondition::ReceivedFrom),
        1 => sets().prop_map(AsPathCondition::Only),
        1 => prop::collection::vec((1..4u32).prop_map(bgp_codec::Asn), 0..3).prop_map(AsPathCondition::StartsWith),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let expressions =
        vec!["7", "local_pref", "300 - local_pref", "med or 50", "local_pref + 1", "min(med, 99)", "metric"];
    let choices = vec![
        NextHopChoice::Address(NextHop::Ipv4([10, 0, 0, 9].into())),
        NextHopChoice::OwnAddress,
        NextHopChoice::Keep,
        NextHopChoice::Peer,
    ];
    let communities = || prop::collection::vec(community().prop_map(|text| text.parse().unwrap()), 1..3);
    prop_oneof![
        3 => prop::collection::vec((number(), select(expressions)), 1..4).prop_map(|numbers| {
            let numbers = numbers.into_iter().map(|(number, text)| (number, text.parse().unwrap()));
            Edit::Numbers(numbers.collect())
        }),
        1 => Just(Edit::RemoveMed),
        1 => origin().prop_map(Edit::Origin),
        1 => select(choices).prop_map(Edit::NextHop),
        2 => communities().prop_map(Edit::AddCommunities),
        1 => communities().prop_map(Edit::ReplaceCommunities),
        2 => community_set().prop_map(Edit::RemoveCommunities),
        1 => prop::collection::vec((1..4u32).prop_map(bgp_codec::Asn), 1..3).prop_map(Edit::Prepend),
        1 => Just(Edit::Blackhole),
        1 => Just(Edit::Link("tunl0".into())),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    select(Number::ALL.to_vec())
}

fn origin() -> impl Strategy<Value = Origin> {
    select(vec![Origin::Igp, Origin::Egp, Origin::Incomplete])
}

fn source_kind() -> impl Strategy<Value = SourceKind> {
    select(vec![SourceKind::Peer, SourceKind::Local, SourceKind::Kernel, SourceKind::Static])
}

fn community() -> impl Strategy<Value = &'static str> {
    select(vec![
        "65001:100",
        "65001:101",
        "no-export",
        "1:2:3",
        "1:2:4",
        "rt:1:2",
        "rt:1L:2",
        "soo:10.0.0.1:7",
    ])
}

fn community_set() -> impl Strategy<Value = CommunitySet> {
    let patterns = vec![
        "65001:100",
        "65001:*",
        "no-export",
        "large:1:2:*",
        "rt:1:2",
        "rt:*:*",
        "soo:10.0.0.1:1..9",
        "0x0002000100000002",
    ];
    prop::collection::vec(select(patterns), 0..3)
        .prop_map(|texts| CommunitySet::new(texts.iter().map(|text| text.parse().unwrap())))
}

fn prefix_set() -> impl Strategy<Value = PrefixSet> {
    prop::collection::vec(prefix(), 0..5).prop_map(|prefixes| {
        PrefixSet::new(prefixes.iter().map(|&prefix| PrefixRange::new(prefix, None).unwrap()).collect())
    })
}

pub(crate) fn prefix() -> impl Strategy<Value = Prefix> {
    let texts = vec![
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.65.0.0/16",
        "10.65.1.0/24",
        "10.65.1.0/26",
        "10.65.1.7/32",
        "10.0.0.0/24",
        "10.0.0.9/32",
        "192.168.0.0/16",
        "::/0",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "2001:db8:1::1/128",
    ];
    select(texts).prop_map(|text| text.parse().unwrap())
}

pub(crate) fn session() -> impl Strategy<Value = Session> {
    let name = select(vec!["tor1", "tor2", "node1"]);
    let group = prop::option::of(select(vec!["tors", "node1"]));
    let address = select(vec!["10.0.0.1", "10.65.1.7", "2001:db8:1::1"])
        .prop_map(|text| text.parse::<IpAddr>().unwrap());
    (name, group, address, any::<(bool, bool)>()).prop_map(
        |(name, group, address, (is_internal, is_client))| Session {
            name: name.into(),
            group: group.map(Into::into),
            address,
            kind: if is_internal { PeerKind::Ibgp } else { PeerKind::Ebgp },
            is_client: is_internal && is_client,
        },
    )
}

pub(crate) fn route() -> impl Strategy<Value = Route> {
    let source = prop_oneof![session().prop_map(Source::Peer), local_source().prop_map(Source::Other)];
    let value = || prop::option::of(select(vec![0, 50, 99, 100, 200, u32::MAX]));
    let local = (value(), value(), value(), value()).prop_map(|(preference, weight, metric, tag)| {
        LocalValues { preference: preference.unwrap_or(100), weight: weight.unwrap_or(0), metric, tag }
    });
    let next_hop = prop::option::of(select(vec!["10.0.0.9", "10.65.1.7", "2001:db8:1::1"]));
    let facts =
        (next_hop, local, source, prop::option::of(select(vec!["cali1", "eth0"])), any::<(bool, bool)>());
    let next_hop_of = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    (prefix(), attributes(), facts).prop_map(
        move |(prefix, attributes, (next_hop, local, source, interface, flags))| Route {
            prefix,
            rpki: if flags.0 { RpkiState::Valid } else { RpkiState::Unknown },
            built: attributes.build(),
            attributes,
            next_hop: next_hop_of(next_hop),
            received_next_hop: next_hop_of(next_hop),
            local,
            source,
            interface: interface.map(str::to_owned),
            is_stale: flags.1,
        },
    )
}

fn local_source() -> impl Strategy<Value = SourceKind> {
    select(vec![SourceKind::Local, SourceKind::Kernel, SourceKind::Static])
}

fn attributes() -> impl Strategy<Value = PathAttributesBuilder> {
    let paths = vec!["", "1", "1 2 3", "12 3", "2 1", "1 {2 3}", "3 3 3", "{1}", "1 12 2"];
    let value = || prop::option::of(select(vec![50, 99, 100, 200]));
    let communities = prop::collection::vec(community(), 0..4);
    (origin(), select(paths), value(), value(), communities).prop_map(
        |(origin, path, local_pref, med, communities)| {
            let mut builder = PathAttributesBuilder::new(origin);
            builder.as_path = path.parse().unwrap();
            (builder.local_pref, builder.med) = (local_pref, med);
            for text in communities {
                match text.parse().unwrap() {
                    margay_filter::AnyCommunity::Standard(one) => builder.communities.push(one),
                    margay_filter::AnyCommunity::Large(one) => builder.large_communities.push(one),
                    margay_filter::AnyCommunity::Extended(one) => builder.extended_communities.push(one),
                }
            }
            builder
        },
    )
}
