//! MRT records (RFC 6396, RFC 8050): decoding and encoding, without I/O.
//!
//! - [`RecordHeader`] holds the type and the length of a record; [`Record::decode`] decodes its body.
//! - TABLE_DUMP_V2 ([`PeerIndexTable`], [`RibRecord`]) and BGP4MP ([`Bgp4mpMessage`], [`Bgp4mpStateChange`])
//!   are decoded and encoded; TABLE_DUMP and the type BGP, which older collectors wrote, are only decoded.
//! - [`table_attributes`] is the form of path attributes in a table.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]
#![cfg_attr(test, expect(clippy::indexing_slicing, reason = "a test that panics has failed"))]

mod bgp4mp;
mod fields;
mod old_records;
mod peer_index_table;
mod record;
mod record_header;
mod rib_record;
mod table_attributes;

pub use bgp4mp::{Bgp4mpMessage, Bgp4mpSession, Bgp4mpStateChange, SessionAddresses, SessionState};
pub use old_records::{OldUpdate, TableDumpEntry};
pub use peer_index_table::{PeerEntry, PeerIndexTable};
pub use record::{MalformedRecord, Record};
pub use record_header::{RecordHeader, RecordTooLong, RecordType};
pub use rib_record::{RibEntry, RibRecord};
pub use table_attributes::table_attributes;
