//! Counters of messages on a peer's connections.

use std::sync::atomic::{AtomicU64, Ordering};

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
}

/// The shared counters behind [`MessageCounts`].
#[derive(Debug, Default)]
pub(crate) struct MessageCounters {
    received: AtomicU64,
    updates_received: AtomicU64,
    sent: AtomicU64,
    updates_sent: AtomicU64,
}

impl MessageCounters {
    pub(crate) fn on_received(&self, messages: u64, updates: u64) {
        self.received.fetch_add(messages, Ordering::Relaxed);
        self.updates_received.fetch_add(updates, Ordering::Relaxed);
    }

    pub(crate) fn on_sent(&self, messages: u64, updates: u64) {
        self.sent.fetch_add(messages, Ordering::Relaxed);
        self.updates_sent.fetch_add(updates, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> MessageCounts {
        MessageCounts {
            received: self.received.load(Ordering::Relaxed),
            updates_received: self.updates_received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            updates_sent: self.updates_sent.load(Ordering::Relaxed),
        }
    }
}
