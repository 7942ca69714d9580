//! Interned attribute sets: the same octets are stored once, for the whole Rib.

use std::hash::{BuildHasher, Hash, Hasher};
use std::num::NonZeroU8;
use std::ops::BitXor;
use std::sync::Arc;

use bgp_codec::{AttributeView, Community, Family, NextHop, PathAttributes};
use foldhash::fast::FixedState;
use margay_filter::{LocalValues, NextHopEdit, RouteEdits, RoutePath, RouteSource};

use crate::containers::{Blank, HashIndex, ShortHash, Slots, SparseVec};
use crate::next_hops::{NextHopIndex, NextHopResolution, NextHopTable};
use crate::options::{Discard, LinkName, RoutePurpose};

/// A path's attributes together with its next hop: what two routes share when they are sent in one UPDATE.
#[derive(Clone, Debug)]
pub(crate) struct AttributeSet {
    pub(crate) attributes: PathAttributes,
    pub(crate) next_hop: NextHopIndex,
    /// Whether the community LLGR_STALE is among the attributes.
    pub(crate) is_long_lived_stale: bool,
    pub(crate) values: PathValues,
}

impl AttributeSet {
    fn new(attributes: PathAttributes, next_hop: NextHopIndex, values: PathValues) -> Self {
        let is_long_lived_stale =
            attributes.communities().any(|community| community == Community::LLGR_STALE);
        Self { attributes, next_hop, is_long_lived_stale, values }
    }
}

/// Local properties of a path, never advertised.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct PathValues {
    /// Compared before every step of BGP; the highest wins.
    pub(crate) preference: u32,
    /// Metric in the kernel: that of an imported kernel route, or the value set by a filter.
    pub(crate) metric: Option<u32>,
    /// Whether a network that is announced instead covers the route.
    pub(crate) is_covered: bool,
    /// Values that few paths have; `None` stands for [`RareValues::default`].
    pub(crate) rare: Option<Arc<RareValues>>,
}

/// Local properties that few paths have, kept apart so that the others stay small.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct RareValues {
    /// Compared after the preference; the highest wins.
    pub(crate) weight: u32,
    /// The operator's mark, set and read by filters only.
    pub(crate) tag: Option<u32>,
    /// How packets are discarded: by a static route, or because a filter says so (RFC 7999).
    pub(crate) discard: Option<Discard>,
    /// Outgoing interface of an imported kernel route.
    pub(crate) interface: Option<Arc<str>>,
    /// The link of the next hop, where it does not follow from the kernel's routes: the operator names it, or the
    /// next hop is link-local.
    pub(crate) link: Option<LinkName>,
    /// The share of a static route's next hop in the traffic; `None` is 1.
    pub(crate) share: Option<NonZeroU8>,
    /// What a static route is for.
    pub(crate) purpose: RoutePurpose,
    /// Whether it is kept from a session that ended. Marked only where a filter asks.
    pub(crate) is_stale: bool,
}

impl PathValues {
    /// Values of a route learned from a peer.
    pub(crate) const LEARNED: Self =
        Self { preference: LEARNED_PREFERENCE, metric: None, is_covered: false, rare: None };
    /// Values of a network that this speaker originates.
    pub(crate) const ORIGINATED: Self = Self { preference: ORIGINATED_PREFERENCE, ..Self::LEARNED };
    /// Values of a route imported from the kernel.
    pub(crate) const IMPORTED: Self = Self { preference: IMPORTED_PREFERENCE, ..Self::LEARNED };

