//! MRT files: messages as recorded by collectors, and tables as the UPDATEs that would announce them.

use std::collections::VecDeque;
use std::io::{self, Read};

use bgp_codec::{AsWidth, Family, IpPrefix, PeerKind, Prefix, RawUpdate, Safi};
use bytes::Bytes;
use margay_mrt::{Bgp4mpMessage, OldUpdate, PeerIndexTable, Record, RecordHeader, RibRecord, TableDumpEntry};

use crate::source::{SourceMessage, terms};

/// The messages of all records.
pub(crate) struct MrtMessages<R> {
    input: R,
    peer: PeerKind,
    /// Messages of the latest record that have not been returned yet.
    found: VecDeque<SourceMessage>,
    /// The peers of a table, by index.
    peers: Vec<String>,
    has_ended: bool,
}

impl<R: Read> MrtMessages<R> {
    pub(crate) fn new(input: R, peer: PeerKind) -> Self {
        Self { input, peer, found: VecDeque::new(), peers: Vec::new(), has_ended: false }
    }

    /// The header and the body of the next record; `None` at the end of the file.
    fn read_record(&mut self) -> io::Result<Option<(RecordHeader, Vec<u8>)>> {
        let mut header = Vec::with_capacity(RecordHeader::OCTETS);
        self.input.by_ref().take(RecordHeader::OCTETS as u64).read_to_end(&mut header)?;
        let header = match header.first_chunk() {
            Some(header) => RecordHeader::decode(header),
            None if header.is_empty() => return Ok(None),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        if header.body_octets > MAX_RECORD_OCTETS {
            return Err(io::Error::other(format!(
                "a record of {} octets is not plausible",
                header.body_octets
            )));
        }
        let mut body = Vec::new();
        self.input.by_ref().take(header.body_octets.into()).read_to_end(&mut body)?;
        if body.len() as u64 != u64::from(header.body_octets) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((header, body)))
    }

    fn take_in(&mut self, header: &RecordHeader, body: &[u8]) -> Result<(), String> {
        let time = header.timestamp_seconds;
        match Record::decode(header, body).map_err(|error| format!("{time}: {error}"))? {
            Record::Message(message) => self.message(time, &message),
            Record::PeerIndexTable(table) => self.peer_index_table(&table),
            Record::Rib(rib) => return self.rib(time, &rib),
            Record::TableDump(entries) => {
                return entries.iter().try_for_each(|entry| self.table_dump(time, entry));
            }
            Record::OldUpdate(update) => return self.old_update(time, &update),
            Record::StateChange(_) | Record::Other => {}
        }
        Ok(())
    }

    fn message(&mut self, time: u32, record: &Bgp4mpMessage<'_>) {
        let session = record.session;
        let peer = session
            .addresses
            .map_or_else(|| "unknown peer".to_owned(), |addresses| addresses.peer().to_string());
        let label = format!("{time} {peer} AS{}", session.peer_as);
        let kind = if session.peer_as == session.local_as { PeerKind::Ibgp } else { PeerKind::Ebgp };
        let context = terms(kind, record.as_width, record.add_path);
        let octets = Bytes::copy_from_slice(record.message);
        self.found.push_back(SourceMessage { label, octets, context });
    }

    fn peer_index_table(&mut self, table: &PeerIndexTable<'_>) {
        self.peers = table.peers.iter().map(|peer| format!("{} AS{}", peer.address, peer.asn)).collect();
    }

    fn rib(&mut self, time: u32, record: &RibRecord<'_>) -> Result<(), String> {
        for entry in &record.entries {
            let path_id = entry.path_id.map(|path_id| path_id.0.to_be_bytes());
            let nlri = nlri(path_id.as_ref().map_or(&[], <[u8; 4]>::as_slice), record.prefix);
            let octets = announcement(record.family(), entry.attributes, &nlri).ok_or_else(|| {
                format!("{time}: the attributes of a route to {} are malformed", record.prefix)
            })?;
            let peer = self.peers.get(usize::from(entry.peer_index));
            let peer = peer.map_or("peer of no index", String::as_str);
            let label = format!("{} {peer}", entry.originated_seconds);
            let context = terms(self.peer, AsWidth::Four, path_id.is_some());
            self.found.push_back(SourceMessage { label, octets, context });
        }
        Ok(())
    }

