//! MRT files (RFC 6396, RFC 8050): messages as collectors recorded them, and tables as the UPDATEs that would announce
//! them.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::{AsWidth, PeerKind};
use bytes::{Buf, Bytes};

use super::source::SourceMessage;

/// Reads records one after the other.
pub(super) struct Mrt<R> {
    input: R,
    peer: PeerKind,
    /// What was found in the latest record and not handed out yet, the last first.
    found: Vec<SourceMessage>,
    /// The peers of a table, by index.
    peers: Vec<String>,
    has_ended: bool,
}

impl<R: Read> Mrt<R> {
    pub(super) fn new(input: R, peer: PeerKind) -> Self {
        Self { input, peer, found: Vec::new(), peers: Vec::new(), has_ended: false }
    }

    /// The next record; `None` at the end of the file.
    fn read_record(&mut self) -> io::Result<Option<Record>> {
        let mut header = [0; 12];
        let mut filled = 0;
        while filled < header.len() {
            match self.input.read(&mut header[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        let mut header = &header[..];
        let (timestamp, kind, subtype) = (header.get_u32(), header.get_u16(), header.get_u16());
        let length = header.get_u32();
        if length > MAX_RECORD_OCTETS {
            return Err(io::Error::other(format!("a record of {length} octets cannot be")));
        }
        let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.input.read_exact(&mut body)?;
        Ok(Some(Record { timestamp, kind, subtype, body: body.into() }))
    }

    fn take_in(&mut self, record: Record) -> Option<()> {
        match (record.kind, record.subtype) {
            (BGP, 1) => self.old_message(record),
            (TABLE_DUMP, 1 | 2) => self.table_dump(record),
            (TABLE_DUMP_V2, 1) => self.peer_index(record.body),
            (TABLE_DUMP_V2, subtype @ (2..=5 | 8..=11)) => self.table_dump_v2(record, subtype),
            (BGP4MP | BGP4MP_ET, 1 | 4 | 6 | 7 | 8 | 9 | 10 | 11) => self.bgp4mp(record),
            _ => Some(()),
        }
    }

    /// An UPDATE without its header, of the time before BGP4MP (type BGP, RFC 6396 §B.2).
    fn old_message(&mut self, record: Record) -> Option<()> {
        let mut body = record.body;
        let peer_as = take_u16(&mut body)?;
        let peer = Ipv4Addr::from_bits(take_u32(&mut body)?);
        take(&mut body, 6)?;
        let label = format!("{} {peer} AS{peer_as}", record.timestamp);
        self.found.push(self.message(label, update_message(&body)?, AsWidth::Two, false));
        Some(())
    }

    fn bgp4mp(&mut self, record: Record) -> Option<()> {
        let mut body = record.body;
        if record.kind == BGP4MP_ET {
            take(&mut body, 4)?;
        }
        let as_width = if matches!(record.subtype, 4 | 7 | 9 | 11) { AsWidth::Four } else { AsWidth::Two };
        let (peer_as, local_as) = (take_asn(&mut body, as_width)?, take_asn(&mut body, as_width)?);
        // Early collectors left out interface and addresses.
        let peer = if body.starts_with(&[0xff; 16]) {
            "unknown peer".to_owned()
        } else {
            take(&mut body, 2)?;
            let afi = take_u16(&mut body)?;
            let peer = take_address(&mut body, afi)?;
            take_address(&mut body, afi)?;
            peer.to_string()
        };
        let add_path = record.subtype >= 8;
        let label = format!("{} {peer} AS{peer_as}", record.timestamp);
        let mut message = self.message(label, body, as_width, add_path);
        message.context.peer = if peer_as == local_as { PeerKind::Ibgp } else { PeerKind::Ebgp };
        self.found.push(message);
        Some(())
    }

    fn peer_index(&mut self, mut body: Bytes) -> Option<()> {
        self.peers.clear();
        take(&mut body, 4)?;
        let name_octets = take_u16(&mut body)?;
        take(&mut body, name_octets.into())?;
        for _ in 0..take_u16(&mut body)? {
            let kind = take(&mut body, 1)?[0];
            take(&mut body, 4)?;
            let address = take_address(&mut body, if kind & 1 == 0 { 1 } else { 2 })?;
            let as_width = if kind & 2 == 0 { AsWidth::Two } else { AsWidth::Four };
            let asn = take_asn(&mut body, as_width)?;
            self.peers.push(format!("{address} AS{asn}"));
        }
        Some(())
    }

    fn table_dump(&mut self, record: Record) -> Option<()> {
        let mut body = record.body;
        // View and sequence number. The earliest collectors put many entries behind them.
        take(&mut body, 4)?;
        while !body.is_empty() {
            let address = take_address(&mut body, record.subtype)?;
            let length_bits = take(&mut body, 1)?[0];
            take(&mut body, 5)?;
            let peer = take_address(&mut body, record.subtype)?;
            let peer_as = take_u16(&mut body)?;
            let attribute_octets = take_u16(&mut body)?;
            let attributes = take(&mut body, attribute_octets.into())?;
            let family = Table { afi: record.subtype, safi: 1 };
            let nlri = [&[length_bits][..], octets_of(address, length_bits)?.as_slice()].concat();
            let label = format!("{} {peer} AS{peer_as}", record.timestamp);
            let octets = family.announcement(&attributes, &nlri)?;
            self.found.push(self.message(label, octets, AsWidth::Two, false));
        }
        self.found.reverse();
        Some(())
    }

    fn table_dump_v2(&mut self, record: Record, subtype: u16) -> Option<()> {
        let mut body = record.body;
        take(&mut body, 4)?;
        let length_bits = take(&mut body, 1)?[0];
        let address = take(&mut body, usize::from(length_bits.div_ceil(8)))?;
        let nlri = [&[length_bits][..], &address].concat();
        let add_path = subtype >= 8;
        let table = match subtype {
            2 | 8 => Table { afi: 1, safi: 1 },
            3 | 9 => Table { afi: 1, safi: 2 },
            4 | 10 => Table { afi: 2, safi: 1 },
            _ => Table { afi: 2, safi: 2 },
        };
        for _ in 0..take_u16(&mut body)? {
            let peer = usize::from(take_u16(&mut body)?);
            let originated = take_u32(&mut body)?;
            let path_id = if add_path { take(&mut body, 4)? } else { Bytes::new() };
            let attribute_octets = take_u16(&mut body)?;
            let attributes = take(&mut body, attribute_octets.into())?;
            let octets = table.announcement(&attributes, &[&path_id, &nlri[..]].concat())?;
            let peer = self.peers.get(peer).map_or("peer of no index", String::as_str);
            let label = format!("{originated} {peer}");
            self.found.push(self.message(label, octets, AsWidth::Four, add_path));
        }
        self.found.reverse();
        Some(())
    }

    fn message(&self, label: String, octets: Bytes, as_width: AsWidth, add_path: bool) -> SourceMessage {
        SourceMessage { label, octets, context: super::context(self.peer, as_width, add_path) }
    }
}

impl<R: Read> Iterator for Mrt<R> {
    type Item = Result<SourceMessage, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.found.pop() {
                return Some(Ok(message));
            }
            if self.has_ended {
                return None;
            }
            match self.read_record() {
                Ok(Some(record)) => {
                    let (timestamp, kind, subtype) = (record.timestamp, record.kind, record.subtype);
                    if self.take_in(record).is_none() {
                        self.found.clear();
                        return Some(Err(format!(
                            "{timestamp}: a record of type {kind}.{subtype} is cut short"
                        )));
                    }
                }
                Ok(None) => self.has_ended = true,
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(format!("the file ends inside a record: {error}")));
                }
            }
        }
    }
}