    /// Compared after the preference; the highest wins.
    pub(crate) fn weight(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.weight)
    }

    /// How packets are discarded, if they are.
    pub(crate) fn discard(&self) -> Option<Discard> {
        self.rare.as_ref().and_then(|rare| rare.discard)
    }

    /// The link of the next hop, where it does not follow from the kernel's routes.
    pub(crate) fn link(&self) -> Option<LinkName> {
        self.rare.as_ref().and_then(|rare| rare.link)
    }

    /// The share of the next hop in the traffic.
    pub(crate) fn share(&self) -> u8 {
        self.rare.as_ref().and_then(|rare| rare.share).map_or(1, NonZeroU8::get)
    }

    /// What the route is for.
    pub(crate) fn purpose(&self) -> RoutePurpose {
        self.rare.as_ref().map_or(RoutePurpose::Both, |rare| rare.purpose)
    }

    /// Whether it is marked as kept from a session that ended.
    pub(crate) fn is_stale(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.is_stale)
    }

    /// The operator's mark.
    pub(crate) fn tag(&self) -> Option<u32> {
        self.rare.as_ref().and_then(|rare| rare.tag)
    }

    /// Outgoing interface of an imported kernel route.
    pub(crate) fn interface(&self) -> Option<&str> {
        self.rare.as_ref().and_then(|rare| rare.interface.as_deref())
    }

    /// The same values with other rare ones.
    pub(crate) fn with_rare(self, rare: RareValues) -> Self {
        let rare = (rare != RareValues::default()).then(|| Arc::new(rare));
        Self { rare, ..self }
    }

    /// The values with a filter's edits applied.
    fn edited(&self, edits: &RouteEdits) -> Self {
        let local = edits.applied_to_local(self.local());
        let rare = RareValues {
            weight: local.weight,
            tag: local.tag,
            discard: if edits.blackhole { Some(Discard::Blackhole) } else { self.discard() },
            link: edits.link.as_deref().and_then(|link| link.parse().ok()).or_else(|| self.link()),
            ..self.rare.as_deref().cloned().unwrap_or_default()
        };
        let (preference, metric) = (local.preference, local.metric);
        Self { preference, metric, is_covered: self.is_covered, rare: None }.with_rare(rare)
    }

    /// The part that filters can read.
    pub(crate) fn local(&self) -> LocalValues {
        LocalValues {
            preference: self.preference,
            weight: self.weight(),
            metric: self.metric,
            tag: self.tag(),
        }
    }
}

const LEARNED_PREFERENCE: u32 = 100;
const IMPORTED_PREFERENCE: u32 = 150;
const ORIGINATED_PREFERENCE: u32 = 200;

/// Names an interned [`AttributeSet`]. Two paths have equal attributes exactly when their handles are equal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct AttributeHandle(u32);

impl AttributeHandle {
    /// The highest number of a handle; the numbers above it are free for other meanings.
    pub(crate) const MAX: u32 = u32::MAX - 256;

    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        (raw <= Self::MAX).then_some(Self(raw))
    }

    pub(crate) fn raw(self) -> u32 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The interned sets, reference counted.
///
/// Every handle that is kept holds one reference: taken by [`intern`](Self::intern) or
/// [`retain`](Self::retain), given back by [`release`](Self::release). A set is freed with its last
/// reference.
#[derive(Debug)]
pub(crate) struct AttributeStore {
    pub(crate) next_hops: NextHopTable,
    slots: Slots<AttributeSet>,
    /// Reference count and hash of each slot. They are read for every path, and so are stored apart from the
    /// larger sets.
    uses: SparseVec<Use>,
    /// Generation of the set that was stored last.
    generation: u32,
    index: HashIndex,
    hasher: FixedState,
    /// Scratch buffer in which the octets of a received set are assembled for a look-up.
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    hash: ShortHash,
    references: u32,
    /// Number of the set among all that were ever stored.
    generation: u32,
}

impl Blank for Use {
    const BLANK: Self = Self { hash: ShortHash::BLANK, references: 0, generation: 0 };

    fn is_blank(&self) -> bool {
        self.references == 0
    }
}

impl AttributeStore {
    pub(crate) fn new(hash_seed: u64, resolution: NextHopResolution) -> Self {
        Self {
            next_hops: NextHopTable::new(resolution),
            slots: Slots::default(),
            uses: SparseVec::default(),
            generation: 0,
            index: HashIndex::new(),
            hasher: FixedState::with_seed(hash_seed),
            buffer: Vec::new(),
        }
    }

