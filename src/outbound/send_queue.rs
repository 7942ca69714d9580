//! Messages still to be sent on one connection, and their order.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Buffers of whole messages in two lanes: urgent ones overtake others, but never split a buffer that is
/// partly sent.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    /// All waiting octets.
    octets: usize,
    /// The rest of a buffer that is partly sent.
    started: Option<Bytes>,
    urgent: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
}

impl SendQueue {
    /// Adds a message that must not wait behind routes.
    ///
    /// One that already waits is not added again: two KEEPALIVEs in a row mean no more than one, so they do
    /// not pile up for a peer that reads nothing.
    pub(super) fn push_urgent(&mut self, message: Bytes) {
        if !self.urgent.contains(&message) {
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

    /// Adds a buffer of UPDATEs of which `sent` octets have been sent, which is only correct if nothing
    /// waits.
    ///
    /// # Panics
    ///
    /// Panics if more octets are sent than it has.
    pub(super) fn push_rest(&mut self, mut buffer: Bytes, sent: usize) {
        if sent == 0 {
            return self.push_bulk(buffer);
        }
        debug_assert!(self.is_empty(), "{sent} octets have overtaken {}", self.octets);
        buffer.advance(sent);
        if !buffer.is_empty() {
            self.octets += buffer.len();
            self.started = Some(buffer);
        }
    }

    /// Removes all UPDATEs of which no octet has been sent.
    pub(super) fn clear_bulk(&mut self) {
        self.octets -= self.bulk.iter().map(Bytes::len).sum::<usize>();
        self.bulk.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Octets of UPDATEs of which none has been sent.
    pub(super) fn bulk_octets(&self) -> usize {
        self.bulk.iter().map(Bytes::len).sum()
    }

    /// Waiting octets.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Number of urgent messages of which no octet has been sent.
    pub(super) fn urgent(&self) -> usize {
        self.urgent.len()
    }

    /// The next buffers, at most `limit`.
    pub(super) fn next(&self, limit: usize) -> Vec<Bytes> {
        self.started.iter().chain(&self.urgent).chain(&self.bulk).take(limit).cloned().collect()
    }

    /// Removes the first `octets`, which have been sent. Messages added since [`next`](Self::next) are behind
    /// them, urgent or not: at that time there were `urgent` [urgent](Self::urgent) messages.
    ///
    /// # Panics
    ///
    /// Panics if there were fewer octets, or bulk has been cleared since.
    pub(super) fn advance(&mut self, mut urgent: usize, mut octets: usize) {
        self.octets -= octets;
        while octets > 0 {
            let mut first = self.take_first(&mut urgent).expect("no more octets are sent than there were");
            let sent = octets.min(first.len());
            first.advance(sent);
            octets -= sent;
            if !first.is_empty() {
                self.started = Some(first);
            }
        }
    }

    /// Removes the first buffer, with this many `urgent` ones before bulk.
    fn take_first(&mut self, urgent: &mut usize) -> Option<Bytes> {
        if self.started.is_some() {
            return self.started.take();
        }
        match urgent.checked_sub(1) {
            Some(others) => {
                *urgent = others;
                self.urgent.pop_front()
            }
            None => self.bulk.pop_front(),
        }
    }
}

/// An OPEN, a KEEPALIVE and a NOTIFICATION: no more can wait.
const URGENT_MESSAGES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(queue: &SendQueue) -> String {
        let next = queue.next(8);
        let parts: Vec<&str> = next.iter().map(|buffer| std::str::from_utf8(buffer).unwrap()).collect();
        parts.join(" ")
    }

    /// Sends this many octets while nothing is added.
    fn send(queue: &mut SendQueue, octets: usize) {
        queue.advance(queue.urgent(), octets);
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
        send(&mut queue, "KEEPALIVE".len() + 1);
        queue.push_urgent(Bytes::from_static(b"KEEPALIVE"));
        assert_eq!(text(&queue), "aaa KEEPALIVE bbbb");
        send(&mut queue, "aaa".len() + "KEEP".len());
        queue.push_urgent(Bytes::from_static(b"NOTIFICATION"));
        assert_eq!(text(&queue), "ALIVE NOTIFICATION bbbb", "a KEEPALIVE is not torn either");
    }

    #[test]
    fn messages_added_during_a_write_come_after_it() {
        for octets in 0..=9 {
            let mut queue = queue(&["aaa", "bbb"]);
            queue.push_urgent(Bytes::from_static(b"OLD"));
            let mut sent = queue.next(8).concat();
            let urgent = queue.urgent();
            queue.push_urgent(Bytes::from_static(b"NEW"));
            queue.push_bulk(Bytes::from_static(b"ccc"));
            queue.advance(urgent, octets);
            sent.truncate(octets);
            sent.extend(queue.next(8).concat());
            let expected: &[u8] = match octets {
                ..=3 => b"OLDNEWaaabbbccc",
                4..=6 => b"OLDaaaNEWbbbccc",
                _ => b"OLDaaabbbNEWccc",
            };
            assert_eq!(sent, expected, "{octets} octets are sent");
            assert_eq!(queue.octets(), expected.len() - octets);
        }
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
    fn clearing_keeps_a_partly_sent_buffer_whole() {
        let mut queue = queue(&["aaaa", "bbbb"]);
        send(&mut queue, 1);
        queue.clear_bulk();
        queue.push_urgent(Bytes::from_static(b"NOTIFICATION"));
        assert_eq!(text(&queue), "aaa NOTIFICATION");
        send(&mut queue, 3 + 12);
        assert!(queue.is_empty());
    }

    #[test]
    fn sending_in_any_pieces_sends_everything_once_in_order() {
        for piece in 1..=9 {
            let mut queue = queue(&["abc", "", "defg", "hi"]);
            let mut sent = String::new();
            while !queue.is_empty() {
                let next: String = text(&queue).replace(' ', "").chars().take(piece).collect();
                send(&mut queue, next.len());
                sent.push_str(&next);
            }
            assert_eq!(sent, "abcdefghi", "in pieces of {piece}");
        }
    }
}
