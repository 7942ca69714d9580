//! A record: the header that all records begin with, and what follows it (RFC 6396 §2 to §4).
//!
//! ```text
//! +-----------------------+-----------+-----------+-----------------------+
//! | timestamp (4 octets)  | type (2)  | subtype(2)| length (4 octets)     |
//! +-----------------------+-----------+-----------+-----------------------+
//! | body, as many octets as the length says                               |
//! ```

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::{be_u16, be_u32};

use crate::old_records::{OldUpdate, TableDumpEntry};
use crate::{Bgp4mpMessage, Bgp4mpStateChange, PeerIndexTable, RibRecord};

/// The type of a record, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordType(pub u16);

impl RecordType {
    /// Messages of the time before BGP4MP (RFC 6396 §B.2).
    pub const BGP: Self = Self(5);
    /// A table, a route in each record (RFC 6396 §4.2).
    pub const TABLE_DUMP: Self = Self(12);
    /// A table, a prefix in each record (RFC 6396 §4.3).
    pub const TABLE_DUMP_V2: Self = Self(13);
    /// Messages and changes of state of sessions (RFC 6396 §4.4).
    pub const BGP4MP: Self = Self(16);
    /// As BGP4MP, with microseconds (RFC 6396 §3).
    pub const BGP4MP_ET: Self = Self(17);
}

/// The header of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordHeader {
    /// When it was written, in seconds since 1970.
    pub timestamp_seconds: u32,
    /// What it is.
    pub record_type: RecordType,
    /// What of that type it is.
    pub subtype: u16,
    /// How many octets follow the header.
    pub body_octets: u32,
}

impl RecordHeader {
    /// How long a header is.
    pub const OCTETS: usize = 12;

    /// Reads a header. Any octets are one.
    #[must_use]
    pub fn decode(octets: &[u8; Self::OCTETS]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *octets;
        Self {
            timestamp_seconds: u32::from_be_bytes([a, b, c, d]),
            record_type: RecordType(u16::from_be_bytes([e, f])),
            subtype: u16::from_be_bytes([g, h]),
            body_octets: u32::from_be_bytes([i, j, k, l]),
        }
    }
}

/// What a record holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record<'a> {
    /// An UPDATE without its header, of the time before BGP4MP.
    OldUpdate(OldUpdate<'a>),
    /// Routes of a table; the earliest collectors put more than one into a record.
    TableDump(Vec<TableDumpEntry<'a>>),
    /// The peers that the entries of a table name.
    PeerIndexTable(PeerIndexTable<'a>),
    /// The routes to one prefix.
    Rib(RibRecord<'a>),
    /// A BGP message.
    Message(Bgp4mpMessage<'a>),
    /// A session that changed its state.
    StateChange(Bgp4mpStateChange),
    /// A record of another kind.
    Other,
}

/// A record that ends early or has a value that its format rules out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a record of type {}.{subtype} is malformed", record_type.0)]
pub struct MalformedRecord {
    /// The record's type.
    pub record_type: RecordType,
    /// Its subtype.
    pub subtype: u16,
}

impl<'a> Record<'a> {
    /// Reads what follows a header.
    ///
    /// # Errors
    ///
    /// The body is malformed for its type.
    pub fn decode(header: &RecordHeader, body: &'a [u8]) -> Result<Self, MalformedRecord> {
        let RecordHeader { record_type, subtype, .. } = *header;
        let body = match record_type {
            RecordType::BGP4MP_ET => {
                be_u32::<_, nom::error::Error<_>>.parse_complete(body).map(|(rest, _)| rest)
            }
            _ => Ok(body),
        };
        let record = body.ok().and_then(|body| Self::decode_body(record_type, subtype, body));
        record.ok_or(MalformedRecord { record_type, subtype })
    }

    fn decode_body(record_type: RecordType, subtype: u16, body: &'a [u8]) -> Option<Self> {
        match (record_type, subtype) {
            (RecordType::BGP, 1) => OldUpdate::decode(body).map(Self::OldUpdate),
            (RecordType::TABLE_DUMP, 1 | 2) => TableDumpEntry::decode_all(subtype, body).map(Self::TableDump),
            (RecordType::TABLE_DUMP_V2, PeerIndexTable::SUBTYPE) => {
                PeerIndexTable::decode(body).map(Self::PeerIndexTable)
            }
            (RecordType::TABLE_DUMP_V2, 2..=5 | 8..=11) => RibRecord::decode(subtype, body).map(Self::Rib),
            (RecordType::BGP4MP | RecordType::BGP4MP_ET, 0 | 5) => {
                Bgp4mpStateChange::decode(subtype, body).map(Self::StateChange)
            }
            (RecordType::BGP4MP | RecordType::BGP4MP_ET, 1 | 4 | 6..=11) => {
                Bgp4mpMessage::decode(subtype, body).map(Self::Message)
            }
            _ => Some(Self::Other),
        }
    }
}

/// A value that one of a record's fields has no room for; nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no room in an MRT record for {what}")]
pub struct RecordTooLong {
    what: &'static str,
}

/// Appends a record whose body the closure appends.
///
/// # Errors
///
/// Those of the closure, and a body of 4 GiB or more; nothing is appended then.
pub(crate) fn encode_record(
    out: &mut BytesMut,
    timestamp_seconds: u32,
    record_type: RecordType,
    subtype: u16,
    body: impl FnOnce(&mut BytesMut) -> Result<(), RecordTooLong>,
) -> Result<(), RecordTooLong> {
    let start = out.len();
    out.put_u32(timestamp_seconds);
    out.put_u16(record_type.0);
    out.put_u16(subtype);
    out.put_u32(0);
    let outcome = body(out).and_then(|()| {
        let body_octets = out.len().saturating_sub(start).saturating_sub(RecordHeader::OCTETS);
        let length = u32::try_from(body_octets).map_err(|_| RecordTooLong { what: "the record" })?;
        if let Some(field) = out.get_mut(start.saturating_add(8)..).and_then(<[u8]>::first_chunk_mut) {
            *field = length.to_be_bytes();
        }
        Ok(())
    });
    if outcome.is_err() {
        out.truncate(start);
    }
    outcome
}

/// Appends a count or a length of two octets.
pub(crate) fn put_u16_length(
    out: &mut BytesMut,
    length: usize,
    what: &'static str,
) -> Result<(), RecordTooLong> {
    out.put_u16(u16::try_from(length).map_err(|_| RecordTooLong { what })?);
    Ok(())
}

/// Whether a parser's octets were all taken.
pub(crate) fn whole<T>(parsed: nom::IResult<&[u8], T>) -> Option<T> {
    parsed.ok().filter(|(rest, _)| rest.is_empty()).map(|(_, value)| value)
}

/// A count of two octets before what is counted.
pub(crate) fn counted<'a, T>(
    octets: &'a [u8],
    mut element: impl FnMut(&'a [u8]) -> nom::IResult<&'a [u8], T>,
) -> nom::IResult<&'a [u8], Vec<T>> {
    let (mut rest, count) = be_u16(octets)?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let (after, value) = element(rest)?;
        elements.push(value);
        rest = after;
    }
    Ok((rest, elements))
}
