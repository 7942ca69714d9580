//! Messages octet by octet: `tests/vectors/*.hex` and their values, decoded and encoded.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{
    AddPathMode, Aggregator, AsPathBuf, AsWidth, Asn, BgpIdentifier, Capabilities, Capability, ClusterId,
    Community, DecodeContext, ExtendedCommunity, Family, Fqdn, HoldTime, Ipv4Prefix, Ipv6Prefix,
    LargeCommunity, Message, NextHop, Nlri, Notification, NotificationCode, Open, Origin,
    PathAttributesBuilder, PeerKind, RouteRefresh, Update, UpdateEncoder, decode_message,
};
use bytes::{Bytes, BytesMut};

/// The octets of a vector file: hexadecimal digits, with comments from `#` to the end of the line.
fn octets(text: &str) -> Bytes {
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(digits, _)| digits));
    let digits: Vec<u8> = lines
        .flat_map(str::chars)
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn check(name: &str, text: &str, as_width: AsWidth, expected: &Message) {
    let octets = octets(text);
    let context = DecodeContext::new(PeerKind::Ibgp, as_width);
    assert_eq!(decode_message(octets.clone(), &context).as_ref(), Ok(expected), "{name} decoded");
    let encoder = UpdateEncoder { as_width, max_message_octets: 4096, add_path: false };
    let mut out = BytesMut::new();
    expected.encode(&encoder, &mut out).unwrap();
    assert_eq!(out, octets, "{name} encoded");
}

#[test]
fn keepalive() {
    check("keepalive", include_str!("vectors/keepalive.hex"), AsWidth::Four, &Message::Keepalive);
}

#[test]
fn open() {
    let open = Open {
        asn: Asn(4_200_000_000),
        hold_time: HoldTime::from_seconds(90).unwrap(),
        identifier: BgpIdentifier::new(0x0a00_000b).unwrap(),
        capabilities: Capabilities(vec![
            Capability::Multiprotocol(Family::IPV4_UNICAST),
            Capability::Multiprotocol(Family::IPV6_UNICAST),
            Capability::RouteRefresh,
            Capability::ExtendedMessage,
            Capability::FourOctetAs(Asn(4_200_000_000)),
            Capability::AddPath(vec![
                (Family::IPV4_UNICAST, AddPathMode::BOTH),
                (Family::IPV6_UNICAST, AddPathMode::RECEIVE),
            ]),
            Capability::Fqdn(Fqdn { host: "node".to_owned(), domain: String::new() }),
        ]),
    };
    check("open", include_str!("vectors/open.hex"), AsWidth::Four, &Message::Open(open));
}

#[test]
fn notification() {
    let notification =
        Notification { code: NotificationCode::CEASE, subcode: 2, data: b"\x0bmaintenance".to_vec() };
    let text = include_str!("vectors/notification.hex");
    check("notification", text, AsWidth::Four, &Message::Notification(notification));
}

#[test]
fn route_refresh() {
    let refresh = RouteRefresh { family: Family::IPV6_UNICAST, subtype: 1 };
    check(
        "route refresh",
        include_str!("vectors/route_refresh.hex"),
        AsWidth::Four,
        &Message::RouteRefresh(refresh),
    );
}

#[test]
fn end_of_rib() {
    for (text, family) in [
        (include_str!("vectors/end_of_rib_ipv4.hex"), Family::IPV4_UNICAST),
        (include_str!("vectors/end_of_rib_ipv6.hex"), Family::IPV6_UNICAST),
    ] {
        let update = Update::ending(family);
        check("End-of-RIB", text, AsWidth::Four, &Message::Update(update));
    }
}

#[test]
fn withdrawals() {
    let nlri = ["10.65.1.0/26", "10.65.1.64/26", "0.0.0.0/0"]
        .map(|text| Nlri::new(text.parse::<Ipv4Prefix>().unwrap()));
    let update = Update::withdrawing(false, nlri);
    check(
        "withdrawals",
        include_str!("vectors/update_withdrawals.hex"),
        AsWidth::Four,
        &Message::Update(update),
    );
}

/// A set with every recognised attribute.
fn full_set() -> PathAttributesBuilder {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = "65001 4200000000 {64512 64513}".parse::<AsPathBuf>().unwrap();
    builder.med = Some(50);
    builder.local_pref = Some(2_147_482_623);
    builder.atomic_aggregate = true;
    builder.aggregator = Some(Aggregator { asn: Asn(4_200_000_000), address: [10, 0, 0, 9].into() });
    builder.communities = vec![Community(0xfde8_0001), Community::NO_EXPORT];
    builder.originator_id = BgpIdentifier::new(0x0a00_000c);
    builder.cluster_list = vec![ClusterId(0x0a00_000b)];
    builder.extended_communities = vec![ExtendedCommunity([0, 2, 0xfd, 0xe8, 0, 0, 0, 100])];
    builder.large_communities =
        vec![LargeCommunity { global_administrator: 4_200_000_000, local_data_1: 1, local_data_2: 2 }];
    builder
}

#[test]
fn update_with_every_attribute() {
    let nlri = [Nlri::new("10.65.1.0/26".parse::<Ipv4Prefix>().unwrap())];
    let next_hop = NextHop::Ipv4([172, 16, 0, 1].into());
    let update = Update::advertising(full_set().build(), next_hop, false, nlri);
    let message = Message::Update(update);
    check("four octets", include_str!("vectors/update_every_attribute.hex"), AsWidth::Four, &message);
    check("two octets", include_str!("vectors/update_two_octet_as.hex"), AsWidth::Two, &message);
}

#[test]
fn update_of_ipv6_routes() {
    let next_hop = NextHop::Ipv6LinkLocal {
        global: "2001:db8::1".parse().unwrap(),
        link_local: "fe80::1".parse().unwrap(),
    };
    let nlri = ["fd00:65::/122", "2001:db8::/32"].map(|text| Nlri::new(text.parse::<Ipv6Prefix>().unwrap()));
    let mut builder = PathAttributesBuilder::new(Origin::Incomplete);
    builder.local_pref = Some(100);
    let update = Update::advertising(builder.build(), next_hop, false, nlri);
    check(
        "MP_REACH_NLRI",
        include_str!("vectors/update_mp_reach.hex"),
        AsWidth::Four,
        &Message::Update(update),
    );

    let update = Update::withdrawing(false, nlri);
    check(
        "MP_UNREACH_NLRI",
        include_str!("vectors/update_mp_unreach.hex"),
        AsWidth::Four,
        &Message::Update(update),
    );
}
