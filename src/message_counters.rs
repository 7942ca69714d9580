//! Counters of messages on a peer's connections, and of their octets.

use std::sync::atomic::{AtomicU64, Ordering};

use margay_rib::EncodedUpdates;

/// Numbers of messages on all connections with a peer since the daemon started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MessageCounts {
    /// All messages received.
    pub received: u64,
    /// UPDATEs received.
    pub updates_received: u64,
    /// All messages sent, or about to be sent.
    pub sent: u64,
    /// UPDATEs sent, or about to be sent.
    pub updates_sent: u64,
    /// Octets of whole messages received, with their headers, whether or not they could be decoded.
    pub octets_received: u64,
    /// Octets of messages sent, or about to be sent.
    pub octets_sent: u64,
}

/// The shared counters behind [`MessageCounts`].
#[derive(Debug, Default)]
pub(crate) struct MessageCounters {
    received: AtomicU64,
    updates_received: AtomicU64,
    sent: AtomicU64,
    updates_sent: AtomicU64,
    octets_received: AtomicU64,
    octets_sent: AtomicU64,
}

impl MessageCounters {
    pub(crate) fn on_received(&self, messages: u64, updates: u64) {
        self.received.fetch_add(messages, Ordering::Relaxed);
        self.updates_received.fetch_add(updates, Ordering::Relaxed);
    }

    /// A whole message has arrived, which may turn out to be malformed.
    pub(crate) fn on_octets_received(&self, octets: usize) {
        self.octets_received.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// A message other than an UPDATE is sent.
    pub(crate) fn on_message_sent(&self, octets: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.octets_sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// UPDATEs, and perhaps the marks of a route refresh, are sent.
    pub(crate) fn on_updates_sent(&self, updates: &EncodedUpdates) {
        self.sent.fetch_add(updates.messages, Ordering::Relaxed);
        self.updates_sent.fetch_add(updates.updates, Ordering::Relaxed);
        self.octets_sent.fetch_add(updates.octets.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> MessageCounts {
        MessageCounts {
            received: self.received.load(Ordering::Relaxed),
            updates_received: self.updates_received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            updates_sent: self.updates_sent.load(Ordering::Relaxed),
            octets_received: self.octets_received.load(Ordering::Relaxed),
            octets_sent: self.octets_sent.load(Ordering::Relaxed),
        }
    }
}
