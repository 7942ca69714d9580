//! Verdicts of a group's export policy and filter, cached by attribute set.

use bgp_codec::{Community, Family, NextHop, PathAttributes, Prefix, UpdateEncoder};
use margay_filter::{FilterChain, Halfway, RouteEdits, RouteSource, Trace, Verdict};

use super::export::ExportPolicy;
use super::refusal::ExportRefusal;
use crate::attributes::{AttributeHandle, AttributeStore};
use crate::index::{PeerIndex, SourceIndex};
use crate::options::RoutePurpose;
use crate::paths::{LearnedFrom, Source};
use crate::peers::Peers;
use crate::shared::Shared;
use crate::validation::OriginValidation;

/// The rules of a group, and their verdicts on the attribute sets seen so far.
#[derive(Debug)]
pub(crate) struct ExportRules {
    policy: ExportPolicy,
    filter: FilterChain,
    /// Encoder of the group's messages, which decides whether a route fits into one.
    encoder: UpdateEncoder,
    memo: Vec<Option<Memo>>,
    /// First half of the filter's verdict on the last attribute set, if the rest depends on the prefix: the
    /// same set comes many times in a row.
    last: Option<LastSet>,
    /// The verdict on the last route, if a rule logs it.
    logged: Option<Verdict>,
}

/// The verdict on one attribute set, kept while both sets exist.
#[derive(Clone, Debug)]
struct Memo {
    origin: Origin,
    /// Edits of the filter, which may differ by prefix. Usually none, which takes no memory.
    edits: Option<Box<RouteEdits>>,
    generation: u32,
    answer: Answer,
}

/// Verdict of filter and policy, with the generation of the exported set.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Refused,
    /// The set leaves room in a message for any route.
    Exported(AttributeHandle, u32),
    /// The set may not leave room for a route.
    Long(AttributeHandle, u32),
}

/// First half of the filter's verdict on an attribute set.
#[derive(Debug)]
struct LastSet {
    handle: AttributeHandle,
    generation: u32,
    origin: Origin,
    halfway: Halfway,
}

/// The properties of a route that decide whether it is exported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExportedRoute {
    pub(crate) prefix: Prefix,
    /// Length of its NLRI in a message, in octets.
    pub(crate) nlri_octets: usize,
}

/// Why a route is not sent to the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotSent {
    /// Rules or filters refuse it.
    Refused,
    /// It does not fit into a message (RFC 4271 §9.2, RFC 8654 §4).
    TooLong,
}

/// Memory for fewer verdicts is not freed.
const FEW: usize = 1024;

/// Verdicts whose memory is freed in one step.
const TRIMMED_AT_ONCE: usize = 16_384;

/// Length of the longest NLRI: a path identifier, the prefix length, and an IPv6 address.
const LONGEST_NLRI_OCTETS: usize = 4 + 1 + 16;

/// The properties of a path's source that the verdict depends on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    Local,
    /// The kernel, if the filter matches the source.
    Kernel,
    /// A static route, if the filter matches the source.
    Static,
    External,
    Confederation,
    /// The session itself: its identifier may become the ORIGINATOR_ID, or the filter matches it.
    Peer(PeerIndex),
}

impl ExportRules {
    /// Filters with equal contents decide alike, so the filter of any member serves.
    pub(crate) fn new(policy: ExportPolicy, filter: FilterChain, encoder: UpdateEncoder) -> Self {
        Self { policy, filter, encoder, memo: Vec::new(), last: None, logged: None }
    }

