//! Consequences of a single error in an UPDATE: the cases of RFC 7606, and of RFC 4271 §6.3 where those still
//! close the session.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{
    AsWidth, AttributeFault, AttributeOutcome, DecodeContext, DecodeError, Message, PeerKind, Update,
    decode_message,
};
use bytes::Bytes;

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 10, 0, 0, 1];
const LOCAL_PREF: &[u8] = &[0x40, 5, 4, 0, 0, 0, 100];
const NLRI: &[u8] = &[24, 10, 65, 1];
const MP_REACH: &[u8] = &[
    0x80, 14, 26, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0xd,
    0xb8,
];

/// Expected consequence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Accepted,
    Discarded,
    Withdrawn,
    Disabled,
    Closed(u8, u8),
}
use Outcome::{Accepted, Closed, Disabled, Discarded, Withdrawn};

fn update(withdrawn: &[u8], attributes: &[&[u8]], nlri: &[u8]) -> Bytes {
    let attributes = attributes.concat();
    let length = |octets: &[u8]| u16::try_from(octets.len()).unwrap().to_be_bytes();
    message(&[&length(withdrawn), withdrawn, &length(&attributes), &attributes, nlri].concat())
}

fn message(body: &[u8]) -> Bytes {
    let length = u16::try_from(body.len() + 19).unwrap().to_be_bytes();
    [&[0xff; 16][..], &length, &[2], body].concat().into()
}

fn decode(octets: &Bytes, peer: PeerKind, as_width: AsWidth) -> Result<Update, DecodeError> {
    match decode_message(octets.clone(), &DecodeContext::new(peer, as_width))? {
        Message::Update(update) => Ok(update),
        other => panic!("not an UPDATE: {other:?}"),
    }
}

fn outcome(result: &Result<Update, DecodeError>) -> Outcome {
    match result {
        Err(error) => {
            let notification = error.clone().into_notification();
            Closed(notification.code.0, notification.subcode)
        }
        Ok(update) => match update.outcome() {
            None => Accepted,
            Some(AttributeOutcome::Discard) => Discarded,
            Some(AttributeOutcome::TreatAsWithdraw) => Withdrawn,
            Some(AttributeOutcome::DisableFamily) => Disabled,
            Some(AttributeOutcome::SessionReset) => panic!("a defect cannot close the session: {update:?}"),
        },
    }
}

/// The attributes that every row needs, with one replaced or added, before IPv4 NLRI.
fn with(attribute: &[u8]) -> Bytes {
    let kind = attribute.get(1).copied();
    let mandatory = [ORIGIN, AS_PATH, NEXT_HOP].into_iter().filter(|other| other.get(1).copied() != kind);
    let attributes: Vec<&[u8]> = mandatory.chain([attribute]).collect();
    update(&[], &attributes, NLRI)
}

fn check(name: &str, octets: &Bytes, peer: PeerKind, as_width: AsWidth, expected: Outcome) {
    let result = decode(octets, peer, as_width);
    assert_eq!(outcome(&result), expected, "{name} from {peer:?}: {result:?}");
    let Ok(update) = result else { return };
    match expected {
        Withdrawn => {
            assert!(update.reach().next().is_none() && update.attributes().is_none(), "{name}: {update:?}");
            assert!(update.unreach().next().is_some(), "{name}: the routes are lost: {update:?}");
        }
        Accepted | Discarded | Disabled => {
            assert!(update.reach().next().is_some() && update.attributes().is_some(), "{name}: {update:?}")
        }
        Closed(..) => unreachable!("{name} did not close"),
    }
}

