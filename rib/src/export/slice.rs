//! A part of an export log, encoded: whole messages for every member at its start, each with its source.

use bgp_codec::{Family, Nlri, RouteRefresh, UpdateEncoder};
use bytes::{Bytes, BytesMut};

use crate::attributes::{AttributeHandle, AttributeStore};
use crate::family::RibFamily;
use crate::index::{PeerIndex, SlotIndex};
use crate::log::{Batch, Slot};

/// Whole UPDATEs, or a mark around those that answer a ROUTE-REFRESH, ready to be sent.
///
/// Clones, and the other peers of the group, share the octets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedUpdates {
    /// The messages.
    pub octets: Bytes,
    /// Number of messages.
    pub messages: u64,
    /// Number of UPDATEs among them: all or none.
    pub updates: u64,
}

impl EncodedUpdates {
    /// Wraps octets that are whole UPDATEs.
    #[must_use]
    pub fn new(octets: Bytes) -> Self {
        let messages = count_messages(&octets);
        Self { octets, messages, updates: messages }
    }

    /// Wraps octets that are one ROUTE-REFRESH.
    pub(crate) fn refresh_mark(octets: Bytes) -> Self {
        Self { octets, messages: 1, updates: 0 }
    }
}

/// Marks the beginning or the end of the routes that answer a ROUTE-REFRESH (RFC 7313).
pub(crate) fn refresh_mark(family: Family, subtype: u8) -> EncodedUpdates {
    let mut out = BytesMut::new();
    RouteRefresh { family, subtype }.encode(&mut out);
    EncodedUpdates::refresh_mark(out.freeze())
}

/// The encoded changes between two positions of a log.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) start: u32,
    pub(crate) end: u32,
    octets: Bytes,
    runs: Vec<Run>,
    /// Slots whose path came from a peer that may still hold another path for them.
    withdrawn_from_source: Vec<(PeerIndex, SlotIndex)>,
}

/// Messages for all peers except `source`.
#[derive(Clone, Copy, Debug)]
struct Run {
    source: Option<PeerIndex>,
    end_octets: usize,
    messages: u64,
}

impl Slice {
    pub(crate) fn new(start: u32, end: u32) -> Self {
        Self { start, end, octets: Bytes::new(), runs: Vec::new(), withdrawn_from_source: Vec::new() }
    }

    /// Encodes the changes from a position of a log on. `nlri` returns the route of a slot.
    pub(super) fn encode<P: RibFamily>(
        start: u32,
        batch: Batch<AttributeHandle>,
        encoder: &UpdateEncoder,
        store: &AttributeStore,
        nlri: impl Fn(SlotIndex) -> Nlri<P>,
    ) -> Self {
        let mut slice = SliceWriter { slice: Self::new(start, batch.end), out: BytesMut::new() };
        let mut reach = Vec::with_capacity(batch.changes.len());
        let mut unreach = Vec::new();
        for (index, slot) in batch.changes {
            match slot {
                Slot::Empty => {}
                Slot::Withdrawn(record) => {
                    let source = (!record.source_may_hold).then_some(record.source);
                    unreach.push((source, index));
                }
                Slot::Exported(handle, record) => {
                    if record.source_may_hold {
                        slice.slice.withdraw_from_source(record.source, index);
                    }
                    reach.push(((handle, record.source), index));
                }
            }
        }
        unreach.sort_by_key(|&(source, _)| source);
        for run in unreach.chunk_by(|a, b| a.0 == b.0) {
            encoder.unreach(&mut slice.out, run.iter().map(|&(_, index)| nlri(index)));
            slice.end_of_messages(run[0].0);
        }
        reach.sort_by_key(|&(key, _)| key);
        for run in reach.chunk_by(|a, b| a.0 == b.0) {
            let (handle, source) = run[0].0;
            let set = store.get(handle);
            let routes = || run.iter().map(|&(_, index)| nlri(index));
            let next_hop = store.next_hop(handle);
            let encoded = next_hop.map(|hop| encoder.reach(&mut slice.out, &set.attributes, hop, routes()));
            if !matches!(encoded, Some(Ok(()))) {
                debug_assert!(false, "what is too long is not exported");
                encoder.unreach(&mut slice.out, routes());
            }
            slice.end_of_messages(Some(source));
        }
        slice.finish()
    }

