//! What a group is told of one path: the answer of its policy and filter, remembered per attribute set.

use bgp_codec::{NextHop, PathAttributes, Prefix};
use margay_filter::{FilterChain, RouteEdits, RouteFacts};

use super::export::ExportPolicy;
use super::refusal::ExportRefusal;
use crate::attributes::{AttributeHandle, AttributeStore, edited};
use crate::index::PeerIndex;
use crate::paths::{LearnedFrom, Source};

/// The rules of a group, and what they said of the attribute sets that were asked about.
#[derive(Debug)]
pub(crate) struct ExportRules {
    policy: ExportPolicy,
    filter: FilterChain,
    looks_at_facts: bool,
    memo: Vec<Option<Memo>>,
}

/// The answer of the policy for one attribute set, kept while both sets live.
#[derive(Clone, Debug)]
struct Memo {
    origin: Origin,
    /// What the filter sets, which may differ from prefix to prefix. Mostly nothing, which then takes no room.
    edits: Option<Box<RouteEdits>>,
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
        let looks_at_facts = filter.looks_at_facts();
        Self { policy, filter, looks_at_facts, memo: Vec::new() }
    }

    /// The same rules, with nothing remembered.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.policy.clone(), self.filter.clone())
    }

    /// Forgets what was said of attribute sets: it may have depended on what is otherwise now.
    pub(crate) fn forget(&mut self) {
        self.memo.clear();
    }

    /// The attributes that the group is told for a path to `prefix`, with a reference for the caller.
    pub(crate) fn export(
        &mut self,
        store: &mut AttributeStore,
        prefix: Prefix,
        handle: AttributeHandle,
        source: &Source,
    ) -> Option<AttributeHandle> {
        let verdict = self.filter.evaluate(prefix, &self.facts(store, handle));
        if !verdict.is_accepted() {
            return None;
        }
        let edits = verdict.edits;
        match self.remembered(store, handle, source, edits) {
            Some(exported) => exported.inspect(|&exported| store.retain(exported)),
            None => self.transform(store, handle, source, edits),
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
        let verdict = self.filter.evaluate(prefix, &self.facts(store, handle));
        let told = self.told(store, handle, source, verdict.edits);
        let by_filter = || (!verdict.is_accepted()).then(|| ExportRefusal::Filter(verdict.to_string()));
        told.err().or_else(by_filter)
    }

    /// The policy's former answer, while both attribute sets still are what they were.
    fn remembered(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        source: &Source,
        edits: RouteEdits,
    ) -> Option<Option<AttributeHandle>> {
        let memo = self.memo.get(handle.index())?.as_ref()?;
        if memo.generation != store.generation(handle)
            || memo.origin != Origin::of(source)
            || memo.edits.as_deref().copied().unwrap_or_default() != edits
        {
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
        edits: RouteEdits,
    ) -> Option<AttributeHandle> {
        let told = self.told(store, handle, source, edits);
        let exported = told.ok().map(|(attributes, next_hop)| store.intern(attributes, Some(next_hop)));
        if self.memo.len() <= handle.index() {
            self.memo.resize(handle.index() + 1, None);
        }
        self.memo[handle.index()] = Some(Memo {
            origin: Origin::of(source),
            edits: (!edits.is_empty()).then(|| Box::new(edits)),
            generation: store.generation(handle),
            exported: exported.map(|exported| (exported, store.generation(exported))),
        });
        exported
    }

    /// The attributes and next hop that the group is told for a path in which the filter sets something.
    fn told(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        source: &Source,
        edits: RouteEdits,
    ) -> Result<(PathAttributes, NextHop), ExportRefusal> {
        let set = store.get(handle);
        if set.values.is_covered {
            return Err(ExportRefusal::MoreSpecific);
        }
        let next_hop = store.next_hop(handle);
        if edits.is_empty() {
            return self.policy.transform(&set.attributes, next_hop, source.learned_from);
        }
        self.policy.transform(&edited(&set.attributes, edits), next_hop, source.learned_from)
    }

    /// What the filter may know of a path; nothing where it does not ask.
    fn facts(&self, store: &AttributeStore, handle: AttributeHandle) -> RouteFacts {
        if self.looks_at_facts { store.facts(handle) } else { RouteFacts::default() }
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
