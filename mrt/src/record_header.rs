//! The header of a record, and how a record is written (RFC 6396 §2).
//!
//! ```text
//! +-----------------------+-----------+-----------+-----------------------+
//! | timestamp (4 octets)  | type (2)  | subtype(2)| length (4 octets)     |
//! +-----------------------+-----------+-----------+-----------------------+
//! | body, as many octets as the length says                               |
//! ```

use bytes::{BufMut, BytesMut};

/// The type of a record, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordType(pub u16);

impl RecordType {
    /// Messages in the format before BGP4MP (RFC 6396 §B.2).
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
    /// Time of the record, in seconds since 1970.
    pub timestamp_seconds: u32,
    /// Type of the record.
    pub record_type: RecordType,
    /// Subtype, whose meaning depends on the type.
    pub subtype: u16,
    /// Octets of the body.
    pub body_octets: u32,
}

impl RecordHeader {
    /// Octets of a header.
    pub const OCTETS: usize = 12;

    /// Decodes a header, which any octets are.
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

/// A value exceeds its field in a record; nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no room in an MRT record for {what}")]
pub struct RecordTooLong {
    what: &'static str,
}

/// Appends a record whose body the closure appends.
///
/// # Errors
///
/// Those of the closure, and a body of 4 GiB or more; nothing is appended.
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
