//! Properties of all messages: encoding and decoding are inverse, and no octets cause a panic.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use bgp_codec::{
    AddPathMode, Aggregator, AsPathBuf, AsWidth, Asn, AttributeType, BgpIdentifier, Capabilities, Capability,
    ClusterId, Community, DecodeContext, ExtendedCommunity, ExtendedNextHopFamily, Family, Fqdn,
    GracefulRestart, GracefulRestartFamily, HoldTime, IpPrefix, Ipv4Prefix, Ipv6Prefix, LabelledFamily,
    LargeCommunity, LongLivedFamily, Message, NextHop, Nlri, Notification, NotificationCode, Open, Origin,
    PathAttributes, PathAttributesBuilder, PathId, PeerKind, Role, RouteRefresh, UnknownAttributeBuf, Update,
    UpdateEncoder, decode_message, frame_length,
};
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const FOUR: UpdateEncoder =
    UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };

proptest! {
    #[test]
    fn any_open_comes_back(open in opens()) {
        same_again(&Message::Open(open));
    }

    #[test]
    fn any_notification_comes_back(code: u8, subcode: u8, data in vec(any::<u8>(), 0..4076)) {
        same_again(&Message::Notification(Notification { code: NotificationCode(code), subcode, data }));
    }

    #[test]
    fn any_route_refresh_comes_back(afi: u16, safi: u8, subtype: u8) {
        let family = Family { afi: bgp_codec::Afi(afi), safi: bgp_codec::Safi(safi) };
        same_again(&Message::RouteRefresh(RouteRefresh { family, subtype }));
    }

    #[test]
    fn to_builder_is_the_inverse_of_build(builder in builders()) {
        let attributes = builder.build();
        prop_assert_eq!(&attributes.to_builder().build(), &attributes);
        prop_assert_eq!(attributes.as_path_length(), attributes.as_path().length());
        prop_assert_eq!(attributes.neighbor_as(), attributes.as_path().neighbor_as());
        prop_assert_eq!(attributes.to_builder().as_path, builder.as_path);
        prop_assert_eq!(attributes.to_builder().communities, builder.communities);
        prop_assert_eq!(attributes.to_builder().cluster_list, builder.cluster_list);
        prop_assert_eq!(attributes.aggregator(), builder.aggregator);
        let value_of = |wanted| {
            let of_type = builder.unknown.iter().find(|one| one.as_unknown().attribute_type() == wanted);
            of_type.map(|one| one.as_unknown().value().to_vec()).unwrap_or_default()
        };
        let only_to_customer: Vec<u8> =
            attributes.only_to_customer().iter().flat_map(|asn| asn.0.to_be_bytes()).collect();
        prop_assert_eq!(only_to_customer, value_of(AttributeType::ONLY_TO_CUSTOMER));
        let ipv6: Vec<u8> = attributes.ipv6_extended_communities().flat_map(|community| community.0).collect();
        prop_assert_eq!(ipv6, value_of(AttributeType::IPV6_EXTENDED_COMMUNITIES));
        prop_assert_eq!((attributes.med(), attributes.local_pref()), (builder.med, builder.local_pref));
    }

    #[test]
    fn any_set_passed_on_is_what_a_builder_makes_of_it(builder in builders(), asn: u32, with_med: bool) {
        let attributes = builder.build();
        let inside = [
            AttributeType::LOCAL_PREF,
            AttributeType::ORIGINATOR_ID,
            AttributeType::CLUSTER_LIST,
            AttributeType::MULTI_EXIT_DISC,
        ];
        let without = if with_med { &inside[..3] } else { &inside };
        let mut rebuilt = attributes.to_builder();
        rebuilt.as_path.prepend(Asn(asn), 1);
        (rebuilt.local_pref, rebuilt.originator_id) = (None, None);
        rebuilt.cluster_list.clear();
        rebuilt.med = rebuilt.med.filter(|_| with_med);
        let passed_on = attributes.passed_on(&rebuilt.as_path, without);
        prop_assert_eq!(&passed_on, &rebuilt.build());
        prop_assert_eq!(passed_on.as_path_length(), rebuilt.as_path.as_path().length());
        rebuilt.as_path = attributes.as_path().to_buf();
        prop_assert_eq!(attributes.without(without), rebuilt.build());
    }

    #[test]
    fn any_ipv4_routes_come_back(
        builder in builders(),
        next_hop in prop_oneof![next_hops4(), next_hops6()],
        nlri in routes(any::<u32>().prop_flat_map(|bits| (0..=32u8).prop_map(move |length| {
            Ipv4Prefix::truncating(bits.into(), length)
        }))),
        encoder in encoders(),
    ) {
        routes_come_back(&encoder, &builder.build(), next_hop, nlri);
    }

    #[test]
    fn any_ipv6_routes_come_back(
        builder in builders(),
        next_hop in next_hops6(),
        nlri in routes(any::<u128>().prop_flat_map(|bits| (0..=128u8).prop_map(move |length| {
            Ipv6Prefix::truncating(bits.into(), length)
        }))),
        encoder in encoders(),
    ) {
        routes_come_back(&encoder, &builder.build(), next_hop, nlri);
    }

    #[test]
    fn any_octets_are_handled(octets in vec(any::<u8>(), 0..300), add_path: bool) {
        harmless(&octets, add_path);
    }

    #[test]
    fn any_body_after_a_valid_header_is_handled(
        message_type in 0..7u8,
        body in vec(any::<u8>(), 0..300),
        add_path: bool,
    ) {
        harmless(&message(message_type, &body), add_path);
    }

    #[test]
    fn any_attributes_in_valid_fields_are_handled(
        withdrawn in vec(any::<u8>(), 0..20),
        attributes in vec(attributes(), 0..8),
        nlri in vec(any::<u8>(), 0..20),
        add_path: bool,
    ) {
        let attributes = attributes.concat();
        let length = |octets: &[u8]| u16::try_from(octets.len()).unwrap().to_be_bytes();
        let body = [&length(&withdrawn), &withdrawn[..], &length(&attributes), &attributes, &nlri].concat();
        harmless(&message(2, &body), add_path);
    }

    #[test]
    fn any_damage_to_a_valid_message_is_handled(
        builder in builders(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        as_width in as_widths(),
    ) {
        let mut out = BytesMut::new();
        let encoder = UpdateEncoder { as_width, ..FOUR };
        let nlri = [Nlri::new(Ipv4Prefix::truncating([10, 0, 0, 0].into(), 8))];
        encoder.reach(&mut out, &builder.build(), NextHop::Ipv4([10, 0, 0, 1].into()), nlri).unwrap();
        // The header is kept, so that the rest is decoded.
        for (place, octet) in damage {
            let position = 19 + place.index(out.len() - 19);
            out[position] = octet;
        }
        harmless(&out, false);
    }
}

/// Decodes octets under all terms. A decoded UPDATE satisfies its invariants, and survives encoding and
/// decoding.
fn harmless(octets: &[u8], add_path: bool) {
    for (peer, as_width) in [(PeerKind::Ebgp, AsWidth::Four), (PeerKind::Ibgp, AsWidth::Two)] {
        let mut context = DecodeContext::new(peer, as_width);
        if add_path {
            context.add_path = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
        }
        let octets = Bytes::copy_from_slice(octets);
        if frame_length(&octets, context.max_message_octets) != Ok(Some(octets.len())) {
            assert!(decode_message(octets, &context).is_err(), "what is not framed is not decoded");
            continue;
        }
        match decode_message(octets, &context) {
            Err(error) => assert_ne!(error.into_notification().code, NotificationCode::CEASE),
            Ok(Message::Update(update)) => {
                assert!(update.reach().next().is_none() || update.attributes().is_some(), "{update:?}");
                assert!(update.reach().all(|reach| !reach.nlri.is_empty()), "{update:?}");
                if let Some(attributes) = update.attributes() {
                    let attributes = attributes.to_path_attributes();
                    assert_eq!(attributes.to_builder().build().octets(), attributes.octets());
                }
            }
            Ok(message) => same_again(&message),
        }
    }
}

fn message(message_type: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 19).unwrap().to_be_bytes();
    [&[0xff; 16][..], &length, &[message_type], body].concat()
}

