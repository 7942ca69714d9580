//! What a group is told of one path: the answer of its policy and filter, remembered per attribute set.

use bgp_codec::Prefix;
use margay_filter::FilterChain;

use crate::attribute_store::{AttributeHandle, AttributeStore};
use crate::export_policy::{ExportPolicy, ExportRefusal, LearnedFrom};
use crate::peer::PeerIndex;
use crate::source::Source;

/// The rules of a group, and what they said of the attribute sets that were asked about.
#[derive(Debug)]
pub(crate) struct ExportRules {
    policy: ExportPolicy,
    filter: FilterChain,
    memo: Vec<Option<Memo>>,
}

/// The answer of the policy for one attribute set, kept while both sets live.
#[derive(Clone, Copy, Debug)]
struct Memo {
    origin: Origin,
    generation: u32,
    exported: Option<(AttributeHandle, u32)>,
}

/// What of a path's source the answer depends on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    Local,
    External,
    /// The session itself: its identifier may become the ORIGINATOR_ID.
    Internal(PeerIndex),
}

impl ExportRules {
    /// Two filters of one content decide alike, so that of any member will do.
    pub(crate) fn new(policy: ExportPolicy, filter: FilterChain) -> Self {
        Self { policy, filter, memo: Vec::new() }
    }

    /// The attributes that the group is told for a path to `prefix`, with a reference for the caller.
    pub(crate) fn export(
        &mut self,
        store: &mut AttributeStore,
        prefix: Prefix,
        handle: AttributeHandle,
        source: &Source,
    ) -> Option<AttributeHandle> {
        if !self.filter.evaluate(prefix).is_accepted() {
            return None;
        }
        match self.remembered(store, handle, source) {
            Some(exported) => exported.inspect(|&exported| store.retain(exported)),
            None => self.transform(store, handle, source),
        }
    }

    /// Why the group is not told of a path; `None` when it is.
    pub(crate) fn refusal(
        &self,
        store: &AttributeStore,
        prefix: Prefix,
        handle: AttributeHandle,
        source: &Source,
    ) -> Option<ExportRefusal> {
        let attributes = &store.get(handle).attributes;
        let told = self.policy.transform(attributes, store.next_hop(handle), source.learned_from);
        told.err().or_else(|| {
            let verdict = self.filter.evaluate(prefix);
            (!verdict.is_accepted()).then(|| ExportRefusal::Filter(verdict.to_string()))
        })
    }

    /// The policy's former answer, while both attribute sets still are what they were.
    fn remembered(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        source: &Source,
    ) -> Option<Option<AttributeHandle>> {
        let memo = self.memo.get(handle.index())?.as_ref()?;
        if memo.generation != store.generation(handle) || memo.origin != Origin::of(source) {
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
        source: &Source,
    ) -> Option<AttributeHandle> {
        let attributes = &store.get(handle).attributes;
        let told = self.policy.transform(attributes, store.next_hop(handle), source.learned_from);
        let exported = told.ok().map(|(attributes, next_hop)| store.intern(attributes, Some(next_hop)));
        if self.memo.len() <= handle.index() {
            self.memo.resize(handle.index() + 1, None);
        }
        self.memo[handle.index()] = Some(Memo {
            origin: Origin::of(source),
            generation: store.generation(handle),
            exported: exported.map(|exported| (exported, store.generation(exported))),
        });
        exported
    }
}

impl Origin {
    fn of(source: &Source) -> Self {
        match source.learned_from {
            LearnedFrom::Local => Self::Local,
            LearnedFrom::External => Self::External,
            LearnedFrom::Internal(_) => Self::Internal(source.peer),
        }
    }
}
