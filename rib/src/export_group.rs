//! Peers that are told the same: one log, encoded once, read by all of them.

use std::collections::VecDeque;

use bgp_codec::{AsWidth, Family, Nlri, Prefix, UpdateEncoder};
use bytes::{Bytes, BytesMut};
use margay_filter::{ChainContent, FilterChain};

use crate::attribute_store::{AttributeHandle, AttributeStore};
use crate::export_log::{ExportLog, ReaderId, Slot};
use crate::export_policy::{ExportPolicy, ExportRefusal, LearnedFrom};
use crate::family::RibFamily;
use crate::membership::GroupId;
use crate::peer::{PeerIndex, PeerOptions};
use crate::rib::RibOptions;
use crate::slice::Slice;
use crate::table::{EntryIndex, Table};

/// What peers must have in common to share a group. What is not listed here must not alter what a peer is told.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct GroupSignature {
    policy: ExportPolicy,
    filter: ChainContent,
    as_width: AsWidth,
    max_message_octets: usize,
}

impl GroupSignature {
    pub(crate) fn new(options: &PeerOptions, family: Family, speaker: &RibOptions) -> Self {
        Self {
            policy: ExportPolicy::new(options, family, speaker),
            filter: options.export.content(),
            as_width: options.as_width,
            max_message_octets: options.max_message_octets,
        }
    }

    fn encoder(&self) -> UpdateEncoder {
        UpdateEncoder {
            as_width: self.as_width,
            max_message_octets: self.max_message_octets,
            add_path: false,
        }
    }
}

/// A group: the rules its members have in common, and the log of what follows from them.
#[derive(Debug)]
pub(crate) struct ExportGroup {
    pub(crate) id: GroupId,
    pub(crate) signature: GroupSignature,
    filter: FilterChain,
    pub(crate) log: ExportLog<AttributeHandle>,
    pub(crate) members: Vec<PeerIndex>,
    /// The table is entered into the log of a new group up to here; `None` when all of it is.
    pub(crate) filled_to: Option<u32>,
    /// The routes that were too long for a message of the group, and went out as withdrawals.
    pub(crate) unencodable: u64,
    memo: Vec<Option<Memo>>,
    slices: VecDeque<Slice>,
    slices_rewrites: u32,
}

/// The answer of the policy for one attribute set, kept while both sets live.
#[derive(Clone, Copy, Debug)]
struct Memo {
    learned_from: LearnedFrom,
    generation: u32,
    exported: Option<(AttributeHandle, u32)>,
}

/// A slice covers as many records as this, so that encoding it takes a fraction of a millisecond.
const SLICE_RECORDS: usize = 2048;

/// Octets of encoded slices that a group keeps for members that are a little behind the first.
const SLICE_CACHE_OCTETS: usize = 4 << 20;

impl ExportGroup {
    /// A group without members yet. Two filters of one content decide alike, so any member's will do.
    pub(crate) fn new(id: GroupId, signature: GroupSignature, filter: FilterChain) -> Self {
        Self {
            id,
            signature,
            filter,
            log: ExportLog::new(),
            members: Vec::new(),
            filled_to: Some(0),
            unencodable: 0,
            memo: Vec::new(),
            slices: VecDeque::new(),
            slices_rewrites: 0,
        }
    }

    /// The attributes that the group is told for a path to `prefix`, with a reference for the caller.
    pub(crate) fn export(
        &mut self,
        store: &mut AttributeStore,
        prefix: Prefix,
        handle: AttributeHandle,
        learned_from: LearnedFrom,
    ) -> Option<AttributeHandle> {
        if !self.filter.evaluate(prefix).is_accepted() {
            return None;
        }
        match self.remembered(store, handle, learned_from) {
            Some(exported) => exported.inspect(|&exported| store.retain(exported)),
            None => self.transform(store, handle, learned_from),
        }
    }

    /// Why the group is not told of a path; `None` when it is.
    pub(crate) fn refusal(
        &self,
        store: &AttributeStore,
        prefix: Prefix,
        handle: AttributeHandle,
        learned_from: LearnedFrom,
    ) -> Option<ExportRefusal> {
        let attributes = &store.get(handle).attributes;
        let transformed = self.signature.policy.transform(attributes, store.next_hop(handle), learned_from);
        transformed.err().or_else(|| {
            let verdict = self.filter.evaluate(prefix);
            (!verdict.is_accepted()).then(|| ExportRefusal::Filter(verdict.to_string()))
        })
    }

    /// The policy's former answer, while both attribute sets still are what they were.
    fn remembered(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        learned_from: LearnedFrom,
    ) -> Option<Option<AttributeHandle>> {
        let memo = self.memo.get(handle.index())?.as_ref()?;
        if memo.generation != store.generation(handle) || memo.learned_from != learned_from {
            return None;
        }
        match memo.exported {
            None => Some(None),
            Some((exported, generation)) if store.generation(exported) == generation => Some(Some(exported)),
            Some(_) => None,
        }
    }

    fn transform(
        &mut self,
        store: &mut AttributeStore,
        handle: AttributeHandle,
        learned_from: LearnedFrom,
    ) -> Option<AttributeHandle> {
        let attributes = &store.get(handle).attributes;
        let told = self.signature.policy.transform(attributes, store.next_hop(handle), learned_from);
        let exported = told.ok().map(|(attributes, next_hop)| store.intern(attributes, Some(next_hop)));
        if self.memo.len() <= handle.index() {
            self.memo.resize(handle.index() + 1, None);
        }
        self.memo[handle.index()] = Some(Memo {
            learned_from,
            generation: store.generation(handle),
            exported: exported.map(|exported| (exported, store.generation(exported))),
        });
        exported
    }

