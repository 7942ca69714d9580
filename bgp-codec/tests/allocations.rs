//! Allocations of decoding and encoding: a constant number for a message, and none for a route.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]
#![expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one only counts, and hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;

use bgp_codec::{
    AsWidth, Community, DecodeContext, IpPrefix, Ipv4Prefix, Ipv6Prefix, Message, NextHop, Nlri, Origin,
    PathAttribute, PathAttributes, PathAttributesBuilder, PathId, PeerKind, Update, UpdateEncoder,
    decode_message,
};
use bytes::{Bytes, BytesMut};

thread_local! {
    static ALLOCATIONS: Cell<Allocations> = const { Cell::new(Allocations { count: 0, octets: 0 }) };
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Allocations {
    count: usize,
    octets: usize,
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn note(octets: usize) {
    // At the end of a thread the counter no longer exists.
    ALLOCATIONS
        .try_with(|all| {
            let Allocations { count, octets: before } = all.get();
            all.set(Allocations { count: count + 1, octets: before + octets });
        })
        .unwrap_or(());
}

fn counted<T>(work: impl FnOnce() -> T) -> (T, Allocations) {
    let before = ALLOCATIONS.get();
    let result = work();
    let after = ALLOCATIONS.get();
    (result, Allocations { count: after.count - before.count, octets: after.octets - before.octets })
}

fn attributes() -> PathAttributes {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = "65001 65002 65003".parse().unwrap();
    builder.med = Some(7);
    builder.communities = (0..20).map(Community).collect();
    builder.build()
}

fn hosts<P: IpPrefix>(count: u32, host: impl Fn(u32) -> P) -> Vec<Nlri<P>> {
    (0..count).map(|number| Nlri { path_id: Some(PathId(number)), prefix: host(number) }).collect()
}

fn encoder(as_width: AsWidth, add_path: bool) -> UpdateEncoder {
    UpdateEncoder { as_width, max_message_octets: 65535, add_path }
}

fn advertised<P: IpPrefix>(encoder: &UpdateEncoder, next_hop: NextHop, nlri: &[Nlri<P>]) -> Bytes {
    let mut out = BytesMut::new();
    encoder.reach(&mut out, &attributes(), next_hop, nlri.iter().copied()).unwrap();
    out.freeze()
}

/// Decodes a message and iterates over every route and attribute.
fn decode_and_visit<P: IpPrefix>(octets: Bytes, context: &DecodeContext) -> (Update, usize) {
    let Message::Update(update) = decode_message(octets, context).unwrap() else { panic!("not an UPDATE") };
    let routes = update.reach().flat_map(|reach| reach.nlri.iter::<P>()).count();
    let visited = update.attributes().unwrap().iter().map(|attribute| match attribute {
        PathAttribute::AsPath(path) => path.asns().count(),
        PathAttribute::Communities(communities) => communities.iter().count(),
        _ => 0,
    });
    assert_eq!(visited.sum::<usize>(), 23);
    (update, routes)
}

fn check_decoding<P: IpPrefix>(
    name: &str,
    (as_width, add_path): (AsWidth, bool),
    next_hop: NextHop,
    host: impl Fn(u32) -> P,
) {
    let mut context = DecodeContext::new(PeerKind::Ibgp, as_width);
    context.max_message_octets = 65535;
    if add_path {
        context.add_path = vec![P::FAMILY];
    }
    let allocations = [1, 2000].map(|count| {
        let octets = advertised(&encoder(as_width, add_path), next_hop, &hosts(count, &host));
        let ((_, routes), allocations) = counted(|| decode_and_visit::<P>(octets, &context));
        assert_eq!(routes, count as usize, "{name}");
        allocations
    });
    assert_eq!(allocations[0], allocations[1], "{name}: one route and 2,000");
    assert!(allocations[0].count <= 12, "{name}: {allocations:?}");
}

#[test]
fn decoding_allocates_for_a_message_and_not_for_its_routes() {
    let v4 = |number: u32| Ipv4Prefix::host((0x0a00_0000 + number).into());
    let v6 = |number: u32| Ipv6Prefix::host((0xfd << 120 | u128::from(number)).into());
    for (as_width, add_path) in [(AsWidth::Four, false), (AsWidth::Four, true), (AsWidth::Two, false)] {
        let terms = (as_width, add_path);
        check_decoding(&format!("IPv4 {terms:?}"), terms, NextHop::Ipv4([10, 0, 0, 1].into()), v4);
        check_decoding(&format!("IPv6 {terms:?}"), terms, NextHop::Ipv6("fd00::1".parse().unwrap()), v6);
    }
}

#[test]
fn a_message_of_a_four_octet_peer_costs_no_allocation() {
    let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    let next_hop = NextHop::Ipv4([10, 0, 0, 1].into());
    let nlri = hosts(100, |number| Ipv4Prefix::host((0x0a00_0000 + number).into()));
    let octets = advertised(&encoder(AsWidth::Four, false), next_hop, &nlri);
    let (_, allocations) = counted(|| decode_and_visit::<Ipv4Prefix>(octets, &context));
    assert_eq!(allocations, Allocations { count: 0, octets: 0 });
}

#[test]
fn a_known_set_is_found_without_an_allocation() {
    let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    let next_hop = NextHop::Ipv4([10, 0, 0, 1].into());
    let nlri = hosts(1, |number| Ipv4Prefix::host((0x0a00_0000 + number).into()));
    let octets = advertised(&encoder(AsWidth::Four, false), next_hop, &nlri);
    let known: HashMap<Box<[u8]>, u32> = HashMap::from([(attributes().octets().into(), 7)]);
    let mut buffer = Vec::with_capacity(4096);
    let (found, allocations) = counted(|| {
        let Ok(Message::Update(update)) = decode_message(octets, &context) else { panic!("not an UPDATE") };
        known.get(update.attributes().unwrap().canonical_octets(&mut buffer)).copied()
    });
    assert_eq!((found, allocations), (Some(7), Allocations { count: 0, octets: 0 }));
}

#[test]
fn encoding_into_a_buffer_with_room_allocates_nothing() {
    let set = attributes();
    let encoder = encoder(AsWidth::Four, false);
    let v4 = hosts(50_000, |number| Ipv4Prefix::host((0x0a00_0000 + number).into()));
    let v6 = hosts(50_000, |number| Ipv6Prefix::host((0xfd << 120 | u128::from(number)).into()));
    let mut out = BytesMut::with_capacity(4 << 20);
    let ((), allocations) = counted(|| {
        encoder.reach(&mut out, &set, NextHop::Ipv4([10, 0, 0, 1].into()), v4.iter().copied()).unwrap();
        let global = std::net::Ipv6Addr::LOCALHOST;
        encoder.reach(&mut out, &set, NextHop::Ipv6(global), v6.iter().copied()).unwrap();
        encoder.unreach(&mut out, v4.iter().copied());
        encoder.unreach(&mut out, v6.iter().copied());
    });
    assert!(out.len() > 2_000_000);
    assert_eq!(allocations, Allocations { count: 0, octets: 0 });
}

#[test]
fn memory_is_bounded_by_a_constant_times_the_input() {
    // Many small attributes with errors need the most memory per received octet.
    for attribute in [&[0x40u8, 1, 0][..], &[0xc0, 99, 0], &[0x80, 4, 0], &[0xc0, 7, 0], &[0x40, 2, 0]] {
        for count in [1, 100, 1300] {
            let body = attribute.repeat(count);
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            let total = u16::try_from(body.len() + 26).unwrap().to_be_bytes();
            let octets: Bytes =
                [&[0xff; 16], &total[..], &[2, 0, 0], &length, &body, &[16, 10, 0]].concat().into();
            let size = octets.len();
            let mut context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Two);
            context.max_message_octets = 65535;
            let (_, allocations) = counted(|| decode_message(octets, &context).is_ok());
            assert!(
                allocations.octets <= 64 * size + 1024,
                "{attribute:?} x {count}: {allocations:?} for {size}"
            );
        }
    }
}
