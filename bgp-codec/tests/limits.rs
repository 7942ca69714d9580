//! Messages at their limits: no route is lost, and no message is longer than allowed.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, AttributeType, AttributesTooLong, Community, DecodeContext, Family, IpPrefix,
    Ipv4Prefix, Ipv6Prefix, Message, NextHop, Nlri, Origin, PathAttributes, PathAttributesBuilder, PathId,
    PeerKind, UnknownAttributeBuf, Update, UpdateEncoder, decode_message, frame_length,
};
use bytes::BytesMut;

fn encoder(max_message_octets: usize) -> UpdateEncoder {
    UpdateEncoder { as_width: AsWidth::Four, max_message_octets, add_path: false }
}

fn decode_all(mut stream: BytesMut, encoder: &UpdateEncoder) -> Vec<(usize, Update)> {
    let mut context = DecodeContext::new(PeerKind::Ibgp, encoder.as_width);
    context.max_message_octets = encoder.max_message_octets;
    if encoder.add_path {
        context.add_path = vec![Ipv4Prefix::FAMILY, Ipv6Prefix::FAMILY];
    }
    let mut updates = Vec::new();
    while !stream.is_empty() {
        let length = frame_length(&stream, context.max_message_octets).unwrap().unwrap();
        match decode_message(stream.split_to(length).freeze(), &context).unwrap() {
            Message::Update(update) => updates.push((length, update)),
            other => panic!("not an UPDATE: {other:?}"),
        }
    }
    updates
}

/// Distinct host prefixes.
fn hosts(count: u32) -> impl Iterator<Item = Nlri<Ipv4Prefix>> + Clone {
    (0..count).map(|number| Nlri::new(Ipv4Prefix::host((0x0a00_0000 + number).into())))
}

fn hosts6(count: u128) -> impl Iterator<Item = Nlri<Ipv6Prefix>> {
    (0..count).map(|number| Nlri::new(Ipv6Prefix::host((0xfd << 120 | number).into())))
}

/// A set with this number of canonical octets.
fn attributes_of_octets(size_octets: usize) -> PathAttributes {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    // ORIGIN and the empty AS_PATH take 7 octets, a long attribute's header 4.
    let value = vec![0; size_octets - 11];
    builder.unknown.push(UnknownAttributeBuf::new(AttributeType(99), value).unwrap());
    let attributes = builder.build();
    assert_eq!(attributes.octets().len(), size_octets);
    attributes
}

#[test]
fn a_hundred_thousand_withdrawals_all_arrive() {
    for max_message_octets in [4096, 65535] {
        let encoder = encoder(max_message_octets);
        let mut out = BytesMut::new();
        encoder.unreach(&mut out, hosts(100_000));
        encoder.unreach(&mut out, hosts6(100_000));
        let updates = decode_all(out, &encoder);
        let v4 = updates
            .iter()
            .flat_map(|(_, update)| update.unreach())
            .flat_map(|block| block.iter::<Ipv4Prefix>());
        let v6 = updates
            .iter()
            .flat_map(|(_, update)| update.unreach())
            .flat_map(|block| block.iter::<Ipv6Prefix>());
        assert!(v4.eq(hosts(100_000)), "IPv4 at {max_message_octets}");
        assert!(v6.eq(hosts6(100_000)), "IPv6 at {max_message_octets}");
    }
}

#[test]
fn messages_are_filled_to_the_limit() {
    for (max_message_octets, add_path) in [(4096, false), (65535, false), (4096, true)] {
        let encoder = UpdateEncoder { add_path, ..encoder(max_message_octets) };
        let attributes = attributes_of_octets(1000);
        let nlri = hosts(50_000).map(|nlri| Nlri { path_id: add_path.then_some(PathId(7)), ..nlri });
        let mut out = BytesMut::new();
        encoder.reach(&mut out, &attributes, NextHop::Ipv4([10, 0, 0, 1].into()), nlri.clone()).unwrap();
        let updates = decode_all(out, &encoder);
        let nlri_octets = if add_path { 9 } else { 5 };
        let (_, full) = updates.split_last().unwrap();
        for (length, _) in full {
            assert!(max_message_octets - length < nlri_octets, "{length} octets of {max_message_octets}");
        }
        assert!(
            updates
                .iter()
                .all(|(_, update)| update.attributes().is_some_and(|received| received == attributes))
        );
        let received =
            updates.iter().flat_map(|(_, update)| update.reach()).flat_map(|reach| reach.nlri.iter());
        assert!(received.eq(nlri));
    }
}