    /// What `reader` is to be told next, and the entries whose last withdrawal everyone has been told by it.
    ///
    /// Empty octets are possible: what changed may all have come from the member itself.
    pub(crate) fn tell<P: RibFamily>(
        &mut self,
        table: &Table<P>,
        store: &AttributeStore,
        reader: ReaderId,
        peer: PeerIndex,
    ) -> (Vec<Bytes>, Vec<EntryIndex>) {
        let start = self.log.cursor(reader);
        let slice = self.slice_from(table, store, start);
        let (end, octets) = (
            slice.end,
            slice.for_peer(peer, |withdrawn, out| {
                let prefixes = withdrawn.iter().map(|&entry| nlri(table, entry));
                self.signature.encoder().unreach(out, prefixes);
            }),
        );
        self.slices.push_back(slice);
        let emptied = self.advance(|log| log.advance(reader, end));
        (octets, emptied)
    }

    /// Takes a member out. Answers with the entries whose last withdrawal waited for nobody else.
    pub(crate) fn leave(&mut self, reader: ReaderId, peer: PeerIndex) -> Vec<EntryIndex> {
        self.members.retain(|&member| member != peer);
        self.advance(|log| log.leave(reader))
    }

    /// Sends a member back to the start, to be told everything again.
    ///
    /// Kept slices are void then: they may announce to the member what has come to be its own path since.
    pub(crate) fn rewind(&mut self, reader: ReaderId) {
        self.log.rewind(reader);
        self.slices.clear();
    }

    /// Forgets withdrawals that every member knows of, as many as fit into a slice of time.
    pub(crate) fn settle(&mut self) -> Vec<EntryIndex> {
        self.advance(ExportLog::settle)
    }

    /// Lets a reader move, and forgets the slices that must not be told again.
    ///
    /// A slice that is kept may announce what was withdrawn since: that does no harm as long as the withdrawal is still
    /// in the log. Once withdrawals are settled, the slices before them are void.
    fn advance(
        &mut self,
        movement: impl FnOnce(&mut ExportLog<AttributeHandle>) -> Vec<EntryIndex>,
    ) -> Vec<EntryIndex> {
        let settled = self.log.settled();
        let emptied = movement(&mut self.log);
        if self.log.settled() != settled {
            let settled = self.log.settled();
            self.slices.retain(|slice| slice.start >= settled);
        }
        let mut octets: usize = self.slices.iter().map(Slice::octets).sum();
        while octets > SLICE_CACHE_OCTETS {
            let Some(oldest) = self.slices.pop_front() else { break };
            octets -= oldest.octets();
        }
        emptied
    }

    /// The marker that the table has been told (RFC 4724 §2).
    pub(crate) fn end_of_rib(&self, family: Family) -> Bytes {
        let mut out = BytesMut::new();
        self.signature.encoder().end_of_rib(&mut out, family);
        out.freeze()
    }

    /// The slice that begins at `start`: the one that another member was told, or a new one.
    fn slice_from<P: RibFamily>(&mut self, table: &Table<P>, store: &AttributeStore, start: u32) -> Slice {
        if self.slices_rewrites != self.log.rewrites() {
            self.slices.clear();
            self.slices_rewrites = self.log.rewrites();
        }
        match self.slices.iter().position(|slice| slice.start == start) {
            Some(position) => self.slices.remove(position).expect("just found"),
            None => self.encode(table, store, start),
        }
    }

    fn encode<P: RibFamily>(&mut self, table: &Table<P>, store: &AttributeStore, start: u32) -> Slice {
        let batch = self.log.batch(start, SLICE_RECORDS);
        let encoder = self.signature.encoder();
        let mut slice = SliceWriter { slice: Slice::new(start, batch.end), out: BytesMut::new() };
        let mut reach = Vec::with_capacity(batch.changes.len());
        let mut unreach = Vec::new();
        for (entry, slot) in batch.changes {
            match slot {
                Slot::Empty => {}
                Slot::Withdrawn(record) => {
                    let source = (!record.source_may_hold).then_some(record.source);
                    unreach.push((source, entry));
                }
                Slot::Exported(handle, record) => {
                    if record.source_may_hold {
                        slice.slice.withdraw_from_source(record.source, entry);
                    }
                    reach.push(((handle, record.source), entry));
                }
            }
        }
        unreach.sort_by_key(|&(source, _)| source);
        for run in unreach.chunk_by(|a, b| a.0 == b.0) {
            encoder.unreach(&mut slice.out, run.iter().map(|&(_, entry)| nlri(table, entry)));
            slice.end_of_messages(run[0].0);
        }
        reach.sort_by_key(|&(key, _)| key);
        for run in reach.chunk_by(|a, b| a.0 == b.0) {
            let (handle, source) = run[0].0;
            let set = store.get(handle);
            let prefixes = || run.iter().map(|&(_, entry)| nlri(table, entry));
            let next_hop = store.next_hop(handle);
            let encoded = next_hop.map(|hop| encoder.reach(&mut slice.out, &set.attributes, hop, prefixes()));
            if !matches!(encoded, Some(Ok(()))) {
                self.unencodable += run.len() as u64;
                encoder.unreach(&mut slice.out, prefixes());
            }
            slice.end_of_messages(Some(source));
        }
        slice.finish()
    }
}

fn nlri<P: RibFamily>(table: &Table<P>, entry: EntryIndex) -> Nlri<P> {
    Nlri { path_id: None, prefix: table.entry(entry).prefix }
}

/// A slice while it is encoded.
struct SliceWriter {
    slice: Slice,
    out: BytesMut,
}

impl SliceWriter {
    fn end_of_messages(&mut self, source: Option<PeerIndex>) {
        self.slice.mark(source, self.out.len());
    }

    fn finish(self) -> Slice {
        self.slice.with_octets(self.out.freeze())
    }
}
