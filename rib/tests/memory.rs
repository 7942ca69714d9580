//! Memory of members of an export group: a cursor each, and nothing per route.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]
#![expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one only counts, and hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

use bgp_codec::{
    AsWidth, Asn, BgpIdentifier, Family, Ipv4Prefix, NextHop, Nlri, Origin, PathAttributesBuilder, PeerKind,
    Update,
};
use margay_filter::FilterChain;
use margay_rib::{
    AsPathRules, Audit, DecisionRules, DeniedDirections, Departure, NextHopMode, OwnNextHops, PathLimits,
    PathsSent, PeerIndex, PeerOptions, PeerRules, Reflection, ReflectorOptions, Rib, RibOptions,
    SessionTerms,
};

thread_local! {
    /// Octets that this thread has allocated and not freed.
    static OCTETS: Cell<isize> = const { Cell::new(0) };
    /// Octets of the largest block that this thread has freed or made smaller by.
    static LARGEST_FREED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-layout.size().cast_signed());
        note_freed(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size.cast_signed() - layout.size().cast_signed());
        note_freed(layout.size().saturating_sub(new_size));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn note(octets: isize) {
    // At the end of a thread the counter no longer exists.
    OCTETS.try_with(|all| all.set(all.get() + octets)).ok();
}

fn note_freed(octets: usize) {
    LARGEST_FREED.try_with(|largest| largest.set(largest.get().max(octets))).ok();
}

fn allocated() -> isize {
    OCTETS.get()
}

#[test]
fn a_thousand_more_clients_cost_less_than_two_kilobytes_each_whatever_the_table() {
    for path_ids_sent in [Vec::new(), vec![Family::IPV4_UNICAST]] {
        let mut costs = Vec::new();
        for prefixes in [100, 20_000] {
            let (mut rib, source) = rib_and_source();
            announce(&mut rib, source, 0..prefixes, |_| 0);
            join(&mut rib, 0..10, &path_ids_sent);
            let before = allocated();
            join(&mut rib, 10..1010, &path_ids_sent);
            costs.push((allocated() - before) / 1000);
        }
        assert!(costs.iter().all(|cost| *cost < 2048), "{costs:?} octets a client, {path_ids_sent:?}");
        assert!(
            costs[1] < costs[0] + 64,
            "more octets a client with more routes: {costs:?}, {path_ids_sent:?}"
        );
    }
}

#[test]
fn clients_that_are_behind_at_different_positions_keep_few_slices() {
    const CLIENTS: u32 = 100;
    const PREFIXES: u32 = 2000;
    let (mut rib, source) = rib_and_source();
    announce(&mut rib, source, 0..PREFIXES, |prefix| prefix);
    let clients = join(&mut rib, 0..CLIENTS, &[]);
    let before = allocated();
    let (mut most, mut exports) = (0, 0);
    for (round, &client) in (1..).zip(&clients) {
        announce(&mut rib, source, 0..PREFIXES, |prefix| prefix + round);
        let mut batch = Vec::new();
        rib.poll_export(client, &mut batch);
        exports += batch.iter().map(|updates| updates.octets.len()).sum::<usize>();
        drop(batch);
        most = most.max(allocated() - before);
    }
    let exports = exports.cast_signed();
    assert!(exports > 10 << 20, "{exports} octets of slices, each for one client");
    assert!(most < 6 << 20, "{most} octets kept of {exports}");
}

#[test]
fn clients_that_come_and_go_leave_no_memory_behind() {
    const ROUNDS: usize = 30;
    for path_ids_sent in [Vec::new(), vec![Family::IPV4_UNICAST]] {
        let (mut rib, source) = rib_and_source();
        announce(&mut rib, source, 0..500, |_| 0);
        let mut allocated_after = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let clients = join(&mut rib, 0..100, &path_ids_sent);
            for (number, &client) in (1000..).zip(&clients) {
                announce(&mut rib, client, number..number + 4, |prefix| prefix);
            }
            for client in clients {
                rib.peer_down(client, Departure::Final);
            }
            while rib.work(1000) {}
            assert_eq!(
                (rib.view().counts().paths, rib.view().counts().export_groups),
                (500, 2),
                "those of the source remain"
            );
            allocated_after.push(allocated());
        }
        // The source reads nothing, and its log is compacted now and then. One leaked octet per client would
        // be 1,500.
        let most = |rounds: &[isize]| rounds.iter().copied().max().unwrap();
        let (earlier, later) = (most(&allocated_after[..15]), most(&allocated_after[15..]));
        assert!(later < earlier + 512, "{allocated_after:?}, {path_ids_sent:?}");
    }
}

