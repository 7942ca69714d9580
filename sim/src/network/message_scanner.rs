//! Splits a stream of octets into messages, as far as traces and checks need it.

use bytes::{Buf, Bytes, BytesMut};

/// Puts octets together until they are a message.
#[derive(Debug, Default)]
pub(super) struct MessageScanner {
    octets: BytesMut,
}

impl MessageScanner {
    /// The messages that end in `octets`.
    pub(super) fn scan(&mut self, octets: &[u8]) -> Vec<Bytes> {
        self.octets.extend_from_slice(octets);
        let mut messages = Vec::new();
        while self.octets.len() >= HEADER {
            let length = usize::from(u16::from_be_bytes([self.octets[16], self.octets[17]])).max(HEADER);
            if self.octets.len() < length {
                break;
            }
            messages.push(self.octets.copy_to_bytes(length));
        }
        messages
    }
}

/// Kind of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MessageKind {
    Open,
    Update,
    Notification,
    Keepalive,
    RouteRefresh,
    Unknown,
}

impl MessageKind {
    pub(super) fn of(message: &[u8]) -> Self {
        match message.get(18) {
            Some(1) => Self::Open,
            Some(2) => Self::Update,
            Some(3) => Self::Notification,
            Some(4) => Self::Keepalive,
            Some(5) => Self::RouteRefresh,
            _ => Self::Unknown,
        }
    }
}

/// The marker, the length and the type (RFC 4271 §4.1).
const HEADER: usize = 19;