struct Record {
    timestamp: u32,
    kind: u16,
    subtype: u16,
    body: Bytes,
}

/// The family of a table.
struct Table {
    afi: u16,
    safi: u8,
}

impl Table {
    /// The UPDATE that announces an entry: IPv4 unicast in the NLRI field, others in an MP_REACH_NLRI, of which the table
    /// has the next hop alone (RFC 6396 §4.3.4) or, by many collectors, everything.
    fn announcement(&self, attributes: &[u8], nlri: &[u8]) -> Option<Bytes> {
        let is_ipv4_unicast = self.afi == 1 && self.safi == 1;
        let mut rest = attributes;
        let mut kept = Vec::with_capacity(attributes.len() + nlri.len() + 32);
        while !rest.is_empty() {
            let (attribute, value, after) = split_attribute(rest)?;
            rest = after;
            if attribute.get(1) != Some(&MP_REACH_NLRI) {
                kept.extend_from_slice(attribute);
            } else if !is_ipv4_unicast {
                let next_hop = next_hop_of(value)?;
                let head = [&self.afi.to_be_bytes()[..], &[self.safi]].concat();
                let value = [&head, next_hop, &[0], nlri].concat();
                kept.extend([0x90, MP_REACH_NLRI]);
                kept.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
                kept.extend(value);
            }
        }
        let length = u16::try_from(kept.len()).ok()?.to_be_bytes();
        let nlri = if is_ipv4_unicast { nlri } else { &[] };
        update_message(&[&[0, 0], &length[..], &kept, nlri].concat())
    }
}