/// New prefixes keep coming and going behind a reader that does not read.
#[test]
fn a_reader_that_does_not_read_is_overdue_before_it_costs_64_mebibytes() {
    const TABLE: u32 = 100_000;
    const ROUND: u32 = 10_000;
    for path_ids_sent in [Vec::new(), vec![Family::IPV4_UNICAST]] {
        let (mut rib, source) = rib_and_source();
        announce(&mut rib, source, 0..TABLE, |_| 0);
        let clients = join(&mut rib, 0..2, &path_ids_sent);
        let [stuck, reader] = clients[..] else { unreachable!("two clients") };
        let before = allocated();
        let mut rounds = 0;
        while rib.view().overdue().is_empty() {
            rounds += 1;
            assert!(rounds < 100, "never overdue");
            let prefixes = TABLE + rounds * ROUND..TABLE + (rounds + 1) * ROUND;
            announce(&mut rib, source, prefixes.clone(), |_| 0);
            withdraw(&mut rib, source, prefixes);
            for reading in [source, reader] {
                while rib.poll_export(reading, &mut Vec::new()) {}
            }
        }
        let cost = allocated() - before;
        assert_eq!(rib.view().overdue(), [stuck], "{path_ids_sent:?}");
        assert!(cost < 64 << 20, "{cost} octets, {path_ids_sent:?}");
        rib.peer_down(stuck, Departure::Final);
        // The others have read what was kept for it, which takes its time to be forgotten.
        assert_eq!(rib.view().overdue(), []);
        while rib.work(1000) {
            assert_eq!(rib.view().overdue(), []);
        }
        let left = Audit::of(&rib);
        assert_eq!(left.tombstones, 0, "{left:?}");
    }
}

/// A withdrawn table needs no more memory than it had, so the slowest reader is given time.
#[test]
fn a_reader_is_not_overdue_when_a_whole_table_is_withdrawn() {
    const TABLE: u32 = 400_000;
    let (mut rib, source) = rib_and_source();
    announce(&mut rib, source, 0..TABLE, |_| 0);
    let clients = join(&mut rib, 0..2, &[]);
    for _ in 0..3 {
        withdraw(&mut rib, source, 0..TABLE);
        assert_eq!(rib.view().overdue(), []);
        announce(&mut rib, source, 0..TABLE, |_| 0);
        assert_eq!(rib.view().overdue(), []);
    }
    withdraw(&mut rib, source, 0..TABLE);
    for client in clients.into_iter().chain([source]) {
        while rib.poll_export(client, &mut Vec::new()) {}
    }
    while rib.work(1000) {}
    assert_eq!(Audit::of(&rib).tombstones, 0);
}

/// After a table that is many times as large as usual has come and gone.
#[test]
fn memory_of_a_peak_is_given_back() {
    const USUAL: u32 = 1_000;
    const PEAK: u32 = 100_000;
    for path_ids_sent in [&[][..], &[Family::IPV4_UNICAST]] {
        let (mut rib, source) = rib_and_source();
        let clients = join(&mut rib, 0..2, path_ids_sent);
        let settle = |rib: &mut Rib| {
            while rib.work(1000) {}
            for &reader in clients.iter().chain([&source]) {
                while rib.poll_export(reader, &mut Vec::new()) {}
            }
        };
        announce(&mut rib, source, 0..USUAL, |prefix| prefix);
        settle(&mut rib);
        let usual = allocated();
        announce(&mut rib, source, USUAL..PEAK, |prefix| prefix);
        settle(&mut rib);
        let peak = allocated() - usual;
        withdraw(&mut rib, source, USUAL..PEAK);
        settle(&mut rib);
        // What is left is what the usual table may need when it changes.
        announce(&mut rib, source, 0..USUAL, |prefix| prefix + 1);
        settle(&mut rib);
        let left = allocated() - usual;
        assert!(left * 25 < peak, "{left} octets left of {peak}, {path_ids_sent:?}");
    }
}