    fn table_dump(&mut self, time: u32, entry: &TableDumpEntry<'_>) -> Result<(), String> {
        let octets = announcement(entry.prefix.family(), entry.attributes, &nlri(&[], entry.prefix))
            .ok_or_else(|| format!("{time}: the attributes of a route to {} are malformed", entry.prefix))?;
        let label = format!("{time} {} AS{}", entry.peer, entry.peer_as);
        let context = terms(self.peer, AsWidth::Two, false);
        self.found.push_back(SourceMessage { label, octets, context });
        Ok(())
    }

    fn old_update(&mut self, time: u32, update: &OldUpdate<'_>) -> Result<(), String> {
        let octets = update_message(update.body).ok_or_else(|| format!("{time}: an UPDATE is too long"))?;
        let label = format!("{time} {} AS{}", update.peer, update.peer_as);
        let context = terms(self.peer, AsWidth::Two, false);
        self.found.push_back(SourceMessage { label, octets, context });
        Ok(())
    }
}

impl<R: Read> Iterator for MrtMessages<R> {
    type Item = Result<SourceMessage, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.found.pop_front() {
                return Some(Ok(message));
            }
            if self.has_ended {
                return None;
            }
            match self.read_record() {
                Ok(Some((header, body))) => {
                    if let Err(error) = self.take_in(&header, &body) {
                        return Some(Err(error));
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

/// A prefix as NLRI, after a path identifier of four octets or none.
fn nlri(path_id: &[u8], prefix: Prefix) -> Vec<u8> {
    let mut octets = path_id.to_vec();
    match prefix {
        Prefix::Ipv4(prefix) => prefix.encode(&mut octets),
        Prefix::Ipv6(prefix) => prefix.encode(&mut octets),
    }
    octets
}

/// The UPDATE that announces an entry: IPv4 unicast in the NLRI field, others in an MP_REACH_NLRI, for which
/// the table has only the next hop (RFC 6396 §4.3.4) or, from many collectors, the whole attribute.
fn announcement(family: Family, attributes: &[u8], nlri: &[u8]) -> Option<Bytes> {
    let is_ipv4_unicast = family == Family::IPV4_UNICAST;
    let mut rest = attributes;
    let mut kept = Vec::with_capacity(attributes.len() + nlri.len() + 32);
    while !rest.is_empty() {
        let (attribute, value, after) = split_attribute(rest)?;
        rest = after;
        if attribute.get(1) != Some(&MP_REACH_NLRI) {
            kept.extend_from_slice(attribute);
        } else if !is_ipv4_unicast {
            let next_hop = next_hop_of(value)?;
            let Family { afi, safi: Safi(safi) } = family;
            let value = [&afi.0.to_be_bytes(), &[safi][..], next_hop, &[0], nlri].concat();
            kept.extend([0x90, MP_REACH_NLRI]);
            kept.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
            kept.extend(value);
        }
    }
    let length = u16::try_from(kept.len()).ok()?.to_be_bytes();
    let nlri = if is_ipv4_unicast { nlri } else { &[] };
    update_message(&[&[0, 0], &length[..], &kept, nlri].concat())
}

/// The first attribute with its header, its value, and the octets after it.
fn split_attribute(octets: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let all = RawUpdate { withdrawn: &[], attributes: octets, nlri: &[] };
    let first = all.path_attributes().next()?;
    let header_octets = if first.flags & EXTENDED_LENGTH == 0 { 3 } else { 4 };
    let (attribute, after) = octets.split_at_checked(header_octets + first.value.len())?;
    Some((attribute, first.value, after))
}

/// The length octet and the next hop of an MP_REACH_NLRI, whole or abbreviated.
fn next_hop_of(value: &[u8]) -> Option<&[u8]> {
    let from = if value.first() == Some(&0) { 3 } else { 0 };
    let length = usize::from(*value.get(from)?);
    value.get(from..from + 1 + length)
}

/// An UPDATE with this body.
fn update_message(body: &[u8]) -> Option<Bytes> {
    let length = u16::try_from(body.len() + 19).ok()?.to_be_bytes();
    Some([&[0xff; 16][..], &length, &[2], body].concat().into())
}

const MP_REACH_NLRI: u8 = 14;

/// Attribute flag: the length has two octets.
const EXTENDED_LENGTH: u8 = 0x10;

/// More than any collector writes: a table record with some thousand peers.
const MAX_RECORD_OCTETS: u32 = 64 << 20;
