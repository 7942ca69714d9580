//! A part of an export log, encoded: whole messages that every member at its start is sent, each with its source.

use bytes::{Bytes, BytesMut};

use crate::export_log::SlotIndex;
use crate::peer::PeerIndex;

/// Encoded changes from one position of a log to another.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) start: u32,
    pub(crate) end: u32,
    octets: Bytes,
    runs: Vec<Run>,
    /// Slots whose path came from a peer that may still hold another one for them.
    withdrawn_from_source: Vec<(PeerIndex, SlotIndex)>,
}

/// Messages that go to everyone but `source`.
#[derive(Clone, Copy, Debug)]
struct Run {
    source: Option<PeerIndex>,
    end_octets: usize,
}

impl Slice {
    pub(crate) fn new(start: u32, end: u32) -> Self {
        Self { start, end, octets: Bytes::new(), runs: Vec::new(), withdrawn_from_source: Vec::new() }
    }

    /// The length of the messages.
    pub(crate) fn octets(&self) -> usize {
        self.octets.len()
    }

    /// What was encoded since the last mark, up to `end_octets`, is not for `source`.
    pub(crate) fn mark(&mut self, source: Option<PeerIndex>, end_octets: usize) {
        match self.runs.last_mut() {
            Some(run) if run.source == source => run.end_octets = end_octets,
            _ => self.runs.push(Run { source, end_octets }),
        }
    }

    /// The source of a slot's path is to be sent a withdrawal of its own.
    pub(crate) fn withdraw_from_source(&mut self, source: PeerIndex, slot: SlotIndex) {
        self.withdrawn_from_source.push((source, slot));
    }

    pub(crate) fn with_octets(mut self, octets: Bytes) -> Self {
        self.octets = octets;
        self
    }

    /// What `peer` is sent: the shared octets, less the messages that came from itself, and before them the
    /// withdrawals that only concern it, which `encode_withdrawals` writes.
    pub(crate) fn for_peer(
        &self,
        peer: PeerIndex,
        encode_withdrawals: impl FnOnce(&[SlotIndex], &mut BytesMut),
    ) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        let own: Vec<SlotIndex> = self
            .withdrawn_from_source
            .iter()
            .filter(|&&(source, _)| source == peer)
            .map(|&(_, slot)| slot)
            .collect();
        if !own.is_empty() {
            let mut out = BytesMut::new();
            encode_withdrawals(&own, &mut out);
            chunks.push(out.freeze());
        }
        let mut start = 0;
        let mut end = 0;
        for run in &self.runs {
            if run.source == Some(peer) {
                push_range(&mut chunks, &self.octets, start, end);
                start = run.end_octets;
            }
            end = run.end_octets;
        }
        push_range(&mut chunks, &self.octets, start, end);
        chunks
    }
}

fn push_range(chunks: &mut Vec<Bytes>, octets: &Bytes, start: usize, end: usize) {
    if start < end {
        chunks.push(octets.slice(start..end));
    }
}
