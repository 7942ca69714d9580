//! Captures in pcap and pcapng: the TCP payload of BGP's port, reassembled and split into messages.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};

use bgp_codec::{AsWidth, DecodeContext, Message, Open, PeerKind, decode_message};
use bytes::{Bytes, BytesMut};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use crate::link::LinkType;
use crate::message_stream::{MessageStream, NoMore};
use crate::source::{SourceMessage, families_with_path_ids};
use crate::tcp_stream::{Run, TcpStream};

/// The messages of all connections, one direction after another, decoded by the capabilities of both OPENs.
pub(crate) fn messages(
    capture: impl Read + Send,
    terms: &DecodeContext,
) -> Vec<Result<SourceMessage, String>> {
    let mut connections = Connections::default();
    let outcome = for_each_packet(capture, |link, packet| connections.add(link, packet));
    let mut found = connections.messages(terms);
    found.extend(outcome.err().map(Err));
    found
}

/// Calls `take` with each packet and its link type, in the order of the capture.
fn for_each_packet(capture: impl Read + Send, mut take: impl FnMut(LinkType, &[u8])) -> Result<(), String> {
    let mut reader = create_reader(FIRST_BUFFER_OCTETS, capture)
        .map_err(|_| "the input is neither a pcap nor a pcapng file".to_owned())?;
    let mut buffer_octets = FIRST_BUFFER_OCTETS;
    // One for a pcap file; one for each interface of a section of a pcapng file.
    let mut links = Vec::new();
    loop {
        match reader.next() {
            Ok((octets, block)) => {
                take_block(&block, &mut links, &mut take);
                reader.consume(octets);
                continue;
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_) | PcapError::BufferTooSmall) => {}
            Err(PcapError::UnexpectedEof) => return Err(CUT.to_owned()),
            Err(_) => return Err("a block of the capture is malformed".to_owned()),
        }
        if reader.reader_exhausted() {
            return Err(CUT.to_owned());
        }
        if reader.data().len() >= buffer_octets {
            buffer_octets = buffer_octets.saturating_mul(2);
            if buffer_octets > MAX_BUFFER_OCTETS || !reader.grow(buffer_octets) {
                return Err(format!("a block of the capture has more than {MAX_BUFFER_OCTETS} octets"));
            }
        }
        reader.refill().map_err(|_| "the capture cannot be read".to_owned())?;
    }
}

fn take_block(block: &PcapBlockOwned<'_>, links: &mut Vec<LinkType>, take: &mut impl FnMut(LinkType, &[u8])) {
    match block {
        PcapBlockOwned::LegacyHeader(header) => links.push(LinkType(header.network.0)),
        PcapBlockOwned::NG(Block::SectionHeader(_)) => links.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            links.push(LinkType(interface.linktype.0))
        }
        PcapBlockOwned::Legacy(packet) => links.iter().take(1).for_each(|link| take(*link, packet.data)),
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let link = usize::try_from(packet.if_id).ok().and_then(|interface| links.get(interface));
            link.into_iter().for_each(|link| take(*link, packet.packet_data()));
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            links.iter().take(1).for_each(|link| take(*link, packet.packet_data()));
        }
        PcapBlockOwned::NG(_) => {}
    }
}

/// Source and destination.
type Direction = (SocketAddr, SocketAddr);

/// The directions of all connections.
#[derive(Default)]
struct Connections {
    /// In the order of their first packets.
    order: Vec<Direction>,
    streams: HashMap<Direction, TcpStream>,
}

impl Connections {
    fn add(&mut self, link: LinkType, packet: &[u8]) {
        let Some(segment) = link.network_layer(packet).and_then(Segment::find) else { return };
        let direction = (segment.source, segment.destination);
        let stream = self.streams.entry(direction).or_insert_with(|| {
            self.order.push(direction);
            TcpStream::default()
        });
        stream.add(segment.sequence, segment.starts, segment.payload);
    }

    fn messages(self, terms: &DecodeContext) -> Vec<Result<SourceMessage, String>> {
        let joined: HashMap<_, _> =
            self.streams.into_iter().map(|(direction, stream)| (direction, stream.finish())).collect();
        let open_of = |direction| first_open(&joined.get(&direction)?.first()?.octets);
        let mut found = Vec::new();
        for direction @ (source, destination) in self.order {
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
}

/// The messages of a run. After a gap, they start at the next marker.
fn messages_of<'a>(
    run: &'a Run,
    context: &DecodeContext,
) -> impl Iterator<Item = Result<SourceMessage, String>> + 'a {
    let gap = run.missing_octets;
    let marker = run.octets.windows(16).position(|window| window == [0xff; 16]).unwrap_or(run.octets.len());
    let start = if gap == 0 { 0 } else { marker };
    let lost = (gap > 0).then(|| Err(format!("{gap} octets are missing in the capture")));
    let octets = BytesMut::from(run.octets.get(start..).unwrap_or_default());
    lost.into_iter().chain(MessageStream::new(NoMore, octets, context.clone()))
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
    context.add_path = families_with_path_ids()
        .into_iter()
        .filter(|family| sender.capabilities.add_path(*family).is_some_and(|mode| mode.sends()))
        .filter(|family| receiver.capabilities.add_path(*family).is_some_and(|mode| mode.receives()))
        .collect();
    context
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
    /// The segment in an IP packet. A length field that exceeds the packet, or is zero as with segmentation
    /// offload, is replaced by the length of the packet.
    fn find(ip: &'a [u8]) -> Option<Self> {
        let packet = LaxSlicedPacket::from_ip(ip).ok()?;
        let (source, destination): (IpAddr, IpAddr) = match packet.net? {
            LaxNetSlice::Ipv4(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Ipv6(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Arp(_) => return None,
        };
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return None };
        if tcp.source_port() != BGP_PORT && tcp.destination_port() != BGP_PORT {
            return None;
        }
        Some(Self {
            source: (source, tcp.source_port()).into(),
            destination: (destination, tcp.destination_port()).into(),
            sequence: tcp.sequence_number(),
            starts: tcp.syn(),
            payload: tcp.payload(),
        })
    }
}

/// Error for a truncated capture.
const CUT: &str = "the capture ends inside a packet";

const BGP_PORT: u16 = 179;

const FIRST_BUFFER_OCTETS: usize = 1 << 18;

/// More than any packet.
const MAX_BUFFER_OCTETS: usize = 1 << 26;
