//! Route origin validation (RFC 6811) with the payloads of RPKI caches (RFC 8210), without I/O.
//!
//! A [`Client`] is the router's side of one session with a cache: it takes the octets that the cache sends and the
//! time, and returns octets to send and, when a transfer is complete, the [`PayloadChange`] that it brought.
//! [`CacheUnion`] joins the payloads of several caches, and a [`PayloadTable`] says of a route whether it is valid.

mod caches;
mod change;
mod client;
mod payload;
mod pdu;
mod table;

pub use caches::{CacheIndex, CacheUnion};
pub use change::PayloadChange;
pub use client::{Client, ClientError, ClientOptions, ClientStatus, MAX_PAYLOADS};
pub use payload::{InvalidPayload, RoutePayload};
pub use pdu::{ErrorCode, Intervals, Pdu, PduError, Version};
pub use table::{PayloadTable, Validity};