#[test]
fn attributes_at_the_limit_leave_room_for_one_route_and_one_octet_more_for_none() {
    let next_hop = NextHop::Ipv4([10, 0, 0, 1].into());
    for max_message_octets in [4096, 65535] {
        let encoder = encoder(max_message_octets);
        // Header and lengths 23, NEXT_HOP 7, a host route 5.
        let limit = max_message_octets - 35;
        for (size, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let attributes = attributes_of_octets(size);
            let room = encoder.nlri_room_octets(&attributes, next_hop, Family::IPV4_UNICAST);
            assert_eq!(room >= 5, fits, "{size} octets of {max_message_octets}");
            let mut out = BytesMut::from(&b"before"[..]);
            let result = encoder.reach(&mut out, &attributes, next_hop, hosts(3));
            assert_eq!(result.is_ok(), fits, "{size} octets of {max_message_octets}");
            let written = out.split_off(6);
            assert_eq!(&out[..], b"before");
            let received = decode_all(written, &encoder);
            assert_eq!(received.len(), if fits { 3 } else { 0 }, "{size} octets of {max_message_octets}");
            assert!(
                received
                    .iter()
                    .all(|(_, update)| update.attributes().is_some_and(|received| received == attributes))
            );
        }
    }
}

#[test]
fn attributes_at_the_limit_of_mp_reach() {
    let next_hop =
        NextHop::Ipv6LinkLocal { global: "fd00::1".parse().unwrap(), link_local: "fe80::1".parse().unwrap() };
    let encoder = encoder(4096);
    // Header and lengths 23, the attribute's header 4, family 3, next hop 33, reserved 1, a host route 17.
    let limit = 4096 - 81;
    for (size, fits) in [(limit - 1, true), (limit, true), (limit + 1, false), (4096, false), (5000, false)] {
        let attributes = attributes_of_octets(size);
        let room = encoder.nlri_room_octets(&attributes, next_hop, Family::IPV6_UNICAST);
        assert_eq!(room >= 17, fits, "{size} octets");
        let mut out = BytesMut::new();
        let result = encoder.reach(&mut out, &attributes, next_hop, hosts6(2));
        assert_eq!(result, if fits { Ok(()) } else { Err(AttributesTooLong) }, "{size} octets");
        assert_eq!(decode_all(out, &encoder).len(), if fits { 2 } else { 0 }, "{size} octets");
    }
}

#[test]
fn a_route_that_does_not_fit_takes_the_others_back() {
    let encoder = encoder(4096);
    let attributes = attributes_of_octets(4096 - 31);
    let routes: [Nlri<Ipv4Prefix>; 2] =
        [Nlri::new("0.0.0.0/0".parse().unwrap()), Nlri::new("10.0.0.1/32".parse().unwrap())];
    let next_hop = NextHop::Ipv4([10, 0, 0, 1].into());
    let mut out = BytesMut::new();
    assert_eq!(encoder.reach(&mut out, &attributes, next_hop, routes), Err(AttributesTooLong));
    assert!(out.is_empty());
    assert_eq!(encoder.reach(&mut out, &attributes, next_hop, routes.into_iter().take(1)), Ok(()));
    assert_eq!(out.len(), 4096);
}

#[test]
fn an_attribute_past_its_length_field_is_never_sent() {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    let mut sets = Vec::new();
    builder.as_path = AsPathBuf::from_sequence((1..=20_000).map(Asn));
    sets.push(builder.build());
    builder.as_path = AsPathBuf::empty();
    builder.communities = vec![Community(1); 20_000];
    sets.push(builder.build());
    for attributes in sets {
        let mut out = BytesMut::new();
        let next_hop = NextHop::Ipv4([10, 0, 0, 1].into());
        assert_eq!(encoder(65535).reach(&mut out, &attributes, next_hop, hosts(1)), Err(AttributesTooLong));
        assert!(out.is_empty());
    }
}

#[test]
fn ipv4_routes_with_an_ipv6_next_hop_go_into_mp_reach() {
    let attributes = PathAttributesBuilder::new(Origin::Igp).build();
    let mut out = BytesMut::new();
    encoder(4096).reach(&mut out, &attributes, NextHop::Ipv6("fd00::1".parse().unwrap()), hosts(1)).unwrap();
    let mp_reach_header = [0x90, 14, 0, 26, 0, 1, 1, 16, 0xfd];
    assert_eq!(&out[23..32], mp_reach_header);
}

#[test]
fn no_routes_make_no_message() {
    let attributes = PathAttributesBuilder::new(Origin::Igp).build();
    let mut out = BytesMut::new();
    encoder(4096).reach(&mut out, &attributes, NextHop::Ipv4([10, 0, 0, 1].into()), hosts(0)).unwrap();
    encoder(4096).unreach(&mut out, hosts6(0));
    assert!(out.is_empty());
}

#[test]
fn a_limit_below_4096_still_makes_progress() {
    let mut out = BytesMut::new();
    encoder(0).unreach(&mut out, hosts(1));
    assert_eq!(out.len(), 28);
}
