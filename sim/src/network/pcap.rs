//! A capture of the network's traffic, for Wireshark.
//!
//! TCP as on the wire of the sender: a handshake, and each write as a segment.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Pcap {
    octets: Vec<u8>,
    /// The next sequence number of each direction.
    sequence: BTreeMap<[SocketAddr; 2], u32>,
}

impl Pcap {
    pub(super) fn new() -> Self {
        let mut octets = Vec::new();
        // Native magic, version 2.4, no time zone, no accuracy, the greatest packet length, raw IP.
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x0004_0000, LINK_TYPE_RAW] {
            octets.extend_from_slice(&u32::to_le_bytes(word));
        }
        Self { octets, sequence: BTreeMap::new() }
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    pub(super) fn open(&mut self, now: Duration, [from, to]: [SocketAddr; 2]) {
        self.packet(now, [from, to], SYN, &[]);
        self.sequence.insert([from, to], 1);
        self.packet(now, [to, from], SYN | ACK, &[]);
        self.sequence.insert([to, from], 1);
    }

    pub(super) fn segment(&mut self, now: Duration, direction: [SocketAddr; 2], octets: &[u8]) {
        for piece in octets.chunks(LONGEST_SEGMENT) {
            self.packet(now, direction, PSH | ACK, piece);
            let sequence = self.sequence.entry(direction).or_insert(1);
            *sequence = sequence.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
        }
    }

    fn packet(&mut self, now: Duration, [from, to]: [SocketAddr; 2], flags: u8, payload: &[u8]) {
        let sequence = self.sequence.get(&[from, to]).copied().unwrap_or(0);
        let acknowledged = self.sequence.get(&[to, from]).copied().unwrap_or(0);
        let mut segment = Vec::new();
        segment.extend_from_slice(&from.port().to_be_bytes());
        segment.extend_from_slice(&to.port().to_be_bytes());
        segment.extend_from_slice(&sequence.to_be_bytes());
        segment.extend_from_slice(&acknowledged.to_be_bytes());
        // A header of five words, the flags, a window, no checksum, nothing urgent.
        segment.extend_from_slice(&[5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend_from_slice(payload);
        let packet = ip_packet(from.ip(), to.ip(), &segment);
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        for word in [seconds, now.subsec_micros(), length, length] {
            self.octets.extend_from_slice(&word.to_le_bytes());
        }
        self.octets.extend_from_slice(&packet);
    }
}

fn ip_packet(from: IpAddr, to: IpAddr, segment: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(20 + segment.len()).unwrap_or(u16::MAX).to_be_bytes();
            packet.extend_from_slice(&[0x45, 0xc0, length[0], length[1], 0, 0, 0, 0, 64, TCP, 0, 0]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
        }
        (from, to) => {
            let length = u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes();
            packet.extend_from_slice(&[0x6c, 0, 0, 0, length[0], length[1], TCP, 64]);
            for address in [from, to] {
                match address {
                    IpAddr::V4(address) => packet.extend_from_slice(&address.to_ipv6_mapped().octets()),
                    IpAddr::V6(address) => packet.extend_from_slice(&address.octets()),
                }
            }
        }
    }
    packet.extend_from_slice(segment);
    packet
}

/// LINKTYPE_RAW: packets start with their IP header.
const LINK_TYPE_RAW: u32 = 101;
const TCP: u8 = 6;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Fits into an IPv4 packet, and Wireshark accepts no more.
const LONGEST_SEGMENT: usize = 60_000;