    /// Returns the handle of these attributes with this next hop (`None`: this speaker), with one more
    /// reference.
    pub(crate) fn intern(
        &mut self,
        attributes: PathAttributes,
        next_hop: Option<NextHop>,
    ) -> AttributeHandle {
        self.intern_with(attributes, next_hop, PathValues::LEARNED)
    }

    /// [`intern`](Self::intern) for the attributes of a message, which are copied only if the set is new.
    pub(crate) fn intern_received(
        &mut self,
        attributes: AttributeView<'_>,
        next_hop: NextHop,
    ) -> AttributeHandle {
        let next_hop = self.next_hops.intern(next_hop);
        let mut buffer = std::mem::take(&mut self.buffer);
        let octets = attributes.canonical_octets(&mut buffer);
        let key = SetKey { octets, next_hop, values: &PathValues::LEARNED };
        let hash = self.hash(&key);
        let known = self.known(hash, &key);
        self.buffer = buffer;
        known.unwrap_or_else(|| {
            let attributes = attributes.to_path_attributes();
            self.insert(hash, AttributeSet::new(attributes, next_hop, PathValues::LEARNED))
        })
    }

    /// [`intern`](Self::intern) for a path with local properties of its own.
    pub(crate) fn intern_with(
        &mut self,
        attributes: PathAttributes,
        next_hop: Option<NextHop>,
        values: PathValues,
    ) -> AttributeHandle {
        let next_hop = next_hop.map_or(NextHopIndex::OWN, |next_hop| self.next_hops.intern(next_hop));
        let key = SetKey { octets: attributes.octets(), next_hop, values: &values };
        let hash = self.hash(&key);
        match self.known(hash, &key) {
            Some(handle) => handle,
            None => self.insert(hash, AttributeSet::new(attributes, next_hop, values)),
        }
    }

    /// Returns the handle of the set that equals `key`, with one more reference. The reference that the key
    /// holds to its next hop is given back.
    fn known(&mut self, hash: ShortHash, key: &SetKey<'_>) -> Option<AttributeHandle> {
        let is_wanted = |number: u32| self.slots.get(number).is_some_and(|set| key.is_of(set));
        let number = self.index.find(hash, is_wanted)?;
        self.retain(AttributeHandle(number));
        self.next_hops.release(key.next_hop);
        Some(AttributeHandle(number))
    }

    /// Stores a new set, with one reference.
    fn insert(&mut self, hash: ShortHash, set: AttributeSet) -> AttributeHandle {
        let number = self.slots.insert(set);
        assert!(
            number <= AttributeHandle::MAX,
            "memory ends long before four thousand million attribute sets"
        );
        self.generation = self.generation.wrapping_add(1);
        self.uses.set(number as usize, Use { hash, references: 1, generation: self.generation });
        self.index.insert(hash, number);
        AttributeHandle(number)
    }

    pub(crate) fn retain(&mut self, handle: AttributeHandle) {
        self.used(handle).references += 1;
    }

    /// Gives a reference back.
    pub(crate) fn release(&mut self, handle: AttributeHandle) {
        let usage = self.used(handle);
        if usage.references > 1 {
            usage.references -= 1;
        } else {
            let hash = usage.hash;
            self.forget(handle, hash);
        }
    }

    fn used(&mut self, handle: AttributeHandle) -> &mut Use {
        self.uses.get_mut(handle.index()).expect("a handle is a reference to a set")
    }

    /// Frees a set whose last reference is given back.
    fn forget(&mut self, handle: AttributeHandle, hash: ShortHash) {
        let set = self.slots.remove(handle.0).expect("a counted slot holds a set");
        self.index.remove(hash, handle.0);
        self.uses.set(handle.index(), Use::BLANK);
        self.next_hops.release(set.next_hop);
    }