    /// The same rules without cached verdicts.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.policy.clone(), self.filter.clone(), self.encoder)
    }

    /// The verdict on the last route as text, if a rule logs it.
    pub(crate) fn take_logged(&mut self) -> Option<impl FnOnce() -> String + use<>> {
        let (verdict, filter) = (self.logged.take()?, self.filter.clone());
        Some(move || filter.logged(&verdict).unwrap_or_default())
    }

    /// Whether the filter has to be evaluated for each route of an attribute set.
    fn asks_about_each(&self) -> bool {
        self.filter.looks_at_prefix() || self.filter.logs()
    }

    /// Frees a part of the memory for verdicts on attribute sets that are gone, while it is most of it.
    pub(crate) fn trim(&mut self, store: &AttributeStore) {
        let capacity = self.memo.capacity();
        if capacity > 4 * store.end() + FEW {
            let kept = store.end().max(capacity.saturating_sub(TRIMMED_AT_ONCE));
            self.memo.truncate(kept);
            self.memo.shrink_to(kept);
        }
    }

    /// Whether the filter asks for the result of origin validation.
    pub(crate) fn looks_at_rpki(&self) -> bool {
        self.filter.looks_at_rpki()
    }

    /// Drops the cached verdicts, because something else that they depend on has changed.
    pub(crate) fn forget(&mut self) {
        self.memo.clear();
        self.last = None;
    }

    /// The attributes with which a path is exported, with a reference for the caller.
    pub(crate) fn export(
        &mut self,
        store: &mut AttributeStore,
        (peers, validation): (&Peers, &OriginValidation),
        route: ExportedRoute,
        handle: AttributeHandle,
        (index, source): (SourceIndex, &Source),
    ) -> Result<AttributeHandle, NotSent> {
        match self.answer(store, (peers, validation), route.prefix, handle, (index, source)) {
            Answer::Refused => Err(NotSent::Refused),
            Answer::Exported(exported, _) => Ok(exported),
            Answer::Long(exported, _) if self.fits(store, route, exported) => Ok(exported),
            Answer::Long(exported, _) => {
                store.release(exported);
                Err(NotSent::TooLong)
            }
        }
    }

    /// Verdict of filter and policy on a path, with a reference for the caller.
    fn answer(
        &mut self,
        store: &mut AttributeStore,
        (peers, validation): (&Peers, &OriginValidation),
        prefix: Prefix,
        handle: AttributeHandle,
        (index, source): (SourceIndex, &Source),
    ) -> Answer {
        let origin = self.origin(index, source);
        if is_default_route(store, handle) {
            return self.transform(store, handle, (origin, source), RouteEdits::default());
        }
        let retained = |store: &mut AttributeStore, answer: Answer| {
            answer.handle().into_iter().for_each(|exported| store.retain(exported));
            answer
        };
        if !self.asks_about_each()
            && let Some((_, answer)) = self.remembered(store, handle, origin)
        {
            return retained(store, answer);
        }
        let from = peers.route_source(index, source);
        let verdict = self.verdict((store, validation), prefix, handle, origin, from);
        self.logged = verdict.logged_by.is_some().then(|| verdict.clone());
        if !verdict.is_accepted() {
            // If the filter matches prefixes, it may accept others with this set.
            if !self.asks_about_each() {
                self.remember(store, handle, origin, RouteEdits::default(), Answer::Refused);
            }
            return Answer::Refused;
        }
        let edits = verdict.edits;
        match self.remembered(store, handle, origin) {
            Some((known, answer)) if known.map_or(edits.is_empty(), |known| *known == edits) => {
                retained(store, answer)
            }
            Some(_) | None => self.transform(store, handle, (origin, source), edits),
        }
    }

    /// Why a path is not exported; `None` if it is.
    pub(crate) fn refusal(
        &self,
        shared: &Shared,
        route: ExportedRoute,
        handle: AttributeHandle,
        index: SourceIndex,
    ) -> Option<ExportRefusal> {
        let Shared { store, peers, sources, validation, .. } = shared;
        let (source, family) = (sources.get(index), route.prefix.family());
        if is_default_route(store, handle) {
            return self.edited_export(store, handle, source, &RouteEdits::default()).err();
        }
        let path = store.route_path(handle, family, peers.route_source(index, source));
        let destination = validation.destination(&self.filter, route.prefix, path.attributes);
        let verdict = self.filter.evaluate(&path, &destination);
        match self.edited_export(store, handle, source, &verdict.edits) {
            Err(refusal) => Some(refusal),
            Ok(_) if !verdict.is_accepted() => {
                Some(ExportRefusal::Filter(self.filter.reason(&verdict).to_string()))
            }
            Ok((attributes, next_hop)) => {
                let room = self.encoder.nlri_room_octets(&attributes, next_hop, family);
                (room < route.nlri_octets).then_some(ExportRefusal::TooLong)
            }
        }
    }

    /// The rules that the filter evaluates for a path; `None` without a filter.
    pub(crate) fn trace<'s>(
        &'s self,
        shared: &Shared,
        prefix: Prefix,
        handle: AttributeHandle,
        index: SourceIndex,
    ) -> Option<Trace<'s>> {
        if self.filter.is_empty() {
            return None;
        }
        let Shared { store, peers, sources, validation, .. } = shared;
        let path = store.route_path(handle, prefix.family(), peers.route_source(index, sources.get(index)));
        let destination = validation.destination(&self.filter, prefix, path.attributes);
        Some(self.filter.trace(&path, &destination))
    }

    /// Whether a route fits into a message with long attributes.
    fn fits(&self, store: &AttributeStore, route: ExportedRoute, exported: AttributeHandle) -> bool {
        let attributes = &store.get(exported).attributes;
        store.next_hop(exported).is_some_and(|next_hop| {
            self.encoder.nlri_room_octets(attributes, next_hop, route.prefix.family()) >= route.nlri_octets
        })
    }

    /// The filter's verdict on a path to a prefix.
    fn verdict(
        &mut self,
        (store, validation): (&AttributeStore, &OriginValidation),
        prefix: Prefix,
        handle: AttributeHandle,
        origin: Origin,
        source: RouteSource<'_>,
    ) -> Verdict {
        let path = store.route_path(handle, prefix.family(), source);
        if !self.filter.looks_at_prefix() {
            return self.filter.evaluate(&path, &prefix.into());
        }
        let destination = validation.destination(&self.filter, prefix, path.attributes);
        let generation = store.generation(handle);
        let is_last =
            |last: &LastSet| (last.handle, last.generation, last.origin) == (handle, generation, origin);
        if !self.last.as_ref().is_some_and(is_last) {
            self.last = None;
        }
        let last = self.last.get_or_insert_with(|| {
            let halfway = self.filter.by_path(&path);
            LastSet { handle, generation, origin, halfway }
        });
        last.halfway.verdict(&self.filter, &path, &destination).clone()
    }

    /// The cached verdict with the edits that it is for, while both attribute sets are the same.
    fn remembered(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        origin: Origin,
    ) -> Option<(Option<&RouteEdits>, Answer)> {
        let memo = self.memo.get(handle.index())?.as_ref()?;
        if memo.generation != store.generation(handle) || memo.origin != origin {
            return None;
        }
        let lives = match memo.answer {
            Answer::Refused => true,
            Answer::Exported(exported, generation) | Answer::Long(exported, generation) => {
                store.is_of_generation(exported, generation)
            }
        };
        lives.then_some((memo.edits.as_deref(), memo.answer))
    }

    fn transform(
        &mut self,
        store: &mut AttributeStore,
        handle: AttributeHandle,
        (origin, source): (Origin, &Source),
        edits: RouteEdits,
    ) -> Answer {
        let answer = match self.edited_export(store, handle, source, &edits) {
            Err(_) => Answer::Refused,
            Ok((attributes, next_hop)) => self.exported(store, attributes, next_hop),
        };
        self.remember(store, handle, origin, edits, answer);
        answer
    }

    fn remember(
        &mut self,
        store: &AttributeStore,
        handle: AttributeHandle,
        origin: Origin,
        edits: RouteEdits,
        answer: Answer,
    ) {
        if self.memo.len() <= handle.index() {
            self.memo.resize(handle.index() + 1, None);
        }
        let edits = (!edits.is_empty()).then(|| Box::new(edits));
        let generation = store.generation(handle);
        self.memo[handle.index()] = Some(Memo { origin, edits, generation, answer });
    }

    fn exported(&self, store: &mut AttributeStore, attributes: PathAttributes, next_hop: NextHop) -> Answer {
        // The next hop takes less room in IPv4 than anywhere in IPv6.
        let room = self.encoder.nlri_room_octets(&attributes, next_hop, Family::IPV6_UNICAST);
        let exported = store.intern(attributes, Some(next_hop));
        let generation = store.generation(exported);
        if room < LONGEST_NLRI_OCTETS {
            Answer::Long(exported, generation)
        } else {
            Answer::Exported(exported, generation)
        }
    }

    /// The attributes and next hop with which a path is exported after a filter's edits.
    fn edited_export(
        &self,
        store: &AttributeStore,
        handle: AttributeHandle,
        source: &Source,
        edits: &RouteEdits,
    ) -> Result<(PathAttributes, NextHop), ExportRefusal> {
        let set = store.get(handle);
        if set.values.is_covered {
            return Err(ExportRefusal::MoreSpecific);
        }
        if set.values.purpose() == RoutePurpose::Install {
            return Err(ExportRefusal::InstalledOnly);
        }
        match set.values.purpose() {
            RoutePurpose::DefaultOriginate if !self.policy.sends_default_route() => {
                return Err(ExportRefusal::NotDefaultOriginate);
            }
            RoutePurpose::DefaultOriginate => {}
            _ if self.policy.is_denied() => return Err(ExportRefusal::NoFilters),
            _ => {}
        }
        let next_hop = store.next_hop(handle);
        if edits.is_empty() {
            return self.policy.transform(&set.attributes, next_hop, source.learned_from, edits);
        }
        let mut attributes = edits.applied_to(&set.attributes);
        if edits.blackhole && !attributes.communities().any(|community| community == Community::BLACKHOLE) {
            let mut builder = attributes.to_builder();
            builder.communities.push(Community::BLACKHOLE);
            attributes = builder.build();
        }
        self.policy.transform(&attributes, next_hop, source.learned_from, edits)
    }

    fn origin(&self, index: SourceIndex, source: &Source) -> Origin {
        match source.learned_from {
            LearnedFrom::Local if !self.filter.looks_at_source() => Origin::Local,
            LearnedFrom::Local => match index {
                SourceIndex::LOCAL => Origin::Local,
                SourceIndex::KERNEL => Origin::Kernel,
                _ => Origin::Static,
            },
            LearnedFrom::External | LearnedFrom::Confederation if self.filter.looks_at_source() => {
                Origin::Peer(source.peer)
            }
            LearnedFrom::External => Origin::External,
            LearnedFrom::Confederation => Origin::Confederation,
            LearnedFrom::Internal(_) => Origin::Peer(source.peer),
        }
    }
}

/// Whether these are the values of a default route for some peers, which filters do not concern.
fn is_default_route(store: &AttributeStore, handle: AttributeHandle) -> bool {
    store.get(handle).values.purpose() == RoutePurpose::DefaultOriginate
}

impl Answer {
    fn handle(self) -> Option<AttributeHandle> {
        match self {
            Self::Refused => None,
            Self::Exported(exported, _) | Self::Long(exported, _) => Some(exported),
        }
    }
}
