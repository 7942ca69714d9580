//! What a record holds, by its type (RFC 6396 §4).

use nom::Parser;
use nom::number::complete::be_u32;

use crate::old_records::{OldUpdate, TableDumpEntry};
use crate::record_header::{RecordHeader, RecordType};
use crate::{Bgp4mpMessage, Bgp4mpStateChange, PeerIndexTable, RibRecord};

/// What a record holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record<'a> {
    /// An UPDATE without its header, older than BGP4MP.
    OldUpdate(OldUpdate<'a>),
    /// Routes of a table; the earliest collectors put more than one into a record.
    TableDump(Vec<TableDumpEntry<'a>>),
    /// The peers that the entries of a table refer to.
    PeerIndexTable(PeerIndexTable<'a>),
    /// The routes to one prefix.
    Rib(RibRecord<'a>),
    /// A BGP message.
    Message(Bgp4mpMessage<'a>),
    /// A state change of a session.
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
    /// Decodes the body that follows a header.
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
