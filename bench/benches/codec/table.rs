//! The messages of a full table.

use std::fs;
use std::path::PathBuf;

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, Community, Ipv4Prefix, Ipv6Prefix, NextHop, Nlri, Origin, PathAttributesBuilder,
    UpdateEncoder,
};
use bytes::{Bytes, BytesMut};

pub(crate) struct Table {
    /// Whole messages, in one buffer as if read from a socket.
    pub(crate) messages: Vec<Bytes>,
    /// Number of routes that they advertise.
    pub(crate) routes: u64,
    /// Total length in octets.
    pub(crate) octets: u64,
}

impl Table {
    /// The table from `MARGAY_BENCH_UPDATES`, or from the corpus if present, or else a generated one.
    pub(crate) fn read() -> Self {
        let named = std::env::var_os("MARGAY_BENCH_UPDATES").map(PathBuf::from);
        let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/table"))
            .join("peer0_AS3356_seed4271.updates.bin.zst");
        let stream = match named.or_else(|| corpus.exists().then_some(corpus)) {
            Some(path) => {
                let octets = fs::read(&path).unwrap();
                if octets.starts_with(&ZSTD_MAGIC) { zstd::decode_all(&octets[..]).unwrap() } else { octets }
            }
            None => made_up(),
        };
        Self::of_stream(stream.into())
    }

    fn of_stream(mut stream: Bytes) -> Self {
        let octets = stream.len() as u64;
        let mut messages = Vec::new();
        while !stream.is_empty() {
            let length = bgp_codec::frame_length(&stream, 65535).unwrap().unwrap();
            messages.push(stream.split_to(length));
        }
        let routes = messages.iter().map(routes_of).sum();
        eprintln!("{} messages, {routes} routes, {octets} octets", messages.len());
        Self { messages, routes, octets }
    }
}

/// Number of routes that a message advertises, counted without a decoder.
fn routes_of(message: &Bytes) -> u64 {
    let word = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let attributes_at = 23 + word(19);
    let nlri_at = attributes_at + word(21 + word(19));
    let (mut at, mut routes) = (attributes_at, count_nlri(&message[nlri_at..]));
    while at < nlri_at {
        let extended = message[at] & 0x10 != 0;
        let (length, value_at) =
            if extended { (word(at + 2), at + 4) } else { (usize::from(message[at + 2]), at + 3) };
        if message[at + 1] == 14 {
            let next_hop_octets = usize::from(message[value_at + 3]);
            routes += count_nlri(&message[value_at + 5 + next_hop_octets..value_at + length]);
        }
        at = value_at + length;
    }
    routes
}

fn count_nlri(mut octets: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((length_bits, rest)) = octets.split_first() {
        octets = &rest[usize::from(length_bits.div_ceil(8))..];
        count += 1;
    }
    count
}

/// 300,000 IPv4 and 60,000 IPv6 routes in sets of about six routes, as in present tables.
fn made_up() -> Vec<u8> {
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
    let mut out = BytesMut::new();
    for set in 0..60_000u32 {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.as_path = AsPathBuf::from_sequence((0..3 + set % 4).map(|hop| Asn(3356 + set * hop)));
        builder.med = set.is_multiple_of(2).then_some(set);
        builder.communities = (0..set % 9).map(|number| Community(3356 << 16 | number)).collect();
        let attributes = builder.build();
        let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
        let v4 =
            (0..5).map(|place| Ipv4Prefix::truncating((0x0100_0000 + (set * 5 + place) * 256).into(), 24));
        encoder.reach(&mut out, &attributes, next_hop, v4.map(Nlri::new)).unwrap();
        let next_hop = NextHop::Ipv6("2001:db8::1".parse().unwrap());
        let v6 = Ipv6Prefix::truncating((0x2001_u128 << 112 | u128::from(set) << 80).into(), 48);
        encoder.reach(&mut out, &attributes, next_hop, [Nlri::new(v6)]).unwrap();
    }
    out.to_vec()
}

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
