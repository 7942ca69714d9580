//! What a group is told of one path: the answer of its policy and filter, remembered per attribute set.

use bgp_codec::{Family, NextHop, PathAttributes, Prefix, UpdateEncoder};
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
    /// How routes are encoded for the group: not all of them fit into a message.
    encoder: UpdateEncoder,
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
    answer: Answer,
}

/// What the policy said, with the generation of the set that is exported.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Refused,
    /// The set leaves room in a message for any route.
    Exported(AttributeHandle, u32),
    /// It may not leave room for a route.
    Long(AttributeHandle, u32),
}

/// A route as far as it matters to whether it is exported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExportedRoute {
    pub(crate) prefix: Prefix,
    /// How long it is in a message.
    pub(crate) nlri_octets: usize,
}

/// Why the group is not sent a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotSent {
    /// Rules or filters refuse it.
    Refused,
    /// It does not fit into a message (RFC 4271 §9.2, RFC 8654 §4).
    TooLong,
}

/// No NLRI is longer: a path id, the length, and an address of IPv6.
const LONGEST_NLRI_OCTETS: usize = 4 + 1 + 16;

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
    pub(crate) fn new(policy: ExportPolicy, filter: FilterChain, encoder: UpdateEncoder) -> Self {
        let looks_at_facts = filter.looks_at_facts();
        Self { policy, filter, encoder, looks_at_facts, memo: Vec::new() }
    }

    /// The same rules, with nothing remembered.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.policy.clone(), self.filter.clone(), self.encoder)
    }

    /// Forgets what was said of attribute sets: it may have depended on what is otherwise now.
    pub(crate) fn forget(&mut self) {
        self.memo.clear();
    }

    /// The attributes that the group is sent for a path, with a reference for the caller.
    pub(crate) fn export(
        &mut self,
        store: &mut AttributeStore,
        route: ExportedRoute,
        handle: AttributeHandle,
        source: &Source,
    ) -> Result<AttributeHandle, NotSent> {
        let verdict = self.filter.evaluate(route.prefix, &self.facts(store, handle));
        if !verdict.is_accepted() {
            return Err(NotSent::Refused);
        }
        let edits = verdict.edits;
        let answer = match self.remembered(store, handle, source, edits) {
            Some(answer) => {
                answer.handle().into_iter().for_each(|exported| store.retain(exported));
                answer
            }
            None => self.transform(store, handle, source, edits),
        };
        match answer {
            Answer::Refused => Err(NotSent::Refused),
            Answer::Exported(exported, _) => Ok(exported),
            Answer::Long(exported, _) if self.fits(store, route, exported) => Ok(exported),
            Answer::Long(exported, _) => {
                store.release(exported);
                Err(NotSent::TooLong)
            }
        }
    }

    /// Why the group is not sent a path; `None` when it is.
    pub(crate) fn refusal(
        &self,
        store: &AttributeStore,
        route: ExportedRoute,
        handle: AttributeHandle,
        source: &Source,
    ) -> Option<ExportRefusal> {
        let verdict = self.filter.evaluate(route.prefix, &self.facts(store, handle));
        match self.told(store, handle, source, verdict.edits) {
            Err(refusal) => Some(refusal),
            Ok(_) if !verdict.is_accepted() => Some(ExportRefusal::Filter(verdict.to_string())),
            Ok((attributes, next_hop)) => {
                let room = self.encoder.nlri_room_octets(&attributes, next_hop, route.prefix.family());
                (room < route.nlri_octets).then_some(ExportRefusal::TooLong)
            }
        }
    }

    /// Whether a route fits into a message with attributes that are long.
    fn fits(&self, store: &AttributeStore, route: ExportedRoute, exported: AttributeHandle) -> bool {
        let attributes = &store.get(exported).attributes;
        store.next_hop(exported).is_some_and(|next_hop| {
            self.encoder.nlri_room_octets(attributes, next_hop, route.prefix.family()) >= route.nlri_octets
        })
    }

    /// The policy's former answer, while both attribute sets still are what they were.
    fn remembered(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        source: &Source,
        edits: RouteEdits,
    ) -> Option<Answer> {
        let memo = self.memo.get(handle.index())?.as_ref()?;
        if memo.generation != store.generation(handle)
            || memo.origin != Origin::of(source)
            || memo.edits.as_deref().copied().unwrap_or_default() != edits
        {
            return None;
        }
        match memo.answer {
            Answer::Refused => Some(Answer::Refused),
            Answer::Exported(exported, generation) | Answer::Long(exported, generation) => {
                (store.generation(exported) == generation).then_some(memo.answer)
            }
        }
    }

    /// The policy's answer, which is remembered, with a reference to what is exported.
    fn transform(
        &mut self,
        store: &mut AttributeStore,
        handle: AttributeHandle,
        source: &Source,
        edits: RouteEdits,
    ) -> Answer {
        let answer = match self.told(store, handle, source, edits) {
            Err(_) => Answer::Refused,
            Ok((attributes, next_hop)) => self.exported(store, attributes, next_hop),
        };
        if self.memo.len() <= handle.index() {
            self.memo.resize(handle.index() + 1, None);
        }
        self.memo[handle.index()] = Some(Memo {
            origin: Origin::of(source),
            edits: (!edits.is_empty()).then(|| Box::new(edits)),
            generation: store.generation(handle),
            answer,
        });
        answer
    }

    fn exported(&self, store: &mut AttributeStore, attributes: PathAttributes, next_hop: NextHop) -> Answer {
        // In IPv4 the next hop takes less room than anywhere in IPv6.
        let room = self.encoder.nlri_room_octets(&attributes, next_hop, Family::IPV6_UNICAST);
        let exported = store.intern(attributes, Some(next_hop));
        let generation = store.generation(exported);
        if room < LONGEST_NLRI_OCTETS {
            Answer::Long(exported, generation)
        } else {
            Answer::Exported(exported, generation)
        }
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

impl Answer {
    fn handle(self) -> Option<AttributeHandle> {
        match self {
            Self::Refused => None,
            Self::Exported(exported, _) | Self::Long(exported, _) => Some(exported),
        }
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
