//! Decoding speed of a table: reads a stream of UPDATEs, compressed with zstd, and prints messages and
//! prefixes per second.
//!
//! `cargo run --release -p bgp-codec --example decode_table -- table.bin.zst`

#![expect(clippy::disallowed_methods, reason = "an example reads a file and looks at the clock")]

use std::time::Instant;

use bgp_codec::{
    AsWidth, DecodeContext, Ipv4Prefix, Ipv6Prefix, Message, PeerKind, decode_message, frame_length,
};
use bytes::Bytes;

const ROUNDS: u32 = 5;

fn main() {
    let path = std::env::args().nth(1).unwrap_or_else(|| panic!("usage: decode_table FILE"));
    let compressed = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read the table: {error}"));
    let stream = zstd::decode_all(&compressed[..])
        .unwrap_or_else(|error| panic!("cannot decompress the table: {error}"));
    let stream = Bytes::from(stream);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let counts = decode(stream.clone());
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{} messages, {} prefixes, {} octets of attributes, {} defects in {seconds:.3} s: {:.0} messages/s, {:.0} ns each, {:.0} prefixes/s",
            counts.messages,
            counts.prefixes,
            counts.attribute_octets,
            counts.defects,
            f64::from(counts.messages) / seconds,
            seconds * 1e9 / f64::from(counts.messages),
            f64::from(counts.prefixes) / seconds,
        );
    }
}

#[derive(Default)]
struct Counts {
    messages: u32,
    prefixes: u32,
    attribute_octets: usize,
    defects: usize,
}

/// Decodes every message and iterates over every prefix.
fn decode(mut stream: Bytes) -> Counts {
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
    let mut counts = Counts::default();
    let mut buffer = Vec::new();
    while let Some(length) = frame_length(&stream, 4096).unwrap_or_else(|error| panic!("{error}")) {
        let message = decode_message(stream.split_to(length), &context);
        counts.messages += 1;
        let Message::Update(update) = message.unwrap_or_else(|error| panic!("{error}")) else { continue };
        let blocks = update.reach().map(|reach| reach.nlri).chain(update.unreach());
        let prefixes =
            blocks.map(|block| block.iter::<Ipv4Prefix>().count() + block.iter::<Ipv6Prefix>().count());
        counts.prefixes += u32::try_from(prefixes.sum::<usize>()).unwrap_or_default();
        counts.attribute_octets +=
            update.attributes().map_or(0, |attributes| attributes.canonical_octets(&mut buffer).len());
        counts.defects += update.defects().len();
    }
    counts
}