fn same_again(message: &Message) {
    let mut out = BytesMut::new();
    message.encode(&FOUR, &mut out).unwrap();
    assert_eq!(frame_length(&out, 4096), Ok(Some(out.len())));
    let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    assert_eq!(decode_message(out.freeze(), &context).as_ref(), Ok(message));
}

/// Advertises and withdraws the routes under the terms of the encoder, and decodes what it wrote.
fn routes_come_back<P: IpPrefix>(
    encoder: &UpdateEncoder,
    attributes: &PathAttributes,
    next_hop: NextHop,
    nlri: Vec<Nlri<P>>,
) {
    let nlri: Vec<Nlri<P>> = nlri
        .into_iter()
        .map(|nlri| Nlri { path_id: nlri.path_id.filter(|_| encoder.add_path), ..nlri })
        .collect();
    let mut out = BytesMut::new();
    encoder.reach(&mut out, attributes, next_hop, nlri.iter().copied()).unwrap();
    encoder.unreach(&mut out, nlri.iter().copied());
    encoder.end_of_rib(&mut out, P::FAMILY);

    let updates = decode_all(out, encoder);
    assert!(updates.iter().all(|update| update.defects().is_empty()), "{updates:?}");
    let reach = || updates.iter().flat_map(Update::reach);
    assert!(reach().flat_map(|reach| reach.nlri.iter()).eq(nlri.iter().copied()));
    assert!(reach().all(|reach| reach.next_hop == next_hop));
    assert!(updates.iter().filter_map(Update::attributes).all(|received| received == *attributes));
    assert!(updates.iter().flat_map(Update::unreach).flat_map(|block| block.iter()).eq(nlri));
    assert_eq!(updates.last().unwrap().end_of_rib(), Some(P::FAMILY));
}

