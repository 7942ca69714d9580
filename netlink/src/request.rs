//! Requests to the kernel.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;

/// A request and what the kernel does about things that are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    message: RouteNetlinkMessage,
    flags: u16,
}

impl Request {
    /// Creates a thing; if it is there, the request fails.
    #[must_use]
    pub const fn create(message: RouteNetlinkMessage) -> Self {
        Self { message, flags: NLM_F_CREATE | NLM_F_EXCL }
    }

    /// Creates a thing, or replaces the one that is there.
    #[must_use]
    pub const fn put(message: RouteNetlinkMessage) -> Self {
        Self { message, flags: NLM_F_CREATE | NLM_F_REPLACE }
    }

    /// Changes or removes a thing that is there.
    #[must_use]
    pub const fn change(message: RouteNetlinkMessage) -> Self {
        Self { message, flags: 0 }
    }

    /// Appends the message to a datagram, with a request for an acknowledgement.
    pub(crate) fn push(&self, datagram: &mut Vec<u8>, sequence: u32) {
        push(datagram, self.message.clone(), self.flags | NLM_F_ACK, sequence);
    }
}

/// Appends a message to a datagram.
pub(crate) fn push(datagram: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.flags = flags | NLM_F_REQUEST;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let start = datagram.len();
    datagram.resize(start + message.buffer_len().next_multiple_of(ALIGNMENT_OCTETS), 0);
    if let Some(rest) = datagram.get_mut(start..) {
        message.serialize(rest);
    }
}

const ALIGNMENT_OCTETS: usize = 4;
