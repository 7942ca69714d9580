//! Requests sent to the kernel together.

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer};

use super::{
    message::push_message,
    object_message::{ObjectRequest, RTM_DELNEXTHOP},
    refusal::Refusal,
    route_request::RouteRequest,
};
use crate::index::EntryId;

/// One request of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// About the route of an entry.
    Route(EntryId, RouteRequest),
    /// About the next hop object of this number.
    Object(u32, ObjectRequest),
}

/// Encoded requests with consecutive sequence numbers, by which refusals are attributed.
///
/// Only the last message asks for an acknowledgement: the kernel processes a batch in order and reports each
/// refusal without being asked.
pub struct Batch {
    first_sequence: u32,
    requests: Vec<Request>,
    octets: Vec<u8>,
    /// Offset of the last message.
    last: usize,
    /// Numbers of requests and of octets at which the batch is full.
    full: (usize, usize),
}

impl Batch {
    /// An empty batch whose first request has this sequence number.
    pub fn new(first_sequence: u32) -> Self {
        Self {
            first_sequence,
            requests: Vec::new(),
            octets: Vec::with_capacity(FULL_OCTETS),
            last: 0,
            full: (FULL_REQUESTS, FULL_OCTETS),
        }
    }

    /// Empties the batch for reuse.
    pub fn restart(&mut self, first_sequence: u32) {
        self.first_sequence = first_sequence;
        self.requests.clear();
        self.octets.clear();
        self.last = 0;
    }

    /// Adds a request; `encode` is given its sequence number.
    pub fn push(&mut self, request: Request, encode: impl FnOnce(u32, &mut Vec<u8>)) {
        self.last = self.octets.len();
        encode(self.next_sequence(), &mut self.octets);
        self.requests.push(request);
    }

    /// Adds a request that changes nothing and reveals missing permissions: no object has number 0, but the
    /// kernel checks the permission first.
    pub fn push_permission_check(&mut self) {
        self.push(Request::Object(0, ObjectRequest::Remove), |sequence, out| {
            push_message(out, RTM_DELNEXTHOP, NLM_F_REQUEST, sequence, |out| out.extend_from_slice(&[0; 8]));
        });
    }

    /// Whether there is no request.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether no more requests may be added.
    pub fn is_full(&self) -> bool {
        self.requests.len() >= self.full.0 || self.octets.len() >= self.full.1
    }

    /// Halves the size of batches: the socket rejected this one, or could not hold the answers.
    pub fn shrink(&mut self) {
        self.full = ((self.full.0 / 2).max(1), (self.full.1 / 2).max(1));
    }

    /// The refusal of the last request, which could not be sent.
    pub fn refuse_last(&self, errno: i32) -> Refusal {
        Refusal { sequence: self.last_sequence(), errno, explanation: None }
    }

    /// Returns the octets to send, with the request for an acknowledgement in the last message.
    pub fn seal(&mut self) -> &[u8] {
        if let Some(last) = self.octets.get_mut(self.last..).filter(|last| !last.is_empty()) {
            let mut message = NetlinkBuffer::new(last);
            let flags = message.flags();
            message.set_flags(flags | NLM_F_ACK);
        }
        &self.octets
    }

    /// The sequence number of the message that ends the batch.
    pub fn last_sequence(&self) -> u32 {
        self.next_sequence().wrapping_sub(1)
    }

    /// Position of the request with this sequence number; `None` if it is not in this batch.
    pub fn position(&self, sequence: u32) -> Option<usize> {
        let position = usize::try_from(sequence.wrapping_sub(self.first_sequence)).ok()?;
        (position < self.requests.len()).then_some(position)
    }

    /// The requests, in order.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    fn next_sequence(&self) -> u32 {
        let count =
            u32::try_from(self.requests.len()).expect("a batch is closed after some hundred requests");
        self.first_sequence.wrapping_add(count)
    }
}

/// Enough to spread the cost of a send, and few enough that all refusals fit into the socket's buffer.
const FULL_REQUESTS: usize = 256;
/// Well below what the kernel accepts in one send.
const FULL_OCTETS: usize = 64 * 1024;
