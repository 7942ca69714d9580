//! Decoding and encoding a full table's UPDATEs, compared with `bgpkit-parser` and `routecore` on the same
//! octets.
//!
//! Every route and every attribute is visited. `MARGAY_BENCH_UPDATES` names a file of concatenated UPDATEs,
//! optionally compressed with zstd; without it, a generated table of the same shape is used.

#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::hint::black_box;

use bgp_codec::{
    AsWidth, DecodeContext, IpPrefix, Ipv4Prefix, Ipv6Prefix, Message, PathAttribute, PathAttributes,
    PeerKind, Update, UpdateEncoder, decode_message,
};
use bytes::{Bytes, BytesMut};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

mod table;

use table::Table;

fn decode(criterion: &mut Criterion) {
    let table = Table::read();
    let mut group = criterion.benchmark_group("decode");
    in_each_unit(&mut group, &table, "margay", margay);
    in_each_unit(&mut group, &table, "routecore", routecore);
    in_each_unit(&mut group, &table, "routecore, values unread", routecore_unread);
    in_each_unit(&mut group, &table, "bgpkit-parser", bgpkit_parser);
    group.finish();
}

/// Visits the whole table repeatedly. Octets, messages and routes per second are three units of the same
/// speed.
fn in_each_unit(
    group: &mut BenchmarkGroup<'_, WallTime>,
    table: &Table,
    name: &str,
    visit: impl Fn(&[Bytes]) -> Visited,
) {
    let visited = visit(&table.messages);
    assert_eq!(visited.routes, table.routes, "{name} sees other routes");
    group
        .sample_size(10)
        .throughput(Throughput::ElementsAndBytes { elements: visited.routes, bytes: table.octets });
    group.bench_function(name, |bencher| bencher.iter(|| visit(black_box(&table.messages))));
}

/// Results of a visit, so that no part of it can be optimised away.
#[derive(Clone, Copy, Default)]
struct Visited {
    routes: u64,
    sum: u64,
}

impl Visited {
    fn route(&mut self, length_bits: u8) {
        self.routes += 1;
        self.sum += u64::from(length_bits);
    }
}

fn margay(messages: &[Bytes]) -> Visited {
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
    let mut visited = Visited::default();
    for octets in messages {
        let Ok(Message::Update(update)) = decode_message(octets.clone(), &context) else {
            panic!("not an UPDATE")
        };
        visit_update(&update, &mut visited);
    }
    visited
}

fn visit_update(update: &Update, visited: &mut Visited) {
    for reach in update.reach() {
        reach.nlri.iter::<Ipv4Prefix>().for_each(|nlri| visited.route(nlri.prefix.length()));
        reach.nlri.iter::<Ipv6Prefix>().for_each(|nlri| visited.route(nlri.prefix.length()));
        black_box(reach.next_hop);
    }
    let Some(attributes) = update.attributes() else { return };
    for attribute in attributes.iter() {
        match attribute {
            PathAttribute::AsPath(path) => {
                visited.sum += path.asns().map(|asn| u64::from(asn.0)).sum::<u64>()
            }
            PathAttribute::Communities(list) => {
                visited.sum += list.iter().map(|community| u64::from(community.0)).sum::<u64>();
            }
            PathAttribute::LargeCommunities(list) => list.iter().for_each(|community| {
                black_box(community);
            }),
            PathAttribute::ExtendedCommunities(list) => list.iter().for_each(|community| {
                black_box(community);
            }),
            other => {
                black_box(other);
            }
        }
    }
}

fn update(octets: &Bytes, context: &DecodeContext) -> Update {
    match decode_message(octets.clone(), context) {
        Ok(Message::Update(update)) => update,
        other => panic!("not an UPDATE: {other:?}"),
    }
}

fn routecore(messages: &[Bytes]) -> Visited {
    routecore_with(messages, |attribute| {
        black_box(attribute.to_owned().unwrap());
    })
}

fn routecore_unread(messages: &[Bytes]) -> Visited {
    routecore_with(messages, |attribute| {
        black_box(attribute.as_ref());
    })
}

fn routecore_with(
    messages: &[Bytes],
    visit: impl Fn(routecore::bgp::path_attributes::WireformatPathAttribute<'_, &[u8]>),
) -> Visited {
    use routecore::bgp::message::update::{SessionConfig, UpdateMessage};
    use routecore::bgp::nlri::afisafi::{IsPrefix, Nlri};
    let config = SessionConfig::modern();
    let mut visited = Visited::default();
    for octets in messages {
        let update = UpdateMessage::from_octets(&octets[..], &config).unwrap();
        update.path_attributes().unwrap().for_each(|attribute| visit(attribute.unwrap()));
        for nlri in update.announcements().unwrap() {
            match nlri.unwrap() {
                Nlri::Ipv4Unicast(nlri) => visited.route(nlri.prefix().len()),
                Nlri::Ipv6Unicast(nlri) => visited.route(nlri.prefix().len()),
                other => panic!("not unicast: {other:?}"),
            }
        }
        assert!(update.withdrawals().unwrap().next().is_none());
    }
    visited
}

fn bgpkit_parser(messages: &[Bytes]) -> Visited {
    use bgpkit_parser::models::{AsnLength, AttributeValue, BgpMessage};
    use bgpkit_parser::parser::bgp::messages::parse_bgp_message;
    let mut visited = Visited::default();
    for octets in messages {
        let message = parse_bgp_message(&mut octets.clone(), false, &AsnLength::Bits32).unwrap();
        let BgpMessage::Update(update) = message else { panic!("not an UPDATE") };
        update.announced_prefixes.iter().for_each(|one| visited.route(one.prefix.prefix_len()));
        for attribute in update.attributes.iter() {
            match attribute {
                AttributeValue::MpReachNlri(nlri) => {
                    nlri.prefixes.iter().for_each(|one| visited.route(one.prefix.prefix_len()));
                }
                other => {
                    black_box(other);
                }
            }
        }
    }
    visited
}

fn encode(criterion: &mut Criterion) {
    let table = Table::read();
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
    let updates: Vec<Update> = table.messages.iter().map(|octets| update(octets, &context)).collect();
    let with_attributes: Vec<(&Update, PathAttributes)> = updates
        .iter()
        .filter_map(|update| Some((update, update.attributes()?.to_path_attributes())))
        .collect();
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
    let mut out = BytesMut::with_capacity(2 * usize::try_from(table.octets).unwrap());
    let mut group = criterion.benchmark_group("encode");
    group
        .sample_size(10)
        .throughput(Throughput::ElementsAndBytes { elements: table.routes, bytes: table.octets });
    group.bench_function("margay", |bencher| {
        bencher.iter(|| {
            out.clear();
            for (update, attributes) in &with_attributes {
                for reach in update.reach() {
                    let (v4, v6) = (reach.nlri.iter::<Ipv4Prefix>(), reach.nlri.iter::<Ipv6Prefix>());
                    encoder.reach(&mut out, attributes, reach.next_hop, v4).unwrap();
                    encoder.reach(&mut out, attributes, reach.next_hop, v6).unwrap();
                }
            }
            out.len()
        });
    });
    group.finish();
}

criterion_group!(codec, decode, encode);
criterion_main!(codec);