fn decode_all(mut stream: BytesMut, encoder: &UpdateEncoder) -> Vec<Update> {
    let mut context = DecodeContext::new(PeerKind::Ibgp, encoder.as_width);
    context.max_message_octets = encoder.max_message_octets;
    context.extended_next_hop = vec![Family::IPV4_UNICAST];
    if encoder.add_path {
        context.add_path = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    }
    let mut updates = Vec::new();
    while !stream.is_empty() {
        let length = frame_length(&stream, context.max_message_octets).unwrap().unwrap();
        match decode_message(stream.split_to(length).freeze(), &context).unwrap() {
            // A received message can be sent unchanged.
            Message::Update(update) => {
                let mut again = BytesMut::new();
                Message::Update(update.clone()).encode(encoder, &mut again).unwrap();
                assert!(!again.is_empty());
                updates.push(update);
            }
            other => panic!("not an UPDATE: {other:?}"),
        }
    }
    updates
}

fn opens() -> impl Strategy<Value = Open> {
    let fields =
        (1..=u16::MAX, identifiers(), any::<u16>(), option::of(1..=u32::MAX), vec(capabilities(), 0..12));
    fields.prop_map(|(two_octets, identifier, seconds, four_octets, mut capabilities)| {
        let asn = four_octets.unwrap_or_else(|| two_octets.into());
        capabilities.extend(four_octets.map(|asn| Capability::FourOctetAs(Asn(asn))));
        let hold_time = HoldTime::from_seconds(seconds).unwrap_or(HoldTime::ZERO);
        Open { asn: Asn(asn), hold_time, identifier, capabilities: Capabilities(capabilities) }
    })
}

fn capabilities() -> impl Strategy<Value = Capability> {
    let add_path = (families(), any::<u8>().prop_map(AddPathMode));
    let next_hop = (families(), any::<u16>())
        .prop_map(|(family, next_hop)| ExtendedNextHopFamily { family, next_hop: bgp_codec::Afi(next_hop) });
    let long_lived = (families(), any::<bool>(), 0..=0x00ff_ffffu32).prop_map(
        |(family, forwarding_preserved, stale_time_seconds)| LongLivedFamily {
            family,
            forwarding_preserved,
            stale_time_seconds,
        },
    );
    let labelled = (families(), any::<u8>()).prop_map(|(family, labels)| LabelledFamily { family, labels });
    let fqdn = ("[a-zäöü]{0,20}", "[a-z.]{0,20}").prop_map(|(host, domain)| Fqdn { host, domain });
    let unknown = (0..=255u8, vec(any::<u8>(), 0..60)).prop_filter("recognised", |(code, _)| {
        ![1, 2, 5, 6, 8, 9, 64, 65, 69, 70, 71, 73, 75].contains(code)
    });
    prop_oneof![
        families().prop_map(Capability::Multiprotocol),
        Just(Capability::RouteRefresh),
        vec(next_hop, 0..43).prop_map(Capability::ExtendedNextHop),
        Just(Capability::ExtendedMessage),
        vec(labelled, 0..64).prop_map(Capability::MultipleLabels),
        any::<u8>().prop_map(|role| Capability::Role(Role(role))),
        graceful_restarts().prop_map(Capability::GracefulRestart),
        vec(add_path, 0..64).prop_map(Capability::AddPath),
        Just(Capability::EnhancedRouteRefresh),
        vec(long_lived, 0..37).prop_map(Capability::LongLivedGracefulRestart),
        fqdn.prop_map(Capability::Fqdn),
        "[ -~]{0,200}".prop_map(Capability::SoftwareVersion),
        unknown.prop_map(|(code, value)| Capability::Unknown { code, value }),
    ]
}

