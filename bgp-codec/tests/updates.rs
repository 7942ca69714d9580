//! Valid UPDATEs: the decoded values, and what is passed on.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{
    AsWidth, Asn, Community, DecodeContext, Family, Ipv4Prefix, Ipv6Prefix, Message, NextHop, Nlri, Origin,
    PathAttributes, PathId, PeerKind, Update, decode_message,
};
use bytes::Bytes;

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const EMPTY_AS_PATH: &[u8] = &[0x40, 2, 0];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 10, 0, 0, 1];
const NLRI: &[u8] = &[24, 10, 65, 1];

fn update(withdrawn: &[u8], attributes: &[&[u8]], nlri: &[u8]) -> Bytes {
    let attributes = attributes.concat();
    let length = |octets: &[u8]| u16::try_from(octets.len()).unwrap().to_be_bytes();
    let body = [&length(withdrawn), withdrawn, &length(&attributes), &attributes, nlri].concat();
    let total = u16::try_from(body.len() + 19).unwrap().to_be_bytes();
    [&[0xff; 16][..], &total, &[2], &body].concat().into()
}

fn decode_with(octets: Bytes, context: &DecodeContext) -> Update {
    match decode_message(octets, context) {
        Ok(Message::Update(update)) => update,
        other => panic!("not an UPDATE: {other:?}"),
    }
}

fn decode(octets: Bytes) -> Update {
    decode_with(octets, &DecodeContext::new(PeerKind::Ibgp, AsWidth::Four))
}

fn attributes_of(attributes: &[&[u8]], as_width: AsWidth) -> PathAttributes {
    let octets = update(&[], &[&[ORIGIN, NEXT_HOP], attributes].concat(), NLRI);
    let update = decode_with(octets, &DecodeContext::new(PeerKind::Ibgp, as_width));
    assert_eq!(update.defects(), []);
    update.attributes().unwrap().to_path_attributes()
}

#[test]
fn withdrawals_and_routes_of_both_families_share_a_message() {
    let mp_reach: &[u8] =
        &[0x80, 14, 22, 0, 2, 1, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    let mp_unreach: &[u8] = &[0x80, 15, 6, 0, 2, 1, 16, 0x20, 1];
    let update = decode(update(&[8, 11], &[mp_reach, mp_unreach, ORIGIN, EMPTY_AS_PATH, NEXT_HOP], NLRI));

    let [v4, v6] = update.unreach().collect::<Vec<_>>()[..] else { panic!("{update:?}") };
    assert!(v4.iter().eq([Nlri::<Ipv4Prefix>::new("11.0.0.0/8".parse().unwrap())]));
    assert!(v6.iter().eq([Nlri::<Ipv6Prefix>::new("2001::/16".parse().unwrap())]));
    let [mp, plain] = update.reach().collect::<Vec<_>>()[..] else { panic!("{update:?}") };
    assert_eq!(mp.next_hop, NextHop::Ipv6("fd00::1".parse().unwrap()));
    assert!(mp.nlri.iter().eq([Nlri::<Ipv6Prefix>::new("::/0".parse().unwrap())]));
    assert_eq!(plain.next_hop, NextHop::Ipv4([10, 0, 0, 1].into()));
    assert!(plain.nlri.iter().eq([Nlri::<Ipv4Prefix>::new("10.65.1.0/24".parse().unwrap())]));
    assert_eq!(update.end_of_rib(), None);
}

#[test]
fn an_end_of_rib_contains_nothing_else() {
    let v6: &[u8] = &[0x80, 15, 3, 0, 2, 1];
    let cases: [(&str, Bytes, Option<Family>); 5] = [
        ("empty", update(&[], &[], &[]), Some(Family::IPV4_UNICAST)),
        ("empty MP_UNREACH_NLRI", update(&[], &[v6], &[]), Some(Family::IPV6_UNICAST)),
        ("a withdrawal", update(&[8, 10], &[], &[]), None),
        ("a withdrawal next to it", update(&[8, 10], &[v6], &[]), None),
        ("an attribute next to it", update(&[], &[ORIGIN, v6], &[]), None),
    ];
    for (name, octets, expected) in cases {
        assert_eq!(decode(octets).end_of_rib(), expected, "{name}");
    }
}

#[test]
fn path_ids_are_read_where_they_were_agreed() {
    let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    context.add_path = vec![Family::IPV4_UNICAST];
    let octets =
        update(&[0, 0, 0, 9, 8, 11], &[ORIGIN, EMPTY_AS_PATH, NEXT_HOP], &[0, 0, 0, 1, 24, 10, 65, 1]);
    let update = decode_with(octets, &context);
    let path_ids = |block: bgp_codec::NlriBlock<'_>| {
        block.iter::<Ipv4Prefix>().map(|nlri| nlri.path_id).collect::<Vec<_>>()
    };
    assert_eq!(path_ids(update.unreach().next().unwrap()), [Some(PathId(9))]);
    assert_eq!(path_ids(update.reach().next().unwrap().nlri), [Some(PathId(1))]);
}