    /// Length of the messages in octets.
    pub(crate) fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Ends a run: the messages since the last mark are not for `source`. `encoded` is everything so far.
    fn mark(&mut self, source: Option<PeerIndex>, encoded: &[u8]) {
        let start = self.runs.last().map_or(0, |run| run.end_octets);
        let messages = count_messages(encoded.get(start..).unwrap_or_default());
        match self.runs.last_mut() {
            Some(run) if run.source == source => {
                run.end_octets = encoded.len();
                run.messages += messages;
            }
            _ => self.runs.push(Run { source, end_octets: encoded.len(), messages }),
        }
    }

    /// Notes that the source of a slot's path needs a withdrawal of its own.
    fn withdraw_from_source(&mut self, source: PeerIndex, slot: SlotIndex) {
        self.withdrawn_from_source.push((source, slot));
    }

    pub(crate) fn with_octets(mut self, octets: Bytes) -> Self {
        self.octets = octets;
        self
    }

    /// Appends the messages for `peer`: the shared octets without the messages that came from itself,
    /// preceded by the withdrawals that concern this peer alone, which `encode_withdrawals` writes.
    pub(crate) fn append_for(
        &self,
        peer: PeerIndex,
        parts: &mut Vec<EncodedUpdates>,
        encode_withdrawals: impl FnOnce(&[SlotIndex], &mut BytesMut),
    ) {
        let own: Vec<SlotIndex> = self
            .withdrawn_from_source
            .iter()
            .filter(|&&(source, _)| source == peer)
            .map(|&(_, slot)| slot)
            .collect();
        if !own.is_empty() {
            let mut out = BytesMut::new();
            encode_withdrawals(&own, &mut out);
            parts.push(EncodedUpdates::new(out.freeze()));
        }
        let mut start = 0;
        for runs in self.runs.split_inclusive(|run| run.source == Some(peer)) {
            let others = match runs {
                [others @ .., own] if own.source == Some(peer) => others,
                others => others,
            };
            let end = others.last().map_or(start, |run| run.end_octets);
            if start < end {
                let messages = others.iter().map(|run| run.messages).sum();
                let octets = self.octets.slice(start..end);
                parts.push(EncodedUpdates { octets, messages, updates: messages });
            }
            start = runs.last().map_or(start, |run| run.end_octets);
        }
    }
}

/// A slice that is being encoded.
struct SliceWriter {
    slice: Slice,
    out: BytesMut,
}

impl SliceWriter {
    fn end_of_messages(&mut self, source: Option<PeerIndex>) {
        self.slice.mark(source, &self.out);
    }

    fn finish(self) -> Slice {
        // The buffer may have up to twice the capacity it needs, and slices are kept.
        self.slice.with_octets(Bytes::copy_from_slice(&self.out))
    }
}

/// Number of messages in octets that this speaker encoded.
fn count_messages(mut octets: &[u8]) -> u64 {
    let mut messages = 0;
    while let Some(&[high, low]) = octets.get(LENGTH_AT..LENGTH_AT + 2) {
        messages += 1;
        octets = octets.get(usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    messages
}

/// Offset of the length field in a message (RFC 4271 §4.1).
const LENGTH_AT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_sent_everything_but_its_own_messages_and_how_many_they_are() {
        let (alice, bob) = (PeerIndex(1), PeerIndex(2));
        let message = |octets: u16| {
            let mut message = vec![0; octets.into()];
            message[LENGTH_AT..LENGTH_AT + 2].copy_from_slice(&octets.to_be_bytes());
            message
        };
        let mut slice = Slice::new(0, 4);
        let mut octets = Vec::new();
        for (source, length) in [(None, 20), (Some(alice), 21), (Some(alice), 22), (Some(bob), 23)] {
            octets.extend(message(length));
            slice.mark(source, &octets);
        }
        let slice = slice.with_octets(octets.into());
        let sent = |peer| -> Vec<(usize, u64)> {
            let mut parts = Vec::new();
            slice.append_for(peer, &mut parts, |_, _| {});
            parts.iter().map(|part| (part.octets.len(), part.messages)).collect()
        };
        assert_eq!(sent(alice), [(20, 1), (23, 1)]);
        assert_eq!(sent(bob), [(20 + 21 + 22, 3)]);
        assert_eq!(sent(PeerIndex(3)), [(20 + 21 + 22 + 23, 4)]);
    }
}
