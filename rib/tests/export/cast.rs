//! The peers of a random history: their options, and the routes that they can announce.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, AttributeType, BgpIdentifier, ClusterId, Community, DecodeContext,
    ExtendedCommunity, Family, IpPrefix, Message, NextHop, Nlri, Origin, PathAttributes,
    PathAttributesBuilder, PathId, PeerKind, Prefix, UnknownAttributeBuf, Update, UpdateEncoder,
    decode_message, frame_length,
};
use bytes::{Bytes, BytesMut};
use margay_filter::{
    Action, Condition, Edit, Filter, FilterChain, Number, NumberCondition, PeerCondition, PeerRelation,
    PrefixCondition, RpkiState, Rule, ValueRange,
};
use margay_rib::{
    AsPathRules, ConnectedRoute, DeniedDirections, NextHopMode, OwnNextHops, PathLimits, PathsSent,
    PeerOptions, PeerRules, Reflection, SessionTerms,
};
use margay_rpki::RoutePayload;

pub(crate) const LOCAL_ASN: Asn = Asn(64512);
pub(crate) const PEERS: usize = 20;

/// Other numbers of this speaker: one that is in received paths, and a private one that is not.
pub(crate) const LOCAL_ASNS: [Asn; 2] = [Asn(66001), Asn(64999)];

/// The number of the confederation that the speaker may be a member of.
pub(crate) const CONFEDERATION: Asn = Asn(66100);

/// Whether the peer is in that confederation, if there is one.
pub(crate) fn is_member(peer: usize) -> bool {
    matches!(likeness(peer), 2 | 13)
}

/// The clusters that the Rib reflects for.
pub(crate) const CLUSTERS: [ClusterId; 2] = [ClusterId(100), ClusterId(61)];

/// Attributes from so few values that they collide, repeat and tie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant {
    pub(crate) asns: Vec<u8>,
    pub(crate) origin: u8,
    pub(crate) med: Option<u8>,
    pub(crate) local_pref: u8,
    pub(crate) community: Option<u8>,
    pub(crate) originator: Option<u8>,
    pub(crate) next_hop: u8,
    /// The AS number in ONLY_TO_CUSTOMER: of the peer, or another one.
    pub(crate) only_to_customer: Option<bool>,
    /// Octets, in steps of six, by which the attributes are shorter than the longest that fit into a message
    /// of the peer.
    pub(crate) short_of_longest: Option<u8>,
}

/// Whether the peer announces path identifiers.
pub(crate) fn announces_path_ids(peer: usize) -> bool {
    matches!(likeness(peer), 3 | 6 | 12 | 13)
}

/// Whether the peer announces IPv4 routes with IPv6 next hops, and accepts such (RFC 8950).
pub(crate) fn has_ipv6_next_hops(peer: usize) -> bool {
    matches!(likeness(peer), 3 | 5)
}

/// The peers' options: external (0 to 3, and 8 to 10, which share a group) and internal, with filters, modes
/// and widths of their own. Several paths are sent to 11 and 12, which share a group, to 13, and to 14 in one
/// family only.
pub(crate) fn options(peer: usize) -> PeerOptions {
    let number = u32::try_from(peer).expect("few peers") + 1;
    let is_alone = peer != likeness(peer);
    let name = Arc::from(format!("peer{peer}"));
    let session_number = peer as u64;
    let peer = likeness(peer);
    let external = !matches!(peer, 4..8 | 11 | 12 | 14);
    PeerOptions {
        session: SessionTerms {
            kind: if external { PeerKind::Ebgp } else { PeerKind::Ibgp },
            asn: if external { Asn(65000 + number) } else { LOCAL_ASN },
            role: None,
            identifier: identifier(number),
            address: IpAddr::V4((0x0a00_0000 + number).into()),
            number: session_number,
            link: None,
            families: match peer {
                6 => vec![Family::IPV4_UNICAST],
                _ => vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
            },
            path_ids_sent: match peer {
                11..=13 => vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
                14 => vec![Family::IPV6_UNICAST],
                _ => Vec::new(),
            },
            as_width: if peer == 1 { AsWidth::Two } else { AsWidth::Four },
            max_message_octets: if is_alone { 4096 + number as usize } else { 4096 },
            ipv6_next_hops: has_ipv6_next_hops(peer),
            enhanced_refresh: peer.is_multiple_of(2),
            long_lived: false,
        },
        rules: PeerRules {
            name,
            group: None,
            import: if peer == 1 { filter("10.1.0.0/16", Action::Reject) } else { FilterChain::accept_all() },
            export: if peer == 2 { filter("10.2.0.0/16", Action::Accept) } else { FilterChain::accept_all() },
            next_hop: match peer {
                3 => NextHopMode::Keep,
                7 => NextHopMode::OwnAddress,
                _ => NextHopMode::Auto,
            },
            reflection: match peer {
                4 | 6 | 11 | 12 => Reflection::Client(CLUSTERS[0]),
                7 => Reflection::Client(CLUSTERS[1]),
                _ => Reflection::NonClient,
            },
            paths_sent: match peer {
                13 => best(2),
                14 => best(3),
                _ => PathsSent::All,
            },
            default_originate: false,
            as_path: AsPathRules::default(),
            limits: PathLimits::default(),
            denied: DeniedDirections::default(),
            is_draining: false,
        },
        own: OwnNextHops {
            ipv4: Some(if peer == 3 { next_hop(4, true) } else { NextHop::Ipv4([10, 0, 0, 100].into()) }),
            ipv6: (peer != 5).then(|| next_hop(4, true)),
            shared_subnet: match peer {
                0 => Some("10.200.0.0/24".parse().expect("a prefix")),
                1 | 14 => Some("2001:db8:ff:1::/64".parse().expect("a prefix")),
                4 => Some("10.200.0.0/16".parse().expect("a prefix")),
                _ => None,
            },
        },
    }
}

