//! The Rib during the announcement, change and withdrawal of a full table, and with eight feeds that announce
//! the same prefixes.
//!
//! There are no sockets and no decoding: the UPDATEs are decoded before the clock starts, and what the
//! receiver is sent is only counted.

#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, BgpIdentifier, DecodeContext, Family, Ipv4Prefix, Message, NextHop, Nlri,
    Origin, PathAttributesBuilder, PeerKind, Update, UpdateEncoder, decode_message,
};
use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use margay_filter::FilterChain;
use margay_rib::{
    AsPathRules, DecisionRules, DeniedDirections, Departure, NextHopMode, OwnNextHops, PathLimits, PathsSent,
    PeerIndex, PeerOptions, PeerRules, Reflection, ReflectorOptions, Rib, RibOptions, SessionTerms,
};

const ROUTES: u32 = 300_000;
const ROUTES_OF_SET: u32 = 7;
const FEEDS: u32 = 8;

/// UPDATEs that arrive together, as from one read of a socket.
const AT_ONCE: usize = 100;

fn rib(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rib");
    group.sample_size(10).throughput(Throughput::Elements(ROUTES.into()));
    let (first, second) = (updates(0), updates(1));

    group.bench_function("announce", |bencher| {
        bencher.iter_batched(
            || (Scene::new(), first.clone()),
            |(mut scene, updates)| scene.take(0, updates),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("announce again", |bencher| {
        bencher.iter_batched(
            || (Scene::with_routes(&first), second.clone()),
            |(mut scene, updates)| scene.take(0, updates),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("peer down", |bencher| {
        bencher.iter_batched(
            || Scene::with_routes(&first),
            |mut scene| scene.lose(0),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(u64::from(ROUTES * FEEDS)));
    group.bench_function("eight feeds", |bencher| {
        bencher.iter_batched(
            || (Scene::new(), (0..FEEDS).map(updates).collect::<Vec<_>>()),
            |(mut scene, feeds)| scene.take_turns(feeds),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// A Rib with feeds and one peer that is sent the best routes.
struct Scene {
    rib: Rib,
    feeds: Vec<PeerIndex>,
    receiver: PeerIndex,
    told_octets: usize,
}

impl Scene {
    fn new() -> Self {
        let identifier = BgpIdentifier::new(1).unwrap();
        let mut rib = Rib::new(RibOptions {
            asn: Asn(64512),
            confederation: None,
            identifier,
            reflector: ReflectorOptions::new(identifier),
            forwarding: None,
            decision: DecisionRules::default(),
            hash_seed: 1,
        });
        let feeds = (0..FEEDS).map(|feed| rib.peer_up(peer(feed), None)).collect();
        let receiver = rib.peer_up(peer(FEEDS), None);
        Self { rib, feeds, receiver, told_octets: 0 }
    }

    fn with_routes(updates: &[Update]) -> Self {
        let mut scene = Self::new();
        scene.take(0, updates.to_vec());
        scene
    }

    fn take(&mut self, feed: usize, updates: Vec<Update>) -> usize {
        let mut updates = updates.into_iter().peekable();
        while updates.peek().is_some() {
            self.take_some(feed, updates.by_ref().take(AT_ONCE).collect());
        }
        self.told_octets
    }

    /// Applies UPDATEs of every feed in turn, and serves the receiver after each.
    fn take_turns(&mut self, feeds: Vec<Vec<Update>>) -> usize {
        let mut feeds: Vec<_> = feeds.into_iter().map(Vec::into_iter).collect();
        while feeds.iter().any(|updates| !updates.as_slice().is_empty()) {
            for (feed, updates) in feeds.iter_mut().enumerate() {
                self.take_some(feed, updates.take(AT_ONCE).collect());
            }
        }
        self.told_octets
    }

    fn take_some(&mut self, feed: usize, updates: Vec<Update>) {
        self.rib.view().read_ahead(&updates);
        for update in updates {
            self.rib.apply_update(self.feeds[feed], update);
        }
        self.tell();
    }

    fn lose(&mut self, feed: usize) -> usize {
        self.rib.peer_down(self.feeds[feed], Departure::Final);
        while self.rib.work(4096) {
            self.tell();
        }
        self.tell();
        self.told_octets
    }

    fn tell(&mut self) {
        let mut messages = Vec::new();
        loop {
            let has_more = self.rib.poll_export(self.receiver, &mut messages);
            self.told_octets += messages.drain(..).map(|messages| messages.octets.len()).sum::<usize>();
            if !has_more {
                break;
            }
        }
    }
}

/// An external peer with an AS of its own.
fn peer(number: u32) -> PeerOptions {
    PeerOptions {
        session: SessionTerms {
            kind: PeerKind::Ebgp,
            asn: Asn(65000 + number),
            role: None,
            identifier: BgpIdentifier::new(100 + number).unwrap(),
            address: IpAddr::V4((0x0a00_0000 + number).into()),
            number: number.into(),
            link: None,
            families: vec![Family::IPV4_UNICAST],
            path_ids_sent: Vec::new(),
            as_width: AsWidth::Four,
            max_message_octets: 4096,
            ipv6_next_hops: false,
            enhanced_refresh: false,
            long_lived: false,
        },
        rules: PeerRules {
            name: Arc::from(format!("peer {number}")),
            group: None,
            import: FilterChain::accept_all(),
            export: FilterChain::accept_all(),
            denied: DeniedDirections::default(),
            limits: PathLimits::default(),
            next_hop: NextHopMode::Auto,
            reflection: Reflection::NonClient,
            paths_sent: PathsSent::All,
            default_originate: false,
            as_path: AsPathRules::default(),
            is_draining: false,
        },
        own: OwnNextHops {
            ipv4: Some(NextHop::Ipv4([10, 0, 0, 100].into())),
            ipv6: None,
            shared_subnet: None,
        },
    }
}

/// A decoded table; another `version` has the same prefixes and other attributes.
fn updates(version: u32) -> Vec<Update> {
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
    let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
    let mut updates = Vec::new();
    for set in 0..ROUTES / ROUTES_OF_SET {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.as_path =
            AsPathBuf::from_sequence((0..3 + (set + version) % 4).map(|hop| Asn(3356 + set * hop)));
        builder.med = Some(set + version);
        let mut out = BytesMut::new();
        let numbers = set * ROUTES_OF_SET..(set + 1) * ROUTES_OF_SET;
        encoder.reach(&mut out, &builder.build(), next_hop, numbers.map(prefix).map(Nlri::new)).unwrap();
        match decode_message(out.freeze(), &context).unwrap() {
            Message::Update(update) => updates.push(update),
            other => panic!("an UPDATE was encoded, not {other:?}"),
        }
    }
    updates
}

/// Distinct prefixes over the whole address space.
fn prefix(number: u32) -> Ipv4Prefix {
    Ipv4Prefix::truncating(number.wrapping_mul(0x9e37_79b1).into(), 32)
}

criterion_group!(benches, rib);
criterion_main!(benches);