    /// Reads the memory that comparing these sets will need, to have it in the cache by then.
    pub(crate) fn touch(&self, handles: impl Iterator<Item = AttributeHandle>) {
        let read = |handle| {
            let set = self.get(handle);
            set.values.preference ^ set.attributes.as_path_length()
        };
        std::hint::black_box(handles.map(read).fold(0, BitXor::bitxor));
    }

    /// [`touch`](Self::touch) for sets that may lose their last reference.
    pub(crate) fn touch_whole(&self, handles: impl Iterator<Item = AttributeHandle>) {
        let mut handles: Vec<AttributeHandle> = handles.collect();
        handles.dedup();
        self.touch(handles.iter().copied());
        self.index.touch(handles.iter().map(|handle| self.uses.get(handle.index()).hash));
        let octets = handles.iter().filter_map(|&handle| self.get(handle).attributes.octets().first());
        std::hint::black_box(octets.fold(0, BitXor::bitxor));
    }

    pub(crate) fn get(&self, handle: AttributeHandle) -> &AttributeSet {
        self.slots.get(handle.0).expect("a handle is a reference to a set")
    }

    /// Returns the handle of a set with a filter's edits applied, with one more reference.
    pub(crate) fn edited(&mut self, handle: AttributeHandle, edits: &RouteEdits) -> AttributeHandle {
        let set = self.get(handle);
        let (attributes, values) = (edits.applied_to(&set.attributes), set.values.edited(edits));
        let next_hop = match edits.next_hop {
            Some(NextHopEdit::Address(next_hop)) => Some(next_hop),
            // Both only concern what is advertised to peers.
            Some(NextHopEdit::OwnAddress | NextHopEdit::Keep) | None => self.next_hop(handle),
        };
        let is_set = next_hop != self.next_hop(handle);
        let edited = self.intern_with(attributes, next_hop, values);
        if is_set {
            self.on_next_hop_set_here(edited);
        }
        edited
    }

    /// Notes that the next hop of a set is not one that a peer announced with it.
    pub(crate) fn on_next_hop_set_here(&mut self, handle: AttributeHandle) {
        let next_hop = self.get(handle).next_hop;
        self.next_hops.on_set_here(next_hop);
    }

    /// Returns the handle of a set with the community LLGR_STALE added, with one more reference.
    pub(crate) fn with_long_lived_stale(&mut self, handle: AttributeHandle) -> AttributeHandle {
        let set = self.get(handle);
        let mut builder = set.attributes.to_builder();
        builder.communities.push(Community::LLGR_STALE);
        let (values, next_hop) = (set.values.clone(), self.next_hop(handle));
        self.intern_with(builder.build(), next_hop, values)
    }

    /// Returns the handle of a set marked as kept from a session that ended, with one more reference.
    pub(crate) fn marked_stale(&mut self, handle: AttributeHandle) -> AttributeHandle {
        let set = self.get(handle);
        let rare = set.values.rare.as_deref().cloned().unwrap_or_default();
        let values = set.values.clone().with_rare(RareValues { is_stale: true, ..rare });
        let (attributes, next_hop) = (set.attributes.clone(), self.next_hop(handle));
        self.intern_with(attributes, next_hop, values)
    }