/// Options with a change.
pub(crate) fn with(mut options: PeerOptions, change: impl FnOnce(&mut PeerOptions)) -> PeerOptions {
    change(&mut options);
    options
}

/// Own addresses towards a peer, by number: those of [`options`], none, and others, which also appear as next
/// hops of routes.
pub(crate) fn own_next_hops(peer: usize, number: u8) -> OwnNextHops {
    match number {
        0 => options(peer).own,
        1 => OwnNextHops::default(),
        number => OwnNextHops {
            ipv4: Some(next_hop(number, false)),
            ipv6: Some(next_hop(number, true)),
            shared_subnet: Some("10.200.0.0/24".parse().expect("a prefix")),
        },
    }
}

/// The peer with the same options except for the longest message, which no route here comes near: 15 to 19
/// are sent the same as others, each in a group of its own.
pub(crate) fn likeness(peer: usize) -> usize {
    match peer {
        15 => 8,
        16 => 4,
        17 => 11,
        18 => 5,
        19 => 13,
        peer => peer,
    }
}

/// Applies `action` to routes that `prefix` covers, and the opposite to all others.
pub(crate) fn filter(prefix: &str, action: Action) -> FilterChain {
    let opposite = if action == Action::Accept { Action::Reject } else { Action::Accept };
    let rules = [Rule::new(inside(prefix), action), Rule::new(Condition::always(), opposite)];
    FilterChain::new([Filter::new("test", rules)])
}

fn inside(prefix: &str) -> Condition {
    let condition = PrefixCondition::new(Some(prefix.parse().expect("a prefix")), None);
    Condition::Prefix(condition.expect("every length is possible"))
}

/// Sets different attributes inside a prefix and outside it.
pub(crate) fn setting_by_prefix() -> FilterChain {
    let edits = |local_pref: &str, asn: u32| {
        let local_pref = Edit::number(Number::LocalPref, local_pref.parse().expect("an expression"));
        [local_pref, Edit::Prepend(vec![Asn(asn); 2])]
    };
    let rules = [
        Rule::new(inside("10.1.0.0/16"), Action::Accept)
            .with_edits(edits("(local_pref or 100) + 50", 65_100)),
        Rule::new(Condition::always(), Action::Accept).with_edits(edits("90", 65_101)),
    ];
    FilterChain::new([Filter::new("by-prefix", rules)])
}

/// Matches the source of a path, not its prefix: marks what internal peers advertise, and refuses paths of
/// other peers that have a MED.
pub(crate) fn setting_by_source() -> FilterChain {
    let mark = [
        Edit::AddCommunities(vec!["65000:77".parse().expect("a community")]),
        Edit::number(Number::Med, "7".parse().expect("a number")),
    ];
    let internal = Condition::SourcePeer(PeerCondition::Relation(vec![PeerRelation::Internal]));
    let external = Condition::SourcePeer(PeerCondition::Relation(vec![PeerRelation::External]));
    let has_med = Condition::Number(NumberCondition { number: Number::Med, range: ValueRange::ALL });
    let rules = [
        Rule::new(internal, Action::Accept).with_edits(mark),
        Rule::new(Condition::all([external, has_med]), Action::Reject),
        Rule::new(Condition::always(), Action::Accept),
    ];
    FilterChain::new([Filter::new("by-source", rules)])
}

