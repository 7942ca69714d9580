//! Captures of pcap and pcapng: the TCP payload of BGP's port, put together and split into messages.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bgp_codec::{AsWidth, DecodeContext, Message, Open, PeerKind, decode_message};
use bytes::Bytes;

use super::source::{SourceMessage, split_stream};
use super::tcp_stream::{Run, TcpStream};

/// The messages of all connections, one direction after the other; what both OPENs say decides how they are read.
pub(super) fn messages(capture: &[u8], terms: &DecodeContext) -> Vec<Result<SourceMessage, String>> {
    let packets = match packets(capture) {
        Ok(packets) => packets,
        Err(error) => return vec![Err(error)],
    };
    let mut order = Vec::new();
    let mut streams: HashMap<(SocketAddr, SocketAddr), TcpStream> = HashMap::new();
    for (link, packet) in packets {
        let Some(segment) = Segment::find(link, packet) else { continue };
        let direction = (segment.source, segment.destination);
        streams.entry(direction).or_insert_with(|| {
            order.push(direction);
            TcpStream::default()
        });
        if let Some(stream) = streams.get_mut(&direction) {
            stream.add(segment.sequence, segment.starts, segment.payload);
        }
    }
    let joined: HashMap<_, _> =
        streams.into_iter().map(|(direction, stream)| (direction, stream.finish())).collect();
    let open_of = |direction| first_open(&joined.get(&direction)?.first()?.octets);
    let mut found = Vec::new();
    for direction @ (source, destination) in order {
        let context = negotiated(terms, open_of(direction), open_of((destination, source)));
        let label = format!("{source} > {destination}");
        for run in joined.get(&direction).into_iter().flatten() {
            found.extend(messages_of(run, &context).map(|message| match message {
                Ok(message) => Ok(SourceMessage { label: label.clone(), ..message }),
                Err(error) => Err(format!("{label}: {error}")),
            }));
        }
    }
    found
}

/// The messages of a run. After a gap, they begin with the next marker.
fn messages_of<'a>(
    run: &'a Run,
    context: &DecodeContext,
) -> impl Iterator<Item = Result<SourceMessage, String>> + 'a {
    let gap = run.missing_octets;
    let marker = run.octets.windows(16).position(|window| window == [0xff; 16]).unwrap_or(run.octets.len());
    let start = if gap == 0 { 0 } else { marker };
    let lost = (gap > 0).then(|| Err(format!("{gap} octets are missing in the capture")));
    let octets = run.octets.get(start..).unwrap_or_default();
    lost.into_iter().chain(split_stream(Bytes::copy_from_slice(octets), context.clone()))
}

fn first_open(stream: &[u8]) -> Option<Open> {
    let length = usize::from(u16::from_be_bytes([*stream.get(16)?, *stream.get(17)?]));
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
    match decode_message(Bytes::copy_from_slice(stream.get(..length)?), &context) {
        Ok(Message::Open(open)) => Some(open),
        _ => None,
    }
}

/// The terms of a connection, as far as its OPENs are in the capture.
fn negotiated(terms: &DecodeContext, sender: Option<Open>, receiver: Option<Open>) -> DecodeContext {
    let mut context = terms.clone();
    let (Some(sender), Some(receiver)) = (sender, receiver) else { return context };
    let both_wide = [&sender, &receiver].iter().all(|open| open.capabilities.four_octet_as().is_some());
    context.as_width = if both_wide { AsWidth::Four } else { AsWidth::Two };
    context.peer = if sender.asn == receiver.asn { PeerKind::Ibgp } else { PeerKind::Ebgp };
    context.add_path = super::source::families_with_path_ids()
        .into_iter()
        .filter(|family| sender.capabilities.add_path(*family).is_some_and(|mode| mode.sends()))
        .filter(|family| receiver.capabilities.add_path(*family).is_some_and(|mode| mode.receives()))
        .collect();
    context
}

/// What a packet starts with.
#[derive(Clone, Copy)]
struct Link(u32);

/// The packets of a capture in either format.
fn packets(capture: &[u8]) -> Result<Vec<(Link, &[u8])>, String> {
    match capture.first_chunk() {
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => Ok(pcap(capture, u32::from_le_bytes)),
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => Ok(pcap(capture, u32::from_be_bytes)),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => Ok(pcapng(capture)),
        _ => Err("the input is neither a pcap nor a pcapng file".to_owned()),
    }
}

type Number = fn([u8; 4]) -> u32;

fn number_at(octets: &[u8], position: usize, number: Number) -> Option<u32> {
    octets.get(position..)?.first_chunk().map(|chunk| number(*chunk))
}

fn pcap(capture: &[u8], number: Number) -> Vec<(Link, &[u8])> {
    let link = Link(number_at(capture, 20, number).unwrap_or_default() & 0x0fff_ffff);
    let mut rest = capture.get(24..).unwrap_or_default();
    let mut packets = Vec::new();
    while let Some(length) = number_at(rest, 8, number) {
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(16);
        let Some(packet) = rest.get(16..end) else { break };
        packets.push((link, packet));
        rest = rest.get(end..).unwrap_or_default();
    }
    packets
}

