//! A capture contains the network's traffic: whole messages that can be decoded.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bgp_codec::{AddPathMode, AsWidth, DecodeContext, Message, Open, PeerKind, decode_message, frame_length};
use bytes::Bytes;
use margay_sim::{Case, Keep, Topology};

/// The octets that went one way over one connection.
type Streams = BTreeMap<[SocketAddr; 2], Vec<u8>>;

#[test]
fn a_capture_holds_every_message_and_nothing_malformed() {
    for topology in Topology::ALL {
        for seed in 0..4 {
            let case = Case::new(topology, seed);
            let outcome = case.run(Keep { lines: false, capture: true });
            let streams = streams(&outcome.capture.unwrap());
            let octets: usize = streams.values().map(Vec::len).sum();
            assert_eq!(octets as u64, outcome.octets, "{case}: every octet that was sent");
            let messages: Vec<Message> =
                streams.keys().flat_map(|direction| messages(&case, &streams, *direction)).collect();
            let updates = messages.iter().filter(|message| matches!(message, Message::Update(_))).count();
            assert_eq!(
                (messages.len() as u64, updates as u64),
                (outcome.messages, outcome.updates),
                "{case}"
            );
        }
    }
}

/// The messages of one direction, as its receiver reads them. A message cut off by the end of the connection does not count.
fn messages(case: &Case, streams: &Streams, [from, to]: [SocketAddr; 2]) -> Vec<Message> {
    let opens = [[from, to], [to, from]].map(|direction| open(streams.get(&direction)?));
    let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
    context.max_message_octets = usize::from(u16::MAX);
    if let [Some(from), Some(to)] = &opens {
        let sends = |family| from.capabilities.add_path(family).is_some_and(AddPathMode::sends);
        let receives = |family| to.capabilities.add_path(family).is_some_and(AddPathMode::receives);
        context.add_path = from.capabilities.families().filter(|&it| sends(it) && receives(it)).collect();
        if from.asn != to.asn {
            context.peer = PeerKind::Ebgp;
        }
    }
    let frames = frames(&streams[&[from, to]]);
    let decoded = frames.into_iter().map(|frame| {
        let message = decode_message(frame, &context);
        message.unwrap_or_else(|error| panic!("{case}: {from} -> {to}: {error}"))
    });
    let messages: Vec<Message> = decoded.collect();
    for message in &messages {
        if let Message::Update(update) = message {
            assert_eq!(update.defects(), [], "{case}: {from} -> {to}");
        }
    }
    messages
}

fn open(octets: &[u8]) -> Option<Open> {
    let context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Two);
    match decode_message(frames(octets).into_iter().next()?, &context) {
        Ok(Message::Open(open)) => Some(open),
        _ => None,
    }
}

fn frames(mut octets: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some(length) = frame_length(octets, usize::from(u16::MAX)).expect("a header")
        && let Some((frame, rest)) = octets.split_at_checked(length)
    {
        frames.push(Bytes::copy_from_slice(frame));
        octets = rest;
    }
    frames
}

/// Reassembles the segments of a pcap file of raw IP packets. Times do not decrease, and no octet is missing
/// or repeated.
fn streams(capture: &[u8]) -> Streams {
    let word = |octets: &[u8]| u32::from_le_bytes(octets.try_into().expect("four octets"));
    assert_eq!(word(&capture[..4]), 0xa1b2_c3d4, "microseconds, in the order of this machine");
    assert_eq!(word(&capture[20..24]), 101, "raw IP");
    let mut rest = &capture[24..];
    let mut streams = Streams::new();
    let mut last = (0, 0);
    while !rest.is_empty() {
        let (header, packets) = rest.split_at(16);
        let time = (word(&header[..4]), word(&header[4..8]));
        assert!(time >= last, "{time:?} after {last:?}");
        last = time;
        assert_eq!(header[8..12], header[12..16], "whole packets");
        let (packet, others) = packets.split_at(word(&header[8..12]) as usize);
        rest = others;
        let (direction, sequence, payload) = segment(packet);
        let stream = streams.entry(direction).or_default();
        if !payload.is_empty() {
            assert_eq!(sequence as usize, 1 + stream.len(), "{direction:?}");
            stream.extend_from_slice(payload);
        }
    }
    streams
}

fn segment(packet: &[u8]) -> ([SocketAddr; 2], u32, &[u8]) {
    let (addresses, segment) = match packet[0] >> 4 {
        4 => {
            let octets = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).expect("four octets");
            ([octets(12), octets(16)].map(IpAddr::from), &packet[20..])
        }
        _ => {
            let octets = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).expect("sixteen octets");
            ([octets(8), octets(24)].map(IpAddr::from), &packet[40..])
        }
    };
    let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    let sequence = u32::from_be_bytes(segment[4..8].try_into().expect("four octets"));
    let ends = [SocketAddr::new(addresses[0], port(0)), SocketAddr::new(addresses[1], port(2))];
    (ends, sequence, &segment[usize::from(segment[12] >> 4) * 4..])
}