#[test]
fn one_bad_attribute_has_the_outcome_of_its_row() {
    let mut wrong_mp_reach_flags = MP_REACH.to_vec();
    wrong_mp_reach_flags[0] = 0x60;
    let rows: &[(&str, &str, &[u8], Outcome, Outcome)] = &[
        // Section, name, attribute, from an internal peer, from an external peer.
        ("RFC 7606 §7.1", "ORIGIN empty", &[0x40, 1, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.1", "ORIGIN long", &[0x40, 1, 2, 0, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.1", "ORIGIN undefined", &[0x40, 1, 1, 3], Withdrawn, Withdrawn),
        ("RFC 7606 §3 c", "ORIGIN optional", &[0xc0, 1, 1, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §3 c", "ORIGIN non-transitive", &[0x00, 1, 1, 0], Withdrawn, Withdrawn),
        ("RFC 4271 §4.3", "ORIGIN with extended length", &[0x50, 1, 0, 1, 0], Accepted, Accepted),
        ("RFC 4271 §4.3", "ORIGIN with unused flag bits", &[0x4f, 1, 1, 0], Accepted, Accepted),
        ("RFC 7606 §7.2", "AS_PATH empty", &[0x40, 2, 0], Accepted, Accepted),
        (
            "RFC 7606 §7.2",
            "AS_PATH with unknown segment",
            &[0x40, 2, 6, 5, 1, 0, 0, 0, 1],
            Withdrawn,
            Withdrawn,
        ),
        (
            "RFC 7606 §7.2",
            "AS_PATH with segment overrun",
            &[0x40, 2, 6, 2, 2, 0, 0, 0, 1],
            Withdrawn,
            Withdrawn,
        ),
        (
            "RFC 7606 §7.2",
            "AS_PATH with one octet left",
            &[0x40, 2, 7, 2, 1, 0, 0, 0, 1, 2],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 7606 §7.2", "AS_PATH with empty segment", &[0x40, 2, 2, 2, 0], Withdrawn, Withdrawn),
        ("RFC 7607 §2", "AS_PATH with AS 0", &[0x40, 2, 6, 2, 1, 0, 0, 0, 0], Withdrawn, Withdrawn),
        ("RFC 5065 §5", "AS_PATH of a confederation", &[0x40, 2, 6, 3, 1, 0, 0, 0, 1], Accepted, Withdrawn),
        ("RFC 7606 §3 c", "AS_PATH with wrong flags", &[0x80, 2, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.3", "NEXT_HOP short", &[0x40, 3, 3, 10, 0, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.3", "NEXT_HOP long", &[0x40, 3, 5, 10, 0, 0, 1, 1], Withdrawn, Withdrawn),
        ("RFC 7606 §7.3", "NEXT_HOP empty", &[0x40, 3, 0], Withdrawn, Withdrawn),
        ("RFC 4271 §6.3", "NEXT_HOP zero", &[0x40, 3, 4, 0, 0, 0, 0], Withdrawn, Withdrawn),
        ("RFC 4271 §6.3", "NEXT_HOP multicast", &[0x40, 3, 4, 224, 0, 0, 5], Withdrawn, Withdrawn),
        ("RFC 7606 §3 c", "NEXT_HOP with wrong flags", &[0xc0, 3, 4, 10, 0, 0, 1], Withdrawn, Withdrawn),
        ("RFC 7606 §7.4", "MED", &[0x80, 4, 4, 0, 0, 0, 1], Accepted, Accepted),
        ("RFC 7606 §7.4", "MED short", &[0x80, 4, 3, 0, 0, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.4", "MED empty", &[0x80, 4, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §3 c", "MED transitive", &[0xc0, 4, 4, 0, 0, 0, 1], Withdrawn, Withdrawn),
        ("RFC 7606 §7.5", "LOCAL_PREF", LOCAL_PREF, Accepted, Discarded),
        ("RFC 7606 §7.5", "LOCAL_PREF short", &[0x40, 5, 3, 0, 0, 0], Withdrawn, Discarded),
        ("RFC 7606 §7.5", "LOCAL_PREF empty", &[0x40, 5, 0], Withdrawn, Discarded),
        ("RFC 7606 §3 c", "LOCAL_PREF optional", &[0xc0, 5, 4, 0, 0, 0, 1], Withdrawn, Withdrawn),
        ("RFC 7606 §7.6", "ATOMIC_AGGREGATE", &[0x40, 6, 0], Accepted, Accepted),
        ("RFC 7606 §7.6", "ATOMIC_AGGREGATE long", &[0x40, 6, 1, 0], Discarded, Discarded),
        ("RFC 7606 §3 c", "ATOMIC_AGGREGATE with wrong flags", &[0xc0, 6, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.7", "AGGREGATOR", &[0xc0, 7, 8, 0, 0, 0, 1, 10, 0, 0, 1], Accepted, Accepted),
        ("RFC 7606 §7.7", "AGGREGATOR of six octets", &[0xc0, 7, 6, 0, 1, 10, 0, 0, 1], Discarded, Discarded),
        ("RFC 7606 §7.7", "AGGREGATOR empty", &[0xc0, 7, 0], Discarded, Discarded),
        ("RFC 7607 §2", "AGGREGATOR with AS 0", &[0xc0, 7, 8, 0, 0, 0, 0, 10, 0, 0, 1], Discarded, Discarded),
        ("RFC 7606 §7.8", "COMMUNITIES", &[0xc0, 8, 4, 0, 1, 0, 1], Accepted, Accepted),
        ("RFC 4271 §5", "COMMUNITIES partial", &[0xe0, 8, 4, 0, 1, 0, 1], Accepted, Accepted),
        ("RFC 7606 §7.8", "COMMUNITIES empty", &[0xc0, 8, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.8", "COMMUNITIES odd", &[0xc0, 8, 5, 0, 1, 0, 1, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §3 c", "COMMUNITIES non-transitive", &[0x80, 8, 4, 0, 1, 0, 1], Withdrawn, Withdrawn),
        ("RFC 7606 §7.9", "ORIGINATOR_ID", &[0x80, 9, 4, 10, 0, 0, 1], Accepted, Discarded),
        ("RFC 7606 §7.9", "ORIGINATOR_ID long", &[0x80, 9, 5, 10, 0, 0, 1, 0], Withdrawn, Discarded),
        ("RFC 6286 §2.1", "ORIGINATOR_ID zero", &[0x80, 9, 4, 0, 0, 0, 0], Withdrawn, Discarded),
        ("RFC 7606 §7.10", "CLUSTER_LIST", &[0x80, 10, 8, 10, 0, 0, 1, 10, 0, 0, 2], Accepted, Discarded),
        ("RFC 7606 §7.10", "CLUSTER_LIST empty", &[0x80, 10, 0], Withdrawn, Discarded),
        ("RFC 7606 §7.10", "CLUSTER_LIST odd", &[0x80, 10, 6, 10, 0, 0, 1, 10, 0], Withdrawn, Discarded),
        ("RFC 7606 §7.11", "MP_REACH_NLRI", MP_REACH, Accepted, Accepted),
        ("RFC 7606 §7.11", "MP_REACH_NLRI empty", &[0x80, 14, 0], Closed(3, 9), Closed(3, 9)),
        (
            "RFC 7606 §7.11",
            "MP_REACH_NLRI of four octets",
            &[0x80, 14, 4, 0, 2, 1, 0],
            Closed(3, 9),
            Closed(3, 9),
        ),
        (
            "RFC 7606 §7.11",
            "MP_REACH_NLRI without next hop",
            &[0x80, 14, 5, 0, 2, 1, 0, 0],
            Closed(3, 9),
            Closed(3, 9),
        ),
        (
            "RFC 7606 §3 j",
            "MP_REACH_NLRI transitive",
            &[0xc0, 14, 5, 0, 2, 1, 0, 0],
            Closed(3, 4),
            Closed(3, 4),
        ),
        ("RFC 7606 §3 c", "MP_REACH_NLRI with wrong flags", &wrong_mp_reach_flags, Withdrawn, Withdrawn),
        (
            "RFC 4760 §8",
            "MP_REACH_NLRI of another family",
            &[0x80, 14, 9, 0x40, 4, 71, 0, 0, 0, 1, 0, 0],
            Accepted,
            Accepted,
        ),
        (
            "RFC 7606 §5.3",
            "MP_REACH_NLRI, link state cut",
            &[0x80, 14, 8, 0x40, 4, 71, 0, 0, 0, 1, 0],
            Disabled,
            Disabled,
        ),
        (
            "RFC 7606 §5.4",
            "MP_REACH_NLRI, EVPN overrun",
            &[0x80, 14, 11, 0, 25, 70, 4, 1, 1, 1, 1, 0, 1, 9],
            Disabled,
            Disabled,
        ),
        (
            "RFC 4760 §8",
            "MP_REACH_NLRI, unknown family",
            &[0x80, 14, 6, 0, 99, 99, 0, 0, 1],
            Accepted,
            Accepted,
        ),
        ("RFC 7606 §7.12", "MP_UNREACH_NLRI", &[0x80, 15, 4, 0, 2, 1, 0], Accepted, Accepted),
        ("RFC 7606 §7.12", "MP_UNREACH_NLRI short", &[0x80, 15, 2, 0, 2], Closed(3, 9), Closed(3, 9)),
        (
            "RFC 7606 §7.12",
            "MP_UNREACH_NLRI long prefix",
            &[0x80, 15, 4, 0, 2, 1, 129],
            Closed(3, 9),
            Closed(3, 9),
        ),
        (
            "RFC 7606 §7.12",
            "MP_UNREACH_NLRI prefix overrun",
            &[0x80, 15, 5, 0, 1, 1, 16, 1],
            Closed(3, 9),
            Closed(3, 9),
        ),
        ("RFC 7606 §3 c", "MP_UNREACH_NLRI well-known", &[0x40, 15, 3, 0, 2, 1], Withdrawn, Withdrawn),
        (
            "RFC 7606 §3 j",
            "MP_UNREACH_NLRI well-known, malformed",
            &[0x40, 15, 2, 0, 2],
            Closed(3, 4),
            Closed(3, 4),
        ),
        (
            "RFC 4760 §8",
            "MP_UNREACH_NLRI of another family",
            &[0x80, 15, 5, 0, 1, 5, 9, 0],
            Accepted,
            Accepted,
        ),
        (
            "RFC 7606 §5.4",
            "MP_UNREACH_NLRI, multicast VPN overrun",
            &[0x80, 15, 4, 0, 1, 5, 9],
            Disabled,
            Disabled,
        ),
        (
            "RFC 7606 §7.14",
            "EXTENDED_COMMUNITIES odd",
            &[0xc0, 16, 7, 0, 2, 0, 1, 0, 0, 0],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 7606 §7.14", "EXTENDED_COMMUNITIES empty", &[0xc0, 16, 0], Withdrawn, Withdrawn),
        (
            "RFC 6793 §6",
            "AS4_PATH from a four-octet peer",
            &[0xc0, 17, 6, 2, 1, 0, 0, 0, 1],
            Discarded,
            Discarded,
        ),
        (
            "RFC 6793 §6",
            "AS4_AGGREGATOR likewise",
            &[0xc0, 18, 8, 0, 0, 0, 1, 10, 0, 0, 1],
            Discarded,
            Discarded,
        ),
        ("RFC 8092 §6", "LARGE_COMMUNITIES empty", &[0xc0, 32, 0], Withdrawn, Withdrawn),
        (
            "RFC 8092 §6",
            "LARGE_COMMUNITIES odd",
            &[0xc0, 32, 8, 0, 0, 0, 1, 0, 0, 0, 1],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 6514 §5", "PMSI_TUNNEL", &[0xc0, 22, 5, 0, 0, 0, 0, 0], Accepted, Accepted),
        ("RFC 7606 §3 c", "PMSI_TUNNEL non-transitive", &[0x80, 22, 5, 0, 0, 0, 0, 0], Withdrawn, Withdrawn),
        ("RFC 6514 §5", "PMSI_TUNNEL short", &[0xc0, 22, 4, 0, 0, 0, 0], Withdrawn, Withdrawn),
        (
            "RFC 6514 §5",
            "PMSI_TUNNEL of reserved type",
            &[0xc0, 22, 5, 0, 255, 0, 0, 0],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 9012 §13", "TUNNEL_ENCAPSULATION", &[0xc0, 23, 4, 0, 7, 0, 0], Accepted, Accepted),
        (
            "RFC 7606 §3 c",
            "TUNNEL_ENCAPSULATION non-transitive",
            &[0x80, 23, 4, 0, 7, 0, 0],
            Withdrawn,
            Withdrawn,
        ),
        (
            "RFC 9012 §13",
            "TUNNEL_ENCAPSULATION overrun",
            &[0xe0, 23, 6, 0, 1, 0, 255, 1, 2],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 9012 §13", "TUNNEL_ENCAPSULATION empty", &[0xc0, 23, 0], Discarded, Discarded),
        ("RFC 7606 §7.15", "IPV6_EXTENDED_COMMUNITIES empty", &[0xc0, 25, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.15", "IPV6_EXTENDED_COMMUNITIES odd", &[0xe0, 25, 2, 0, 2], Withdrawn, Withdrawn),
        ("RFC 7311 §3", "AIGP", &[0x80, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9], Accepted, Accepted),
        ("RFC 7311 §3", "AIGP empty", &[0x80, 26, 0], Discarded, Discarded),
        ("RFC 7311 §3", "AIGP short", &[0x80, 26, 10, 1, 0, 10, 0, 0, 0, 0, 0, 0, 9], Discarded, Discarded),
        (
            "RFC 7311 §3",
            "AIGP transitive",
            &[0xc0, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
            Discarded,
            Discarded,
        ),
        ("RFC 9552 §8.2.2", "LINK_STATE overrun", &[0x80, 29, 5, 4, 0, 0, 0xff, 0], Discarded, Discarded),
        ("RFC 9234 §5", "ONLY_TO_CUSTOMER", &[0xc0, 35, 4, 0, 0, 0, 1], Accepted, Accepted),
        ("RFC 9234 §5", "ONLY_TO_CUSTOMER short", &[0xc0, 35, 3, 0, 0, 1], Withdrawn, Withdrawn),
        (
            "RFC 7606 §3 c",
            "ONLY_TO_CUSTOMER non-transitive",
            &[0x80, 35, 4, 0, 0, 0, 1],
            Withdrawn,
            Withdrawn,
        ),
        ("RFC 8669 §6", "PREFIX_SID with label index short", &[0xc0, 40, 3, 1, 0, 0], Discarded, Discarded),
        ("RFC 8669 §6", "PREFIX_SID overrun", &[0xc0, 40, 2, 5, 0], Discarded, Discarded),
        ("RFC 9252 §7", "PREFIX_SID with SRv6 service short", &[0xc0, 40, 3, 5, 0, 0], Withdrawn, Withdrawn),
        ("RFC 7606 §7.16", "ATTR_SET short", &[0xc0, 128, 3, 0, 0, 1], Withdrawn, Withdrawn),
        ("RFC 4271 §6.3", "unknown well-known", &[0x40, 99, 1, 0], Closed(3, 2), Closed(3, 2)),
        ("RFC 4271 §5", "unknown transitive, empty", &[0xc0, 99, 0], Accepted, Accepted),
        ("RFC 4271 §5", "unknown non-transitive", &[0x80, 99, 1, 0], Accepted, Accepted),
    ];
    for &(section, name, attribute, internal, external) in rows {
        let name = format!("{section}: {name}");
        check(&name, &with(attribute), PeerKind::Ibgp, AsWidth::Four, internal);
        check(&name, &with(attribute), PeerKind::Ebgp, AsWidth::Four, external);
    }
}

/// RFC 6793 §6, RFC 7606 §7.7.
#[test]
fn a_bad_as4_attribute_of_a_two_octet_peer_is_discarded() {
    for (name, attribute, expected) in [
        ("AS4_PATH", &[0xc0, 17, 6, 2, 1, 0, 0, 0, 1][..], Accepted),
        ("AS4_PATH empty", &[0xc0, 17, 0], Discarded),
        ("AS4_PATH with AS 0", &[0xc0, 17, 6, 2, 1, 0, 0, 0, 0], Discarded),
        ("AS4_PATH cut", &[0xc0, 17, 5, 2, 1, 0, 0, 0], Discarded),
        ("AS4_AGGREGATOR short", &[0xc0, 18, 6, 0, 1, 10, 0, 0, 1], Discarded),
        ("AGGREGATOR of eight octets", &[0xc0, 7, 8, 0, 0, 0, 1, 10, 0, 0, 1], Discarded),
    ] {
        let as_path = [0x40, 2, 4, 2, 1, 0xfd, 0xe9];
        let octets = update(&[], &[ORIGIN, &as_path, NEXT_HOP, attribute], NLRI);
        check(name, &octets, PeerKind::Ebgp, AsWidth::Two, expected);
    }
}

/// RFC 7606 §3 d.
#[test]
fn missing_attributes_withdraw_the_routes_that_need_them() {
    type Row<'a> = (&'a str, &'a [&'a [u8]], &'a [u8], Outcome);
    let rows: [Row<'_>; 7] = [
        ("no ORIGIN", &[AS_PATH, NEXT_HOP], NLRI, Withdrawn),
        ("no AS_PATH", &[ORIGIN, NEXT_HOP], NLRI, Withdrawn),
        ("no NEXT_HOP", &[ORIGIN, AS_PATH], NLRI, Withdrawn),
        ("nothing", &[], NLRI, Withdrawn),
        ("no NEXT_HOP with MP_REACH_NLRI alone", &[ORIGIN, AS_PATH, MP_REACH], &[], Accepted),
        ("no NEXT_HOP with both", &[ORIGIN, AS_PATH, MP_REACH], NLRI, Withdrawn),
        ("MP_REACH_NLRI alone", &[MP_REACH], &[], Withdrawn),
    ];
    for (name, attributes, nlri, expected) in rows {
        check(name, &update(&[], attributes, nlri), PeerKind::Ebgp, AsWidth::Four, expected);
    }
}

/// RFC 4760 §3.
#[test]
fn next_hop_is_ignored_where_only_mp_reach_has_routes() {
    for next_hop in [&[0x40, 3, 4, 0, 0, 0, 0][..], &[0x40, 3, 0]] {
        let octets = update(&[], &[ORIGIN, AS_PATH, next_hop, MP_REACH], &[]);
        check("NEXT_HOP", &octets, PeerKind::Ebgp, AsWidth::Four, Accepted);
    }
}

/// RFC 7606 §3 g.
#[test]
fn the_first_of_two_attributes_counts_unless_they_carry_routes() {
    let second_origin: &[u8] = &[0x40, 1, 1, 2];
    let octets = update(&[], &[ORIGIN, second_origin, AS_PATH, NEXT_HOP], NLRI);
    check("ORIGIN twice", &octets, PeerKind::Ebgp, AsWidth::Four, Discarded);
    let update_with_first = decode(&octets, PeerKind::Ebgp, AsWidth::Four).unwrap();
    assert_eq!(update_with_first.attributes().unwrap().to_path_attributes().origin(), bgp_codec::Origin::Igp);

    let unknown: &[u8] = &[0xc0, 99, 1, 7];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, unknown, unknown], NLRI);
    check("unknown twice", &octets, PeerKind::Ebgp, AsWidth::Four, Discarded);

    let octets = update(&[], &[ORIGIN, AS_PATH, MP_REACH, MP_REACH], &[]);
    check("MP_REACH_NLRI twice", &octets, PeerKind::Ebgp, AsWidth::Four, Closed(3, 1));
    let mp_unreach: &[u8] = &[0x80, 15, 3, 0, 2, 1];
    let octets = update(&[], &[mp_unreach, mp_unreach], &[]);
    check("MP_UNREACH_NLRI twice", &octets, PeerKind::Ebgp, AsWidth::Four, Closed(3, 1));
}

/// RFC 7606 §3 h.
#[test]
fn the_strongest_of_several_outcomes_wins() {
    let bad_med: &[u8] = &[0x80, 4, 1, 0];
    let long_atomic_aggregate: &[u8] = &[0x40, 6, 1, 0];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, long_atomic_aggregate, bad_med], NLRI);
    check("discard and withdraw", &octets, PeerKind::Ebgp, AsWidth::Four, Withdrawn);
    let unknown_well_known: &[u8] = &[0x40, 99, 0];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, bad_med, unknown_well_known], NLRI);
    check("withdraw and close", &octets, PeerKind::Ebgp, AsWidth::Four, Closed(3, 2));
}

/// RFC 7606 §5.2.
#[test]
fn without_routes_to_withdraw_the_session_closes() {
    for (name, attribute, expected) in [
        ("ORIGIN undefined", &[0x40, 1, 1, 3][..], Closed(3, 6)),
        ("ORIGIN with wrong flags", &[0xc0, 1, 1, 0], Closed(3, 4)),
        ("AS_PATH malformed", &[0x40, 2, 1, 2], Closed(3, 11)),
        ("MED short", &[0x80, 4, 1, 0], Closed(3, 5)),
        ("NEXT_HOP long", &[0x40, 3, 5, 10, 0, 0, 1, 1], Closed(3, 5)),
        ("attribute overrun", &[0x40, 1, 9, 0], Closed(3, 5)),
    ] {
        check(name, &update(&[], &[attribute], &[]), PeerKind::Ibgp, AsWidth::Four, expected);
        check(name, &update(&[8, 10], &[attribute], &[]), PeerKind::Ibgp, AsWidth::Four, expected);
    }
    // An attribute that is only discarded has no further effect.
    let octets = update(&[], &[&[0x40, 6, 1, 0]], &[]);
    assert_eq!(outcome(&decode(&octets, PeerKind::Ibgp, AsWidth::Four)), Discarded);
}

/// RFC 7606 §3 j, §5.2.
#[test]
fn mp_unreach_alone_has_its_routes_withdrawn_whatever_its_flags() {
    let mp_unreach: &[u8] = &[0xc0, 15, 5, 0, 2, 1, 8, 0x20];
    check("flags", &update(&[], &[mp_unreach], &[]), PeerKind::Ebgp, AsWidth::Four, Withdrawn);
    // With another attribute, the message was expected to contain more (RFC 7606 §5.2).
    let octets = update(&[], &[ORIGIN, mp_unreach], &[]);
    check("flags, and ORIGIN", &octets, PeerKind::Ebgp, AsWidth::Four, Closed(3, 4));
}

/// RFC 7606 §4.
#[test]
fn attributes_that_run_past_their_end_withdraw_the_routes() {
    for (name, last) in [
        ("value past the end", &[0xc0, 8, 8, 0, 1, 0, 1][..]),
        ("length missing", &[0xc0, 8]),
        ("type missing", &[0xc0]),
        ("half an extended length", &[0xd0, 8, 0]),
    ] {
        let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, last], NLRI);
        check(name, &octets, PeerKind::Ebgp, AsWidth::Four, Withdrawn);
    }
    // The truncated part contains routes, which then cannot be withdrawn.
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &[0x80, 14, 200, 0, 2]], NLRI);
    check("MP_REACH_NLRI past the end", &octets, PeerKind::Ebgp, AsWidth::Four, Closed(3, 5));
}

/// RFC 7606 §3 a and b, §5.3; RFC 4271 §6.3.
#[test]
fn lengths_that_contradict_each_other_close_the_session() {
    for (name, body, expected) in [
        ("attributes past the end", &[0, 0, 0xff, 0xff, 1, 2, 3, 4][..], Closed(3, 1)),
        ("withdrawn past the end", &[0, 9, 0, 0, 0], Closed(3, 1)),
        ("withdrawn up to the end", &[0, 2, 0, 0], Closed(3, 1)),
        ("both at most", &[0xff, 0xff, 0xff, 0xff], Closed(3, 1)),
        ("withdrawn prefix too long", &[0, 6, 33, 1, 2, 3, 4, 5, 0, 0], Closed(3, 10)),
        ("withdrawn prefix cut", &[0, 2, 24, 10, 0, 0], Closed(3, 10)),
        ("prefix too long", &[0, 0, 0, 0, 33, 1, 2, 3, 4, 5], Closed(3, 10)),
        ("prefix cut", &[0, 0, 0, 0, 24, 10], Closed(3, 10)),
    ] {
        check(name, &message(body), PeerKind::Ebgp, AsWidth::Four, expected);
    }
}

/// RFC 4271 §6.3.
#[test]
fn the_notification_carries_the_attribute_as_received() {
    let attribute: &[u8] = &[0x50, 99, 0, 2, 7, 8];
    let error = decode(&with(attribute), PeerKind::Ebgp, AsWidth::Four).unwrap_err();
    assert_eq!(error.into_notification().data, attribute);
}

#[test]
fn a_defect_names_attribute_and_fault() {
    let update = decode(&with(&[0x40, 6, 1, 0]), PeerKind::Ebgp, AsWidth::Four).unwrap();
    let [defect] = update.defects()[..] else { panic!("{update:?}") };
    assert_eq!(defect.fault, AttributeFault::Length);
    assert_eq!(defect.to_string(), "ATOMIC_AGGREGATE has a wrong length: attribute discarded");
}

#[test]
fn an_unspecified_ipv6_next_hop_withdraws_the_routes() {
    let mut mp_reach = MP_REACH.to_vec();
    mp_reach[7..23].fill(0);
    check("::", &update(&[], &[ORIGIN, AS_PATH, &mp_reach], &[]), PeerKind::Ebgp, AsWidth::Four, Withdrawn);
}