/// 26 prefixes: nested, and of both families, with their default routes.
/// Refuses invalid routes, and marks valid ones.
pub(crate) fn setting_by_rpki() -> FilterChain {
    let mark = [Edit::number(Number::LocalPref, "150".parse().expect("a number"))];
    let state = |state| Condition::Rpki(vec![state]);
    let not_found = [Edit::AddCommunities(vec!["65000:78".parse().expect("a community")])];
    let rules = [
        Rule::new(state(RpkiState::Invalid), Action::Reject),
        Rule::new(state(RpkiState::Valid), Action::Accept).with_edits(mark),
        Rule::new(state(RpkiState::NotFound), Action::Accept).with_edits(not_found),
        Rule::new(Condition::always(), Action::Accept),
    ];
    FilterChain::new([Filter::new("by-rpki", rules)])
}

/// A payload of few, which cover the prefixes here and authorise some of the origins.
pub(crate) fn payload((number, more, asn): (u8, u8, u8)) -> RoutePayload {
    let prefix = match number {
        0 => "10.0.0.0/8".parse().expect("a prefix"),
        1 => "::/0".parse().expect("a prefix"),
        number => prefix(number),
    };
    let longest = if matches!(prefix, Prefix::Ipv4(_)) { 32 } else { 128 };
    let max_length = (prefix.length() + 8 * more).min(longest);
    let asn = [LOCAL_ASN, CONFEDERATION, Asn(66000), Asn(66001), Asn(65001), Asn(65009)][usize::from(asn)];
    RoutePayload::new(prefix, max_length, asn).expect("a length of the family")
}

pub(crate) fn prefix(number: u8) -> Prefix {
    let (block, kind) = (number % 6, number / 6);
    // No peer may announce the last prefixes of two kinds to us: our own address, and multicast addresses.
    let text = match kind {
        2 if block == 5 => "10.0.0.100/32".to_owned(),
        3 if block == 5 => "ff0e::/16".to_owned(),
        4 => if block == 0 { "0.0.0.0/0" } else { "::/0" }.to_owned(),
        0 => format!("10.{block}.0.0/16"),
        1 => format!("10.{block}.1.0/24"),
        2 => format!("10.{block}.1.1/32"),
        _ => format!("2001:db8:{block}::/48"),
    };
    text.parse().expect("a prefix")
}

/// Number of next hops.
pub(crate) const NEXT_HOPS: u8 = 7;

/// The next hops: number 4 is our own, 3 is in no subnet, 5 has a link-local address in IPv6, and 6 is the
/// peer's loopback address.
pub(crate) fn next_hop(number: u8, v6: bool) -> NextHop {
    if number == 6 {
        return if v6 { NextHop::Ipv6(Ipv6Addr::LOCALHOST) } else { NextHop::Ipv4(Ipv4Addr::LOCALHOST) };
    }
    let host = if number == 4 { 100 } else { number };
    if !v6 {
        return NextHop::Ipv4([10, 200, number % 4, host].into());
    }
    let global = [0x2001, 0xdb8, 0xff, u16::from(number % 4), 0, 0, 0, host.into()].into();
    match number {
        5 => NextHop::Ipv6LinkLocal { global, link_local: [0xfe80, 0, 0, 0, 0, 0, 0, 5].into() },
        _ => NextHop::Ipv6(global),
    }
}

/// The subnets of those of the first three next hops whose bit is set.
pub(crate) fn connected(subnets: u8) -> Vec<ConnectedRoute> {
    let up = (0..3u8).filter(|number| subnets & (1 << number) != 0);
    let texts = up.flat_map(|number| [format!("10.200.{number}.0/24"), format!("2001:db8:ff:{number}::/64")]);
    texts.map(|text| ConnectedRoute { prefix: text.parse().expect("a prefix"), interface: 1 }).collect()
}