/// The first attribute, its value, and what follows it.
fn split_attribute(octets: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, length) = match octets {
        [flags, _, high, low, ..] if flags & 0x10 != 0 => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [flags, _, length, ..] if flags & 0x10 == 0 => (3, usize::from(*length)),
        _ => return None,
    };
    let (attribute, after) = octets.split_at_checked(header + length)?;
    Some((attribute, attribute.get(header..)?, after))
}

/// The length octet and the next hop of an MP_REACH_NLRI, whole or abbreviated.
fn next_hop_of(value: &[u8]) -> Option<&[u8]> {
    let from = if value.first() == Some(&0) { 3 } else { 0 };
    let length = usize::from(*value.get(from)?);
    value.get(from..from + 1 + length)
}

/// What follows the header of an UPDATE, with one.
fn update_message(body: &[u8]) -> Option<Bytes> {
    let length = u16::try_from(body.len() + 19).ok()?.to_be_bytes();
    Some([&[0xff; 16][..], &length, &[2], body].concat().into())
}

fn octets_of(address: IpAddr, length_bits: u8) -> Option<Vec<u8>> {
    let mut octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let count = usize::from(length_bits.div_ceil(8));
    (count <= octets.len()).then(|| octets.truncate(count))?;
    Some(octets)
}

fn take(body: &mut Bytes, count: usize) -> Option<Bytes> {
    (count <= body.len()).then(|| body.split_to(count))
}

fn take_u16(body: &mut Bytes) -> Option<u16> {
    take(body, 2).map(|mut octets| octets.get_u16())
}

fn take_u32(body: &mut Bytes) -> Option<u32> {
    take(body, 4).map(|mut octets| octets.get_u32())
}

fn take_asn(body: &mut Bytes, width: AsWidth) -> Option<u32> {
    match width {
        AsWidth::Two => take_u16(body).map(u32::from),
        AsWidth::Four => take_u32(body),
    }
}

fn take_address(body: &mut Bytes, afi: u16) -> Option<IpAddr> {
    match afi {
        1 => take_u32(body).map(|bits| Ipv4Addr::from_bits(bits).into()),
        2 => take(body, 16).map(|mut octets| Ipv6Addr::from_bits(octets.get_u128()).into()),
        _ => None,
    }
}

const BGP: u16 = 5;
const TABLE_DUMP: u16 = 12;
const TABLE_DUMP_V2: u16 = 13;
const BGP4MP: u16 = 16;
const BGP4MP_ET: u16 = 17;

const MP_REACH_NLRI: u8 = 14;

/// More than any collector writes: a table record with some thousand peers.
const MAX_RECORD_OCTETS: u32 = 64 << 20;