/// Enhanced packet blocks, and the link types of the interfaces they name.
fn pcapng(capture: &[u8]) -> Vec<(Link, &[u8])> {
    let mut number: Number = u32::from_le_bytes;
    let mut links = Vec::new();
    let mut packets = Vec::new();
    let mut rest = capture;
    loop {
        if rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            let is_big = rest.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]);
            number = if is_big { u32::from_be_bytes } else { u32::from_le_bytes };
            links.clear();
        }
        let (Some(kind), Some(length)) = (number_at(rest, 0, number), number_at(rest, 4, number)) else {
            break;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = rest.get(8..length.saturating_sub(4)) else { break };
        match kind {
            1 => links.push(Link(link_type(body, number))),
            6 => packets.extend(enhanced_packet(body, number, &links)),
            _ => {}
        }
        rest = rest.get(length.max(12)..).unwrap_or_default();
    }
    packets
}

/// The two octets at the front of an interface description block.
fn link_type(body: &[u8], number: Number) -> u32 {
    match body {
        [a, b, ..] if number([1, 0, 0, 0]) == 1 => u16::from_le_bytes([*a, *b]).into(),
        [a, b, ..] => u16::from_be_bytes([*a, *b]).into(),
        _ => 0,
    }
}

fn enhanced_packet<'a>(body: &'a [u8], number: Number, links: &[Link]) -> Option<(Link, &'a [u8])> {
    let interface = usize::try_from(number_at(body, 0, number)?).ok()?;
    let length = usize::try_from(number_at(body, 12, number)?).ok()?;
    Some((*links.get(interface)?, body.get(20..length.checked_add(20)?)?))
}

/// A TCP segment from or to BGP's port.
struct Segment<'a> {
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    starts: bool,
    payload: &'a [u8],
}

impl<'a> Segment<'a> {
    fn find(link: Link, packet: &'a [u8]) -> Option<Self> {
        let ip = link.network_layer(packet)?;
        let (source, destination, tcp) = match ip.first()? >> 4 {
            4 => ipv4_payload(ip)?,
            6 => ipv6_payload(ip)?,
            _ => return None,
        };
        let header: &[u8; 20] = tcp.first_chunk()?;
        let [source_high, source_low, to_high, to_low, a, b, c, d, ..] = *header;
        let source_port = u16::from_be_bytes([source_high, source_low]);
        let destination_port = u16::from_be_bytes([to_high, to_low]);
        if source_port != BGP_PORT && destination_port != BGP_PORT {
            return None;
        }
        let header_octets = usize::from(header[12] >> 4) * 4;
        Some(Self {
            source: (source, source_port).into(),
            destination: (destination, destination_port).into(),
            sequence: u32::from_be_bytes([a, b, c, d]),
            starts: header[13] & 0x02 != 0,
            payload: tcp.get(header_octets..)?,
        })
    }
}

impl Link {
    /// The IP packet inside a frame of this link type.
    fn network_layer(self, frame: &[u8]) -> Option<&[u8]> {
        match self.0 {
            // BSD loopback: the family in four octets.
            0 | 108 => frame.get(4..),
            1 => {
                let mut rest = frame.get(12..)?;
                // VLAN tags stand before the type.
                while let [0x81, 0, _, _, ..] | [0x88, 0xa8, _, _, ..] = rest {
                    rest = rest.get(4..)?;
                }
                match rest {
                    [0x08, 0x00, ip @ ..] | [0x86, 0xdd, ip @ ..] => Some(ip),
                    [0x88, 0x47, labels @ ..] => below_labels(labels),
                    _ => None,
                }
            }
            9 | 50 => match frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame) {
                [0x00, 0x21, ip @ ..] | [0x00, 0x57, ip @ ..] => Some(ip),
                [0x02, 0x81, labels @ ..] => below_labels(labels),
                _ => None,
            },
            // Cisco's framing of serial lines.
            104 => frame.get(4..),
            12 | 14 | 101 | 228 | 229 => Some(frame),
            113 => frame.get(16..),
            276 => frame.get(20..),
            _ => None,
        }
    }
}

/// What follows the last MPLS label.
fn below_labels(labels: &[u8]) -> Option<&[u8]> {
    let count = labels.as_chunks::<4>().0.iter().position(|label| label[2] & 1 == 1)?;
    labels.get((count + 1) * 4..)
}

fn ipv4_payload(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let header_octets = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
    if header[9] != TCP || is_fragment {
        return None;
    }
    // With segmentation offload, the length is that of the whole, or zero.
    let end = if total == 0 { packet.len() } else { total.min(packet.len()) };
    let address =
        |from: usize| packet.get(from..)?.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into());
    Some((address(12)?, address(16)?, packet.get(header_octets..end)?))
}

fn ipv6_payload(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let header: &[u8; 40] = packet.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if header[6] != TCP {
        return None;
    }
    let address =
        |from: usize| packet.get(from..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into());
    let end = if length == 0 { packet.len() } else { (length + 40).min(packet.len()) };
    Some((address(8)?, address(24)?, packet.get(40..end)?))
}

const TCP: u8 = 6;

const BGP_PORT: u16 = 179;