pub(crate) fn attributes(options: &PeerOptions, variant: &Variant) -> PathAttributes {
    let origin = [Origin::Igp, Origin::Egp, Origin::Incomplete][usize::from(variant.origin)];
    let mut builder = PathAttributesBuilder::new(origin);
    // AS number 3 is our own: a loop. Number 2 is private, and that of peer 8.
    let asns = variant.asns.iter().map(|&asn| match asn {
        2 => Asn(65009),
        3 => LOCAL_ASN,
        4 => CONFEDERATION,
        _ => Asn(66000 + u32::from(asn)),
    });
    builder.as_path = AsPathBuf::from_sequence(asns);
    builder.med = variant.med.map(u32::from);
    let communities = [
        Community::NO_EXPORT,
        Community::NO_ADVERTISE,
        Community(65000 << 16 | 1),
        Community::GRACEFUL_SHUTDOWN,
        Community::NO_EXPORT_SUBCONFED,
    ];
    builder.communities =
        variant.community.map(|number| communities[usize::from(number)]).into_iter().collect();
    builder.extended_communities = bandwidth(variant.next_hop).into_iter().collect();
    if let Some(is_peers) = variant.only_to_customer {
        let asn = if is_peers { options.session.asn } else { Asn(66001) };
        let value = asn.0.to_be_bytes().to_vec();
        builder.unknown.extend(UnknownAttributeBuf::new(AttributeType::ONLY_TO_CUSTOMER, value));
    }
    match options.session.kind {
        PeerKind::Confederation => {
            builder.local_pref = Some(99 + u32::from(variant.local_pref));
            // Our own member, or another one, before the peer's.
            let passed = variant.originator.map(|number| if number == 2 { LOCAL_ASN } else { Asn(64701) });
            passed.into_iter().for_each(|asn| builder.as_path.prepend_member(asn));
            builder.as_path.prepend_member(options.session.asn);
        }
        PeerKind::Ebgp => builder.as_path.prepend(options.session.asn, 1),
        PeerKind::Ibgp => {
            builder.local_pref = Some(99 + u32::from(variant.local_pref));
            // Originator 2 is ourselves: a loop.
            builder.originator_id = variant
                .originator
                .map(|number| identifier(if number == 2 { 100 } else { 50 + u32::from(number) }));
            // Of the clusters 60 to 62, the middle one is ours: a loop.
            builder.cluster_list =
                variant.originator.map(|number| ClusterId(60 + u32::from(number))).into_iter().collect();
        }
    }
    builder.build()
}

/// The link bandwidth of paths over some next hops.
fn bandwidth(next_hop: u8) -> Option<ExtendedCommunity> {
    let octets_per_second = match next_hop {
        1 => 1.25e8,
        2 => 5e8,
        _ => return None,
    };
    ExtendedCommunity::of_link_bandwidth(65000, octets_per_second)
}

/// These attributes, extended so that a message of 4,096 octets to the peer has room for one route and little
/// more.
pub(crate) fn lengthened(
    attributes: &PathAttributes,
    options: &PeerOptions,
    short_of_longest: u8,
    v6: bool,
) -> PathAttributes {
    // Header and lengths, the next hop where the family has it, and the NLRI of a host with a path id.
    let next_hop_octets = if v6 || options.session.ipv6_next_hops { 41 } else { 7 };
    let others = 23 + next_hop_octets + if v6 { 21 } else { 9 };
    // AS4_PATH of the longest path used here.
    let as4_path = if options.session.as_width == AsWidth::Two { 17 } else { 0 };
    // The header of the attribute that fills the rest.
    let used = others + as4_path + attributes.octets().len() + 4;
    let filled = 4096 - used - 6 * usize::from(short_of_longest);
    let mut builder = attributes.to_builder();
    builder.unknown.push(UnknownAttributeBuf::new(AttributeType(99), vec![0; filled]).expect("a long one"));
    builder.build()
}

pub(crate) fn identifier(number: u32) -> BgpIdentifier {
    BgpIdentifier::new(number).expect("not zero")
}

pub(crate) fn best(most: u16) -> PathsSent {
    PathsSent::Best(NonZeroU16::new(most).expect("not zero"))
}

pub(crate) fn nlri<P: IpPrefix>(
    prefixes: &[Prefix],
    path_id: Option<PathId>,
) -> impl Iterator<Item = Nlri<P>> + '_ {
    prefixes.iter().filter_map(|&prefix| P::narrow(prefix)).map(move |prefix| Nlri { path_id, prefix })
}

/// The attributes and next hop as decoded from what the peer's encoder writes.
pub(crate) fn through_the_wire(
    options: &PeerOptions,
    add_path: bool,
    encode: impl FnOnce(&UpdateEncoder, &mut BytesMut),
) -> Vec<Update> {
    let encoder = UpdateEncoder { as_width: options.session.as_width, max_message_octets: 4096, add_path };
    let mut octets = BytesMut::new();
    encode(&encoder, &mut octets);
    let families = if add_path { vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST] } else { Vec::new() };
    let context = DecodeContext { add_path: families, ..context_of(options) };
    let mut octets: Bytes = octets.freeze();
    let mut updates = Vec::new();
    while let Some(length) = frame_length(&octets, 4096).expect("well-formed headers") {
        match decode_message(octets.split_to(length), &context).expect("well-formed messages") {
            Message::Update(update) => updates.push(update),
            other => panic!("only UPDATEs are encoded, not {other:?}"),
        }
    }
    updates
}

/// The terms of a session with the peer.
pub(crate) fn context_of(options: &PeerOptions) -> DecodeContext {
    let extended_next_hop =
        options.session.ipv6_next_hops.then_some(Family::IPV4_UNICAST).into_iter().collect();
    DecodeContext { extended_next_hop, ..context(options.session.kind, options.session.as_width) }
}

pub(crate) fn context(peer: PeerKind, as_width: AsWidth) -> DecodeContext {
    DecodeContext::new(peer, as_width)
}
