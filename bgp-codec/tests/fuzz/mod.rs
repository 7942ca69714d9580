//! Fuzz targets of the codec: each takes any octets, and panics if an invariant does not hold.
//!
//! `cargo xtask fuzz` runs them under libFuzzer; the interesting inputs that it found are kept in
//! `<target>.hex`, one per line, and every test run replays them.

#![allow(dead_code, reason = "each fuzz target uses its own function only")]

use bgp_codec::{
    AsPath, AsWidth, DecodeContext, Family, Ipv4Prefix, Ipv6Prefix, Message, NlriBlock, NotificationCode,
    PeerKind, RawUpdate, Update, UpdateEncoder, decode_message, frame_length,
};
use bytes::{Bytes, BytesMut};

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 4] =
    [("message", message), ("attribute", attribute), ("capability", capability), ("nlri", nlri)];

/// One octet for the terms of the session, then a message. Its header is made valid except for the type,
/// unless the terms say otherwise.
pub(crate) fn message(input: &[u8]) {
    let Some((terms, octets)) = input.split_first() else { return };
    let context = context(*terms);
    if terms & LEAVE_HEADER != 0 {
        check(octets.to_vec().into(), &context);
    } else if let Some((message_type, body)) = octets.split_first() {
        check(framed(*message_type, body), &context);
    }
}

/// One octet for the terms, then the flags, the type and the value of an attribute, which is put into a valid
/// UPDATE.
pub(crate) fn attribute(input: &[u8]) {
    let [terms, flags, attribute_type, value @ ..] = input else { return };
    let Ok(length) = u16::try_from(value.len()) else { return };
    let header = [&[flags | EXTENDED_LENGTH, *attribute_type][..], &length.to_be_bytes()].concat();
    let context = context(*terms);
    let as_path: &[u8] = match context.as_width {
        AsWidth::Two => &[0x40, 2, 4, 2, 1, 0xfd, 0xe9],
        AsWidth::Four => &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9],
    };
    let nlri: &[u8] = if context.add_path.is_empty() { &[8, 10] } else { &[0, 0, 0, 1, 8, 10] };
    check(update(&[ORIGIN, as_path, NEXT_HOP, &header, value].concat(), nlri), &context);
}

/// The code of a capability, then its value, in an OPEN.
pub(crate) fn capability(input: &[u8]) {
    let Some((code, value)) = input.split_first() else { return };
    let Ok(length) = u8::try_from(value.len()) else { return };
    let capabilities = [&[*code, length], value].concat();
    let sizes =
        [capabilities.len() + 3, capabilities.len()].map(|size| u16::try_from(size).unwrap().to_be_bytes());
    let parameters = [&[255, 255][..], &sizes[0], &[2], &sizes[1], &capabilities].concat();
    let body = [&[4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1][..], &parameters].concat();
    check(framed(1, &body), &context(0));
}

/// One octet for the terms, three for a family, then its NLRI, which are advertised and withdrawn.
pub(crate) fn nlri(input: &[u8]) {
    let [terms, family @ ..] = input else { return };
    let Some((family, nlri)) = family.split_first_chunk::<3>() else { return };
    let context = context(*terms);
    let next_hop = [&[16, 0x20, 1][..], &[0; 13], &[1, 0]].concat();
    for (attribute_type, between) in [(14, &next_hop[..]), (15, &[])] {
        let value = [&family[..], between, nlri].concat();
        let Ok(length) = u16::try_from(value.len()) else { return };
        let mp = [&[0x90, attribute_type][..], &length.to_be_bytes(), &value].concat();
        let as_path: &[u8] = &[0x40, 2, 0];
        check(update(&[ORIGIN, as_path, &mp].concat(), &[]), &context);
    }
}

/// Decodes a message, and checks everything that can be derived from it.
fn check(octets: Bytes, context: &DecodeContext) {
    let decoded = decode_message(octets.clone(), context);
    if frame_length(&octets, context.max_message_octets) != Ok(Some(octets.len())) {
        assert!(decoded.is_err(), "what is not framed is not decoded");
    }
    match decoded {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_ne!(error.into_notification().code, NotificationCode::CEASE);
        }
        Ok(Message::Update(update)) => check_update(&octets, &update, context),
        Ok(message) => {
            assert!(!format!("{message:?}").is_empty());
            comes_back(&message, context);
        }
    }
}