fn graceful_restarts() -> impl Strategy<Value = GracefulRestart> {
    let family = (families(), any::<bool>())
        .prop_map(|(family, forwarding_preserved)| GracefulRestartFamily { family, forwarding_preserved });
    (any::<bool>(), any::<bool>(), 0..4096u16, vec(family, 0..64)).prop_map(
        |(restarted, survives_notification, restart_time_seconds, families)| GracefulRestart {
            restarted,
            survives_notification,
            restart_time_seconds,
            families,
        },
    )
}

fn families() -> impl Strategy<Value = Family> {
    (any::<u16>(), any::<u8>())
        .prop_map(|(afi, safi)| Family { afi: bgp_codec::Afi(afi), safi: bgp_codec::Safi(safi) })
}

fn builders() -> impl Strategy<Value = PathAttributesBuilder> {
    let scalars = (
        prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)],
        as_paths(),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        any::<bool>(),
        option::of(aggregators()),
        option::of(identifiers()),
    );
    let large = any::<(u32, u32, u32)>().prop_map(|(global_administrator, local_data_1, local_data_2)| {
        LargeCommunity { global_administrator, local_data_1, local_data_2 }
    });
    let lists = (
        vec(any::<u32>().prop_map(Community), 0..80),
        vec(large, 0..4),
        vec(any::<[u8; 8]>().prop_map(ExtendedCommunity), 0..4),
        vec(any::<u32>().prop_map(ClusterId), 0..4),
        vec(unknown_attributes(), 0..3),
    );
    (scalars, lists).prop_map(|(scalars, lists)| {
        let mut builder = PathAttributesBuilder::new(scalars.0);
        (builder.as_path, builder.med, builder.local_pref) = (scalars.1, scalars.2, scalars.3);
        (builder.atomic_aggregate, builder.aggregator, builder.originator_id) =
            (scalars.4, scalars.5, scalars.6);
        (builder.communities, builder.large_communities, builder.extended_communities) =
            (lists.0, lists.1, lists.2);
        (builder.cluster_list, builder.unknown) = (lists.3, lists.4);
        builder
    })
}

/// Paths of sequences and sets without adjacent sequences: the form of a merged path.
fn as_paths() -> impl Strategy<Value = AsPathBuf> {
    let asns = || vec(1..=u32::MAX, 1..40).prop_map(|asns| words(&asns));
    let small = || vec(1..100_000u32, 1..4).prop_map(|asns| words(&asns));
    let text = prop_oneof![
        Just(String::new()),
        asns(),
        (asns(), small(), small()).prop_map(|(front, set, back)| format!("{front} {{{set}}} {back}")),
        (small(), asns()).prop_map(|(set, back)| format!("{{{set}}} {back}")),
    ];
    text.prop_map(|text| text.parse().unwrap())
}

