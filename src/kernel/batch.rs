//! Requests that go to the kernel in one send.

use netlink_packet_core::{NLM_F_ACK, NetlinkBuffer};

use super::{
    entries::EntryId, netlink_socket::Refusal, object_message::ObjectRequest, route_request::RouteRequest,
};

/// One request of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Request {
    Route(EntryId, RouteRequest),
    Object(u32, ObjectRequest),
}

/// Encoded requests with consecutive sequence numbers, by which the kernel's refusals find back.
///
/// The last message alone asks for an acknowledgement: the kernel works the batch off in order and tells each refusal
/// unasked.
pub(super) struct Batch {
    first_sequence: u32,
    requests: Vec<Request>,
    octets: Vec<u8>,
    /// Where the last message starts.
    last: usize,
    /// It is full with so many requests or octets.
    full: (usize, usize),
}

impl Batch {
    pub(super) fn new(first_sequence: u32) -> Self {
        Self {
            first_sequence,
            requests: Vec::new(),
            octets: Vec::with_capacity(FULL_OCTETS),
            last: 0,
            full: (FULL_REQUESTS, FULL_OCTETS),
        }
    }

    /// Empties the batch for another use.
    pub(super) fn restart(&mut self, first_sequence: u32) {
        self.first_sequence = first_sequence;
        self.requests.clear();
        self.octets.clear();
        self.last = 0;
    }

    /// Adds a request that `encode` writes with the sequence number it is given.
    pub(super) fn push(&mut self, request: Request, encode: impl FnOnce(u32, &mut Vec<u8>)) {
        self.last = self.octets.len();
        encode(self.next_sequence(), &mut self.octets);
        self.requests.push(request);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.requests.len() >= self.full.0 || self.octets.len() >= self.full.1
    }

    /// The socket did not take so much, or could not hold the answers: batches are half as large from now on.
    pub(super) fn shrink(&mut self) {
        self.full = ((self.full.0 / 2).max(1), (self.full.1 / 2).max(1));
    }

    /// The refusal of the last request, which could not be sent.
    pub(super) fn refuse_last(&self, errno: i32) -> Refusal {
        Refusal { sequence: self.last_sequence(), errno, explanation: None }
    }

    /// The octets to send, with the request for an acknowledgement in the last message.
    pub(super) fn seal(&mut self) -> &[u8] {
        if let Some(last) = self.octets.get_mut(self.last..).filter(|last| !last.is_empty()) {
            let mut message = NetlinkBuffer::new(last);
            let flags = message.flags();
            message.set_flags(flags | NLM_F_ACK);
        }
        &self.octets
    }

    /// The sequence number of the message that ends the batch.
    pub(super) fn last_sequence(&self) -> u32 {
        self.next_sequence().wrapping_sub(1)
    }

    /// The place of the request that the kernel's answer is about; `None` if it is not of this batch.
    pub(super) fn position(&self, sequence: u32) -> Option<usize> {
        let position = usize::try_from(sequence.wrapping_sub(self.first_sequence)).ok()?;
        (position < self.requests.len()).then_some(position)
    }

    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    fn next_sequence(&self) -> u32 {
        let count =
            u32::try_from(self.requests.len()).expect("a batch is closed after some hundred requests");
        self.first_sequence.wrapping_add(count)
    }
}

/// So many that the cost of a send is spread thin, so few that refusals fit in the buffer of the socket.
const FULL_REQUESTS: usize = 256;
/// Far below what the kernel takes in one send.
const FULL_OCTETS: usize = 64 * 1024;
