//! What is still to be sent on one connection, and in which order.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use margay_breaks::{Break, is_broken};

/// Buffers of whole messages in two lanes: what is urgent passes what is not, but never cuts into a buffer of which
/// some octets are gone already.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    /// All octets that wait.
    octets: usize,
    /// The rest of a buffer that is partly sent.
    started: Option<Bytes>,
    urgent: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
}

impl SendQueue {
    /// Adds a message that is not to wait behind routes.
    ///
    /// One that already waits is not added again: two KEEPALIVEs in a row say no more than one, so a peer that reads
    /// nothing does not make them pile up.
    pub(super) fn push_urgent(&mut self, message: Bytes) {
        if is_broken(Break::KeepaliveBehindBulk) {
            self.push_bulk(message);
        } else if !self.urgent.contains(&message) {
            self.octets += message.len();
            self.urgent.push_back(message);
            debug_assert!(self.urgent.len() <= URGENT_MESSAGES, "{:?}", self.urgent);
        }
    }

    /// Adds a buffer of UPDATEs.
    pub(super) fn push_bulk(&mut self, buffer: Bytes) {
        if !buffer.is_empty() {
            self.octets += buffer.len();
            self.bulk.push_back(buffer);
        }
    }

    /// Takes back all UPDATEs of which no octet is sent.
    pub(super) fn clear_bulk(&mut self) {
        self.octets -= self.bulk.iter().map(Bytes::len).sum::<usize>();
        self.bulk.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// How many octets of UPDATEs wait of which none is sent.
    pub(super) fn bulk_octets(&self) -> usize {
        self.bulk.iter().map(Bytes::len).sum()
    }

    /// How many octets wait.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// What waits, if it is one buffer.
    pub(super) fn only(&self) -> Option<&Bytes> {
        let is_one = self.started.is_none() && self.urgent.is_empty() && self.bulk.len() == 1;
        self.bulk.front().filter(|_| is_one)
    }

    /// Fills `slices` with what comes next, and returns how many it filled.
    pub(super) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, buffer) in slices.iter_mut().zip(self.in_order()) {
            *slice = IoSlice::new(buffer);
            filled += 1;
        }
        filled
    }

    /// Forgets the first `octets`: they are sent.
    ///
    /// # Panics
    ///
    /// There are fewer.
    pub(super) fn advance(&mut self, mut octets: usize) {
        self.octets -= octets;
        while octets > 0 {
            let mut first = self.take_first().expect("no more octets are sent than there were");
            let sent = octets.min(first.len());
            first.advance(sent);
            octets -= sent;
            if !first.is_empty() {
                self.started = Some(first);
            }
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Bytes> {
        self.started.iter().chain(&self.urgent).chain(&self.bulk)
    }

    fn take_first(&mut self) -> Option<Bytes> {
        self.started.take().or_else(|| self.urgent.pop_front()).or_else(|| self.bulk.pop_front())
    }
}

/// An OPEN, a KEEPALIVE and a NOTIFICATION: no more can wait.
const URGENT_MESSAGES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &SendQueue) -> String {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = queue.fill(&mut slices);
        let parts: Vec<&str> =
            slices[..filled].iter().map(|slice| std::str::from_utf8(slice).unwrap()).collect();
        parts.join(" ")
    }

    fn queue(bulk: &[&'static str]) -> SendQueue {
        let mut queue = SendQueue::default();
        bulk.iter().for_each(|buffer| queue.push_bulk(Bytes::from_static(buffer.as_bytes())));
        queue
    }

    #[test]
    fn urgent_messages_pass_bulk_but_not_a_buffer_that_is_on_its_way() {
        let mut queue = queue(&["aaaa", "bbbb"]);
        queue.push_urgent(Bytes::from_static(b"KEEPALIVE"));
        assert_eq!(text(&queue), "KEEPALIVE aaaa bbbb");
        queue.advance("KEEPALIVE".len() + 1);
        queue.push_urgent(Bytes::from_static(b"KEEPALIVE"));
        assert_eq!(text(&queue), "aaa KEEPALIVE bbbb");
        queue.advance("aaa".len() + "KEEP".len());
        queue.push_urgent(Bytes::from_static(b"NOTIFICATION"));
        assert_eq!(text(&queue), "ALIVE NOTIFICATION bbbb", "a KEEPALIVE is not torn either");
    }

    #[test]
    fn keepalives_do_not_pile_up() {
        let mut queue = queue(&["aaaa"]);
        for _ in 0..1000 {
            queue.push_urgent(Bytes::from_static(b"KEEPALIVE"));
        }
        assert_eq!(text(&queue), "KEEPALIVE aaaa");
    }

    #[test]
    fn clearing_leaves_what_is_on_its_way_whole() {
        let mut queue = queue(&["aaaa", "bbbb"]);
        queue.advance(1);
        queue.clear_bulk();
        queue.push_urgent(Bytes::from_static(b"NOTIFICATION"));
        assert_eq!(text(&queue), "aaa NOTIFICATION");
        queue.advance(3 + 12);
        assert!(queue.is_empty());
    }

    #[test]
    fn sending_in_any_pieces_sends_everything_once_in_order() {
        for piece in 1..=9 {
            let mut queue = queue(&["abc", "", "defg", "hi"]);
            let mut sent = String::new();
            while !queue.is_empty() {
                let next: String = text(&queue).replace(' ', "").chars().take(piece).collect();
                queue.advance(next.len());
                sent.push_str(&next);
            }
            assert_eq!(sent, "abcdefghi", "in pieces of {piece}");
        }
    }
}