fn words(asns: &[u32]) -> String {
    asns.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn aggregators() -> impl Strategy<Value = Aggregator> {
    // AS_TRANS itself is indistinguishable from a narrowed number.
    let asn = (1..=u32::MAX).prop_filter("AS_TRANS", |asn| *asn != 23456);
    (asn, any::<u32>()).prop_map(|(asn, address)| Aggregator { asn: Asn(asn), address: address.into() })
}

/// Attributes passed on as octets: not recognised, or only checked.
fn unknown_attributes() -> impl Strategy<Value = UnknownAttributeBuf> {
    let row = |size: usize, most: usize| {
        (1..=most).prop_flat_map(move |count| vec(any::<u8>(), count * size..=count * size))
    };
    let tunnels = vec((any::<u16>(), vec(any::<u8>(), 0..20)), 1..3).prop_map(|tunnels| {
        let tunnel = |(kind, value): (u16, Vec<u8>)| {
            [&kind.to_be_bytes()[..], &u16::try_from(value.len()).unwrap().to_be_bytes(), &value].concat()
        };
        tunnels.into_iter().flat_map(tunnel).collect::<Vec<u8>>()
    });
    let label_index = vec(any::<u8>(), 7..=7).prop_map(|value| [&[1, 0, 7], &value[..]].concat());
    let pmsi_tunnel = (any::<u8>(), 0..=254u8, vec(any::<u8>(), 3..20))
        .prop_map(|(flags, kind, rest)| [&[flags, kind], &rest[..]].concat());
    let attr_set = any::<[u8; 4]>().prop_map(|asn| [&asn[..], &[0x40, 1, 1, 0]].concat());
    let of = |attribute_type: AttributeType| {
        move |value: Vec<u8>| UnknownAttributeBuf::new(attribute_type, value).unwrap()
    };
    prop_oneof![
        4 => (129..=255u8, vec(any::<u8>(), 0..300))
            .prop_map(move |(kind, value)| of(AttributeType(kind))(value)),
        1 => row(4, 1).prop_map(of(AttributeType::ONLY_TO_CUSTOMER)),
        1 => row(20, 4).prop_map(of(AttributeType::IPV6_EXTENDED_COMMUNITIES)),
        1 => pmsi_tunnel.prop_map(of(AttributeType::PMSI_TUNNEL)),
        1 => tunnels.prop_map(of(AttributeType::TUNNEL_ENCAPSULATION)),
        1 => label_index.prop_map(of(AttributeType::PREFIX_SID)),
        1 => attr_set.prop_map(of(AttributeType::ATTR_SET)),
    ]
}

fn identifiers() -> impl Strategy<Value = BgpIdentifier> {
    (1..=u32::MAX).prop_map(|value| BgpIdentifier::new(value).unwrap())
}

fn routes<P: IpPrefix>(prefixes: impl Strategy<Value = P>) -> impl Strategy<Value = Vec<Nlri<P>>> {
    let nlri = (any::<u32>(), prefixes).prop_map(|(id, prefix)| Nlri { path_id: Some(PathId(id)), prefix });
    vec(nlri, 1..400)
}

fn next_hops4() -> impl Strategy<Value = NextHop> {
    (0x0100_0000..0xdfff_ffffu32).prop_map(|address| NextHop::Ipv4(address.into()))
}

fn next_hops6() -> impl Strategy<Value = NextHop> {
    let global = || any::<u64>().prop_map(|low| std::net::Ipv6Addr::from(0xfd << 120 | u128::from(low)));
    let link_local = any::<u64>().prop_map(|low| std::net::Ipv6Addr::from(0xfe80 << 112 | u128::from(low)));
    prop_oneof![
        global().prop_map(NextHop::Ipv6),
        (global(), link_local).prop_map(|(global, link_local)| NextHop::Ipv6LinkLocal { global, link_local }),
    ]
}

fn encoders() -> impl Strategy<Value = UpdateEncoder> {
    let limits = prop_oneof![Just(4096), Just(65535)];
    (as_widths(), limits, any::<bool>()).prop_map(|(as_width, max_message_octets, add_path)| UpdateEncoder {
        as_width,
        max_message_octets,
        add_path,
    })
}

fn as_widths() -> impl Strategy<Value = AsWidth> {
    prop_oneof![Just(AsWidth::Two), Just(AsWidth::Four)]
}

/// An attribute with a valid header and any value.
fn attributes() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![Just(0x40), Just(0x80), Just(0xc0), any::<u8>()];
    let kind = prop_oneof![1..=18u8, Just(32), any::<u8>()];
    (flags, kind, vec(any::<u8>(), 0..40)).prop_map(|(flags, kind, value)| {
        let length = u8::try_from(value.len()).unwrap();
        [&[flags & 0xef, kind, length], &value[..]].concat()
    })
}