    /// A path with this set, as filters see it.
    pub(crate) fn route_path<'a>(
        &'a self,
        handle: AttributeHandle,
        family: Family,
        source: RouteSource<'a>,
    ) -> RoutePath<'a> {
        let set = self.get(handle);
        RoutePath {
            family,
            attributes: &set.attributes,
            next_hop: self.next_hop(handle),
            local: set.values.local(),
            source,
            interface: set.values.interface(),
            is_stale: set.values.is_stale(),
        }
    }

    /// The next hop of the set; `None` for this speaker.
    pub(crate) fn next_hop(&self, handle: AttributeHandle) -> Option<NextHop> {
        self.next_hops.address(self.get(handle).next_hop)
    }

    /// Whether both sets have the same next hop.
    pub(crate) fn same_next_hop(&self, one: AttributeHandle, other: AttributeHandle) -> bool {
        self.get(one).next_hop == self.get(other).next_hop
    }

    /// Distinguishes the sets that had the same handle one after another.
    pub(crate) fn generation(&self, handle: AttributeHandle) -> u32 {
        self.uses.get(handle.index()).generation
    }

    /// Whether a handle still names the set that it named in this generation, also where that set may be gone.
    pub(crate) fn is_of_generation(&self, handle: AttributeHandle, generation: u32) -> bool {
        let usage = self.uses.get(handle.index());
        usage.references > 0 && usage.generation == generation
    }

    /// The interned sets, each with its number of references.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AttributeHandle, &AttributeSet, u32)> {
        let sets = self.slots.iter_from(0);
        sets.map(|(number, set)| (AttributeHandle(number), set, self.uses.get(number as usize).references))
    }

    /// A number that is higher than those of all sets.
    pub(crate) fn end(&self) -> usize {
        self.slots.end() as usize
    }

    /// Free numbers, see [`Slots::iter_free`].
    pub(crate) fn iter_free(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots.iter_free()
    }

    /// Number of interned sets.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    fn hash(&self, key: &SetKey<'_>) -> ShortHash {
        let mut state = self.hasher.build_hasher();
        state.write(key.octets);
        key.next_hop.hash(&mut state);
        key.values.hash(&mut state);
        state.finish().into()
    }
}

/// The values that identify a set.
struct SetKey<'a> {
    /// The canonical octets of the attributes.
    octets: &'a [u8],
    next_hop: NextHopIndex,
    values: &'a PathValues,
}

impl SetKey<'_> {
    fn is_of(&self, set: &AttributeSet) -> bool {
        set.attributes.octets() == self.octets && set.next_hop == self.next_hop && set.values == *self.values
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{
        AsWidth, DecodeContext, Ipv4Prefix, Message, Nlri, Origin, PathAttributesBuilder, PeerKind, Update,
        UpdateEncoder, decode_message,
    };
    use bytes::BytesMut;

    use super::*;

    /// An UPDATE with these attributes as a peer with such AS numbers sends it.
    fn received(attributes: &PathAttributes, next_hop: NextHop, as_width: AsWidth) -> Update {
        let encoder = UpdateEncoder { as_width, max_message_octets: 4096, add_path: false };
        let mut out = BytesMut::new();
        let nlri = [Nlri::new(Ipv4Prefix::truncating([10, 65, 1, 0].into(), 26))];
        encoder.reach(&mut out, attributes, next_hop, nlri).unwrap();
        match decode_message(out.freeze(), &DecodeContext::new(PeerKind::Ibgp, as_width)) {
            Ok(Message::Update(update)) => update,
            other => panic!("not an UPDATE: {other:?}"),
        }
    }

    #[test]
    fn a_set_is_the_same_however_it_came() {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.as_path = "65001 4200000000".parse().unwrap();
        builder.local_pref = Some(100);
        let attributes = builder.build();
        let [near, far] = [1, 2].map(|host| NextHop::Ipv4([10, 0, 0, host].into()));
        let mut store = AttributeStore::new(7, NextHopResolution::Assumed);

        let own = store.intern(attributes.clone(), Some(near));
        for as_width in [AsWidth::Four, AsWidth::Two] {
            let update = received(&attributes, near, as_width);
            assert_eq!(store.intern_received(update.attributes().unwrap(), near), own, "{as_width:?}");
        }
        let update = received(&attributes, far, AsWidth::Four);
        let other = store.intern_received(update.attributes().unwrap(), far);
        assert_ne!(other, own);
        assert_eq!((store.len(), store.next_hop(other)), (2, Some(far)));
        assert_eq!(store.get(other).attributes, attributes);

        store.release(other);
        (0..3).for_each(|_| store.release(own));
        assert_eq!(store.len(), 0, "as many references as there were calls");
    }
}