#[test]
fn equal_sets_are_equal_octets() {
    let as_path: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0, 9];
    let med: &[u8] = &[0x80, 4, 4, 0, 0, 0, 1];
    let ascending = attributes_of(&[as_path, med], AsWidth::Four);
    let same = [
        ("another order", attributes_of(&[med, as_path], AsWidth::Four)),
        ("extended length", attributes_of(&[&[0x50, 2, 0, 6, 2, 1, 0, 0, 0, 9], med], AsWidth::Four)),
        ("unused flags", attributes_of(&[as_path, &[0x8f, 4, 4, 0, 0, 0, 1]], AsWidth::Four)),
        ("two octets", attributes_of(&[&[0x40, 2, 4, 2, 1, 0, 9], med], AsWidth::Two)),
    ];
    for (name, attributes) in same {
        assert_eq!(attributes.octets(), ascending.octets(), "{name}");
    }
    let other_next_hop = update(&[], &[ORIGIN, as_path, &[0x40, 3, 4, 10, 0, 0, 2], med], NLRI);
    assert_eq!(decode(other_next_hop).attributes().unwrap(), ascending);
}

#[test]
fn a_set_in_a_message_has_the_octets_of_its_copy() {
    let mp_reach: &[u8] = &[0x80, 14, 13, 0, 1, 1, 4, 10, 0, 0, 1, 0, 24, 10, 66, 1];
    let med: &[u8] = &[0x80, 4, 4, 0, 0, 0, 1];
    let large = [&[0xc0, 32, 24][..], &[7; 24]].concat();
    type Row<'a> = (&'a str, &'a [&'a [u8]], &'a [u8]);
    let rows: [Row<'_>; 6] = [
        ("in one piece", &[ORIGIN, EMPTY_AS_PATH, NEXT_HOP], NLRI),
        ("in two", &[ORIGIN, EMPTY_AS_PATH, NEXT_HOP, med], NLRI),
        ("after its routes", &[mp_reach, ORIGIN, EMPTY_AS_PATH, med], &[]),
        ("in too many", &[mp_reach, ORIGIN, &[0x80, 26, 0], EMPTY_AS_PATH, NEXT_HOP, med], NLRI),
        ("in another order", &[med, EMPTY_AS_PATH, ORIGIN, NEXT_HOP], NLRI),
        ("with something twice", &[ORIGIN, EMPTY_AS_PATH, NEXT_HOP, &large], NLRI),
    ];
    // Former contents of the buffer do not matter.
    let mut buffer = vec![1, 2, 3];
    for (name, attributes, nlri) in rows {
        let update = decode(update(&[], attributes, nlri));
        let view = update.attributes().unwrap();
        let copy = view.to_path_attributes();
        assert_eq!(view.canonical_octets(&mut buffer), copy.octets(), "{name}");
        assert_eq!(copy.to_builder().build().octets(), copy.octets(), "{name}");
        assert!(view == copy && view.iter().eq(copy.iter()), "{name}");
    }
}

#[test]
fn an_update_built_of_values_is_the_one_read() {
    let octets = update(&[], &[ORIGIN, EMPTY_AS_PATH, NEXT_HOP], NLRI);
    let read = decode(octets);
    let set = read.attributes().unwrap().to_path_attributes();
    let (next_hop, nlri) =
        (NextHop::Ipv4([10, 0, 0, 1].into()), "10.65.1.0/24".parse::<Ipv4Prefix>().unwrap());
    assert_eq!(Update::advertising(set.clone(), next_hop, false, [Nlri::new(nlri)]), read);
    assert_ne!(Update::withdrawing(false, [Nlri::new(nlri)]), read);
    let other = NextHop::Ipv4([10, 0, 0, 2].into());
    assert_ne!(Update::advertising(set.clone(), other, false, [Nlri::new(nlri)]), read);
    let nothing = Update::advertising(set, next_hop, false, [] as [Nlri<Ipv4Prefix>; 0]);
    assert!(nothing.reach().next().is_none());
    assert_eq!(Update::ending(Family::IPV4_UNICAST), decode(update(&[], &[], &[])));
}