/// The kernel takes a millisecond for a few mebibytes of pages.
#[test]
fn a_table_that_is_withdrawn_is_freed_in_small_blocks() {
    const TABLE: u32 = 100_000;
    const MOST: usize = 2 << 20;
    for path_ids_sent in [&[][..], &[Family::IPV4_UNICAST]] {
        let (mut rib, source) = rib_and_source();
        let clients = join(&mut rib, 0..2, path_ids_sent);
        let settle = |rib: &mut Rib| {
            while rib.work(1000) {}
            for &reader in clients.iter().chain([&source]) {
                while rib.poll_export(reader, &mut Vec::new()) {}
            }
        };
        announce(&mut rib, source, 0..TABLE, |prefix| prefix);
        settle(&mut rib);
        let peak = allocated();
        LARGEST_FREED.set(0);
        withdraw(&mut rib, source, 0..TABLE);
        settle(&mut rib);
        let (freed, largest) = (peak - allocated(), LARGEST_FREED.get());
        assert!(freed > 10 << 20, "{freed} octets freed of {peak}");
        assert!(largest <= MOST, "{largest} octets freed at once, {path_ids_sent:?}");
    }
}

fn rib_and_source() -> (Rib, PeerIndex) {
    let identifier = identifier(1);
    let reflector = ReflectorOptions::new(identifier);
    let options = RibOptions {
        asn: ASN,
        confederation: None,
        identifier,
        reflector,
        forwarding: None,
        decision: DecisionRules::default(),
        hash_seed: 1,
    };
    let mut rib = Rib::new(options);
    let source = rib.peer_up(client(0, &[]), None);
    (rib, source)
}

/// Announces prefixes with a MULTI_EXIT_DISC for each.
fn announce(rib: &mut Rib, source: PeerIndex, prefixes: Range<u32>, med: impl Fn(u32) -> u32) {
    for number in prefixes {
        let mut attributes = PathAttributesBuilder::new(Origin::Igp);
        attributes.local_pref = Some(100);
        attributes.med = Some(med(number));
        let prefix = Nlri::new(Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24));
        rib.apply_update(source, Update::advertising(attributes.build(), NEXT_HOP, false, [prefix]));
    }
}

fn withdraw(rib: &mut Rib, source: PeerIndex, prefixes: Range<u32>) {
    for number in prefixes {
        let prefix = Nlri::new(Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24));
        rib.apply_update(source, Update::withdrawing(false, [prefix]));
    }
}

/// Clients join, and are sent everything.
fn join(rib: &mut Rib, numbers: Range<u32>, path_ids_sent: &[Family]) -> Vec<PeerIndex> {
    let clients: Vec<PeerIndex> =
        numbers.map(|number| rib.peer_up(client(1 + number, path_ids_sent), None)).collect();
    while rib.work(1000) {}
    for &client in &clients {
        while rib.poll_export(client, &mut Vec::new()) {}
        assert_eq!(
            rib.view().peer_counts(client, Family::IPV4_UNICAST).advertised,
            rib.view().counts().ipv4_prefixes
        );
    }
    clients
}

fn client(number: u32, path_ids_sent: &[Family]) -> PeerOptions {
    PeerOptions {
        session: SessionTerms {
            kind: PeerKind::Ibgp,
            asn: ASN,
            role: None,
            identifier: identifier(100 + number),
            address: Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
            number: number.into(),
            link: None,
            families: vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
            path_ids_sent: path_ids_sent.to_vec(),
            as_width: AsWidth::Four,
            max_message_octets: 4096,
            ipv6_next_hops: false,
            enhanced_refresh: true,
            long_lived: false,
        },
        rules: PeerRules {
            name: Arc::from(format!("node{number}")),
            group: None,
            import: FilterChain::accept_all(),
            export: FilterChain::accept_all(),
            denied: DeniedDirections::default(),
            limits: PathLimits::default(),
            next_hop: NextHopMode::Auto,
            reflection: Reflection::Client(identifier(1).into()),
            paths_sent: PathsSent::All,
            default_originate: false,
            as_path: AsPathRules::default(),
            is_draining: false,
        },
        own: OwnNextHops {
            ipv4: Some(NextHop::Ipv4(Ipv4Addr::new(10, 201, 0, 1))),
            ipv6: None,
            shared_subnet: None,
        },
    }
}

fn identifier(number: u32) -> BgpIdentifier {
    BgpIdentifier::new(number).unwrap()
}

const ASN: Asn = Asn(64512);
const NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(10, 200, 0, 1));