fn check_update(octets: &Bytes, update: &Update, context: &DecodeContext) {
    assert!(!format!("{update:?}").is_empty());
    assert!(update.defects().iter().all(|defect| !defect.to_string().is_empty()));
    let raw = RawUpdate::decode(&octets[19..]).expect("a good UPDATE has good lengths");
    assert!(raw.path_attributes().count() <= raw.attributes.len());
    assert!(update.reach().all(|reach| !reach.nlri.is_empty()), "no routes, and yet advertised");
    let Some(view) = update.attributes() else {
        assert!(update.reach().next().is_none(), "routes without attributes");
        return;
    };
    let attributes = view.to_path_attributes();
    assert_eq!(view.canonical_octets(&mut Vec::new()), attributes.octets(), "two forms");
    assert_eq!(view.iter().count(), attributes.iter().count(), "an attribute without a value");
    assert_eq!(attributes.to_builder().build().octets(), attributes.octets(), "the set is not canonical");
    for reach in update.reach() {
        let add_path = context.add_path.contains(&reach.nlri.family());
        let set = attributes.clone();
        let one = match reach.nlri.family() {
            Family::IPV4_UNICAST => {
                Update::advertising(set, reach.next_hop, add_path, prefixes::<Ipv4Prefix>(reach.nlri))
            }
            _ => Update::advertising(set, reach.next_hop, add_path, prefixes::<Ipv6Prefix>(reach.nlri)),
        };
        let encoder = encoder(context);
        let mut out = BytesMut::new();
        // A set that filled the message for a two-octet peer may leave no room for its routes with four
        // octets.
        if Message::Update(one).encode(&encoder, &mut out).is_err() {
            continue;
        }
        let back = decode_all(out.freeze(), context);
        let same = |update: &Update| update.attributes().is_some_and(|other| other == attributes);
        assert!(
            back.iter().all(same) || may_lose_segments(attributes.as_path(), context.as_width),
            "other attributes"
        );
        let routes = back.iter().flat_map(Update::reach);
        let (v4, v6): (Vec<_>, Vec<_>) = routes
            .map(|reach| (prefixes::<Ipv4Prefix>(reach.nlri), prefixes::<Ipv6Prefix>(reach.nlri)))
            .unzip();
        assert_eq!(v4.concat(), prefixes::<Ipv4Prefix>(reach.nlri), "other IPv4 routes");
        assert_eq!(v6.concat(), prefixes::<Ipv6Prefix>(reach.nlri), "other IPv6 routes");
    }
}

/// Whether a path loses segments on its way to a peer with two-octet AS numbers: confederation segments that
/// follow others cannot be sent where AS4_PATH is needed (RFC 6793 §4.2.3, §6).
fn may_lose_segments(path: AsPath<'_>, as_width: AsWidth) -> bool {
    let behind = path.segments().skip_while(|segment| segment.kind().is_confederation());
    as_width == AsWidth::Two && behind.into_iter().any(|segment| segment.kind().is_confederation())
}

fn prefixes<P: bgp_codec::IpPrefix>(block: NlriBlock<'_>) -> Vec<bgp_codec::Nlri<P>> {
    block.iter().collect()
}

fn comes_back(message: &Message, context: &DecodeContext) {
    let mut out = BytesMut::new();
    message.encode(&encoder(context), &mut out).expect("only UPDATEs can be too long");
    // An OPEN encodes its AS number in the width that its capabilities allow, and truncates values that are
    // too long.
    assert!(decode_message(out.freeze(), context).is_ok(), "{message:?} does not come back");
}

fn decode_all(mut octets: Bytes, context: &DecodeContext) -> Vec<Update> {
    let context = DecodeContext { max_message_octets: 65535, peer: PeerKind::Ibgp, ..context.clone() };
    let mut updates = Vec::new();
    while !octets.is_empty() {
        let length = frame_length(&octets, 65535).expect("a good header").expect("a whole header");
        match decode_message(octets.split_to(length), &context) {
            Ok(Message::Update(update)) => updates.push(update),
            other => panic!("not an UPDATE: {other:?}"),
        }
    }
    updates
}

fn encoder(context: &DecodeContext) -> UpdateEncoder {
    UpdateEncoder {
        as_width: context.as_width,
        max_message_octets: 65535,
        add_path: !context.add_path.is_empty(),
    }
}

fn context(terms: u8) -> DecodeContext {
    let peer = if terms & 1 == 0 { PeerKind::Ebgp } else { PeerKind::Ibgp };
    let as_width = if terms & 2 == 0 { AsWidth::Four } else { AsWidth::Two };
    let mut context = DecodeContext::new(peer, as_width);
    if terms & 4 != 0 {
        context.add_path = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    }
    if terms & 8 != 0 {
        context.extended_next_hop = vec![Family::IPV4_UNICAST];
    }
    context.max_message_octets = if terms & 16 == 0 { 4096 } else { 65535 };
    context
}

fn update(attributes: &[u8], nlri: &[u8]) -> Bytes {
    let length = u16::try_from(attributes.len()).unwrap_or(u16::MAX).to_be_bytes();
    framed(2, &[&[0, 0], &length[..], attributes, nlri].concat())
}

fn framed(message_type: u8, body: &[u8]) -> Bytes {
    let length = u16::try_from(body.len() + 19).unwrap_or(u16::MAX).to_be_bytes();
    [&[0xff; 16][..], &length, &[message_type], body].concat().into()
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 10, 0, 0, 1];
const EXTENDED_LENGTH: u8 = 0x10;

/// Flag in the octet for the terms: the header is part of the input.
const LEAVE_HEADER: u8 = 128;