#[test]
fn the_summary_agrees_with_the_octets() {
    let attributes = attributes_of(
        &[
            &[0x40, 2, 16, 2, 2, 0, 0, 0, 9, 0, 0, 0, 8, 1, 1, 0, 0, 0, 7],
            &[0x80, 4, 4, 0, 0, 0, 1],
            &[0x40, 5, 4, 0x7f, 0xff, 0xfb, 0xff],
            &[0x40, 6, 0],
            &[0xc0, 7, 8, 0, 1, 0, 0, 10, 0, 0, 9],
            &[0xc0, 8, 8, 0xff, 0xff, 0xff, 1, 0, 5, 0, 6],
            &[0x80, 9, 4, 10, 0, 0, 3],
            &[0x80, 10, 8, 10, 0, 0, 4, 10, 0, 0, 5],
            &[0xc0, 16, 8, 0, 2, 0, 1, 0, 0, 0, 1],
            &[0xc0, 32, 24, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        ],
        AsWidth::Four,
    );
    assert_eq!(attributes.origin(), Origin::Igp);
    assert_eq!(attributes.as_path().to_string(), "9 8 {7}");
    assert_eq!((attributes.as_path_length(), attributes.neighbor_as()), (3, Some(Asn(9))));
    assert_eq!((attributes.med(), attributes.local_pref()), (Some(1), Some(2_147_482_623)));
    assert!(attributes.atomic_aggregate());
    assert_eq!(attributes.aggregator().unwrap().to_string(), "65536 10.0.0.9");
    assert!(attributes.communities().eq([Community::NO_EXPORT, Community(0x0005_0006)]));
    assert_eq!(attributes.originator_id().unwrap().to_string(), "10.0.0.3");
    let clusters: Vec<String> = attributes.cluster_list().map(|cluster| cluster.to_string()).collect();
    assert_eq!((clusters, attributes.cluster_list_length()), (vec!["10.0.0.4".into(), "10.0.0.5".into()], 2));
    assert_eq!(attributes.extended_communities().next().unwrap().to_string(), "rt:1:1");
    let large: Vec<String> = attributes.large_communities().map(|community| community.to_string()).collect();
    assert_eq!(large, ["1:2:3"], "repetitions are removed (RFC 8092 §3)");
}

#[test]
fn only_unknown_transitive_attributes_are_passed_on_and_marked() {
    let attributes = attributes_of(&[EMPTY_AS_PATH, &[0xc0, 99, 2, 1, 2], &[0x80, 98, 1, 3]], AsWidth::Four);
    let unknown: Vec<_> = attributes.unknown().collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].attribute_type().0, unknown[0].value()), (99, &[1, 2][..]));
    assert!(attributes.octets().ends_with(&[0xe0, 99, 2, 1, 2]), "{:?}", attributes.octets());
}

#[test]
fn the_partial_bit_stays_through_a_change() {
    let attributes = attributes_of(&[EMPTY_AS_PATH, &[0xe0, 8, 4, 0, 1, 0, 1]], AsWidth::Four);
    let mut builder = attributes.to_builder();
    builder.med = Some(1);
    assert!(builder.build().octets().ends_with(&[0xe0, 8, 4, 0, 1, 0, 1]));
}

#[test]
fn as4_attributes_of_two_octet_peers_are_merged() {
    // AS_PATH; then AGGREGATOR, AS4_PATH and AS4_AGGREGATOR, if any; the merged path and aggregator.
    let as_path: &[u8] = &[0x40, 2, 8, 2, 3, 0, 9, 0x5b, 0xa0, 0x5b, 0xa0];
    let as4_path: &[u8] = &[0xc0, 17, 10, 2, 2, 0, 1, 0, 0, 0, 2, 0, 0];
    let long_as4_path: &[u8] = &[0xc0, 17, 18, 2, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0];
    let trans: &[u8] = &[0xc0, 7, 6, 0x5b, 0xa0, 10, 0, 0, 1];
    let plain: &[u8] = &[0xc0, 7, 6, 0, 9, 10, 0, 0, 2];
    let as4_aggregator: &[u8] = &[0xc0, 18, 8, 0, 1, 0, 0, 10, 0, 0, 3];
    let merged = "9 65536 131072";
    let unmerged = "9 23456 23456";
    type Case<'a> = (&'a str, &'a [&'a [u8]], &'a str, Option<&'a str>);
    let cases: [Case<'_>; 8] = [
        ("neither", &[], unmerged, None),
        ("path", &[as4_path], merged, None),
        ("longer path", &[long_as4_path], unmerged, None),
        ("path and aggregator", &[as4_path, trans, as4_aggregator], merged, Some("65536 10.0.0.3")),
        ("aggregated later", &[as4_path, plain, as4_aggregator], unmerged, Some("9 10.0.0.2")),
        ("aggregator alone", &[trans, as4_aggregator], unmerged, Some("65536 10.0.0.3")),
        ("two-octet aggregator", &[as4_path, plain], merged, Some("9 10.0.0.2")),
        ("AS4_AGGREGATOR alone", &[as4_path, as4_aggregator], merged, None),
    ];
    for (name, others, path, aggregator) in cases {
        let attributes = attributes_of(&[&[as_path], others].concat(), AsWidth::Two);
        assert_eq!(attributes.as_path().to_string(), path, "{name}");
        assert_eq!(attributes.aggregator().map(|by| by.to_string()).as_deref(), aggregator, "{name}");
        assert!(attributes.unknown().next().is_none(), "{name}: no AS4 attribute is left");
    }
}
