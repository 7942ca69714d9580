//! The next hops in use, their reachability, and the prefixes that depend on each.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;

use bgp_codec::{NextHop, Prefix};
use roaring::RoaringBitmap;

use super::{Way, WayChange};
use crate::containers::{LongestMatch, address_range};
use crate::family::{FamilyIndex, PerFamily};
use crate::index::{EntryIndex, PeerIndex};

/// Names a next hop of a [`NextHopTable`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NextHopIndex(u32);

impl NextHopIndex {
    /// The next hop of routes that this speaker originates: itself, with whatever address a peer has for it.
    pub(crate) const OWN: Self = Self(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// How the reachability of a next hop is decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NextHopResolution {
    /// All are reachable: the speaker forwards nothing itself (a route reflector without a kernel).
    Assumed,
    /// Those that the kernel has a route to.
    Kernel,
}

/// All next hops in use, reference counted.
#[derive(Debug)]
pub(crate) struct NextHopTable {
    resolution: NextHopResolution,
    /// The ways that the kernel's own routes lead.
    ways: LongestMatch<Way>,
    by_network: BTreeMap<IpAddr, BTreeSet<NextHop>>,
    /// First and last address of the prefixes whose way has changed, and whose next hops are to be looked at.
    unresolved: VecDeque<(IpAddr, IpAddr)>,
    /// Index 0 stands for this speaker.
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_address: HashMap<NextHop, NextHopIndex>,
    newly_set_here: Vec<NextHop>,
}

#[derive(Debug)]
struct Slot {
    next_hop: NextHop,
    references: u32,
    /// Cost to reach it; `None` if it is unreachable.
    cost: Option<u32>,
    announced: Announced,
    /// Whether paths have led over it that no peer announced so: static routes, and routes of which a filter set the next hop.
    is_set_here: bool,
    /// The entries with a path over this next hop. Empty if all next hops are assumed reachable.
    entries: PerFamily<RoaringBitmap>,
}

/// Peers that have announced routes over a next hop while it was in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Announced {
    ByNobody,
    By(PeerIndex),
    BySeveral,
}

impl NextHopTable {
    pub(crate) fn new(resolution: NextHopResolution) -> Self {
        Self {
            resolution,
            ways: LongestMatch::default(),
            by_network: BTreeMap::new(),
            unresolved: VecDeque::new(),
            slots: vec![None],
            free: Vec::new(),
            by_address: HashMap::new(),
            newly_set_here: Vec::new(),
        }
    }

    /// The next hop's index, with one more reference.
    pub(crate) fn intern(&mut self, next_hop: NextHop) -> NextHopIndex {
        if let Some(&index) = self.by_address.get(&next_hop) {
            self.retain(index);
            return index;
        }
        let slot = Slot {
            next_hop,
            references: 1,
            cost: self.resolve(next_hop),
            announced: Announced::ByNobody,
            is_set_here: false,
            entries: PerFamily::default(),
        };
        let index = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = Some(slot);
                NextHopIndex(number)
            }
            None => {
                self.slots.push(Some(slot));
                NextHopIndex(
                    u32::try_from(self.slots.len() - 1).expect("memory ends long before the numbers"),
                )
            }
        };
        self.by_address.insert(next_hop, index);
        self.by_network.entry(next_hop.address()).or_default().insert(next_hop);
        index
    }

    pub(crate) fn retain(&mut self, index: NextHopIndex) {
        if let Some(slot) = &mut self.slots[index.index()] {
            slot.references += 1;
        }
    }

    pub(crate) fn release(&mut self, index: NextHopIndex) {
        let Some(slot) = &mut self.slots[index.index()] else { return };
        slot.references -= 1;
        if slot.references == 0 {
            let next_hop = slot.next_hop;
            self.by_address.remove(&next_hop);
            if let Some(sharing) = self.by_network.get_mut(&next_hop.address()) {
                sharing.remove(&next_hop);
                if sharing.is_empty() {
                    self.by_network.remove(&next_hop.address());
                }
            }
            self.slots[index.index()] = None;
            self.free.push(index.0);
        }
    }

    /// Notes that a peer announces routes over the next hop. `is_up` returns whether another peer's session
    /// is up.
    pub(crate) fn on_announced(
        &mut self,
        index: NextHopIndex,
        peer: PeerIndex,
        is_up: impl Fn(PeerIndex) -> bool,
    ) {
        let Some(slot) = &mut self.slots[index.index()] else { return };
        slot.announced = match slot.announced {
            Announced::By(other) if other != peer && is_up(other) => Announced::BySeveral,
            Announced::ByNobody | Announced::By(_) => Announced::By(peer),
            Announced::BySeveral => Announced::BySeveral,
        };
    }

    /// Notes that a path leads over the next hop that no peer announced so.
    pub(crate) fn on_set_here(&mut self, index: NextHopIndex) {
        if let Some(slot) = self.slots[index.index()].as_mut().filter(|slot| !slot.is_set_here) {
            slot.is_set_here = true;
            if self.resolution == NextHopResolution::Kernel {
                self.newly_set_here.push(slot.next_hop);
            }
        }
    }

    /// The next hops that paths lead over since the last call which no peer announced so.
    pub(crate) fn take_newly_set_here(&mut self) -> Vec<NextHop> {
        std::mem::take(&mut self.newly_set_here)
    }

    /// The next hops over which only this peer has announced routes, and that no route has for another reason.
    pub(crate) fn announced_only_by(&self, peer: PeerIndex) -> impl Iterator<Item = NextHop> + '_ {
        let slots = self.slots.iter().flatten();
        slots
            .filter(move |slot| slot.announced == Announced::By(peer) && !slot.is_set_here)
            .map(|slot| slot.next_hop)
    }

    /// The next hops in use, each with the state that depends on it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = impl fmt::Debug> {
        (0..).map(NextHopIndex).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.as_ref()?)))
    }

    /// The next hops in use, with the number of references to each.
    pub(crate) fn references(&self) -> impl Iterator<Item = (NextHopIndex, u32)> {
        let slots = (0..).map(NextHopIndex).zip(&self.slots);
        slots.filter_map(|(index, slot)| Some((index, slot.as_ref()?.references)))
    }

    /// First and last address of the prefixes whose next hops are to be looked at.
    pub(crate) fn unresolved(&self) -> impl Iterator<Item = &(IpAddr, IpAddr)> {
        self.unresolved.iter()
    }

    /// The ways that the kernel's own routes lead, in the order of their prefixes.
    pub(crate) fn sorted_ways(&self) -> BTreeMap<Prefix, Way> {
        self.ways.iter().map(|(prefix, &way)| (prefix, way)).collect()
    }

    /// The address; `None` for this speaker.
    pub(crate) fn address(&self, index: NextHopIndex) -> Option<NextHop> {
        self.slots[index.index()].as_ref().map(|slot| slot.next_hop)
    }

    /// Cost to reach the next hop; `None` if it is unreachable.
    pub(crate) fn cost(&self, index: NextHopIndex) -> Option<u32> {
        self.slots[index.index()].as_ref().map_or(Some(0), |slot| slot.cost)
    }

    /// Whether paths are indexed by next hop, because its reachability can change.
    pub(crate) fn tracks_entries(&self) -> bool {
        self.resolution == NextHopResolution::Kernel
    }

    pub(crate) fn add_entry(&mut self, family: FamilyIndex, index: NextHopIndex, entry: EntryIndex) {
        if let Some(slot) = &mut self.slots[index.index()] {
            slot.entries[family].insert(entry.0);
        }
    }

    pub(crate) fn remove_entry(&mut self, family: FamilyIndex, index: NextHopIndex, entry: EntryIndex) {
        if let Some(slot) = &mut self.slots[index.index()] {
            slot.entries[family].remove(entry.0);
        }
    }

    /// Sets the way that leads to a prefix. The next hops inside it are looked at by
    /// [`resolve_some`](Self::resolve_some).
    pub(crate) fn set_way(&mut self, change: &WayChange) {
        match change.way {
            Some(way) => self.ways.insert(change.prefix, way),
            None => self.ways.remove(change.prefix),
        };
        self.unresolved.push_back(address_range(change.prefix));
    }

    /// Looks at about `limit` next hops whose ways have changed. Returns the entries that have to be decided
    /// again: those whose next hops have another cost now.
    pub(crate) fn resolve_some(&mut self, limit: usize) -> PerFamily<RoaringBitmap> {
        let mut affected = PerFamily::<RoaringBitmap>::default();
        let mut left = limit;
        while left > 0
            && let Some((first, last)) = self.unresolved.pop_front()
        {
            let mut networks = self.by_network.range(first..=last);
            let part: Vec<NextHop> =
                networks.by_ref().take(left).flat_map(|(_, hops)| hops).copied().collect();
            if let Some((&next, _)) = networks.next() {
                self.unresolved.push_front((next, last));
            }
            left = left.saturating_sub(part.len().max(1));
            part.into_iter().for_each(|next_hop| self.resolve_again(next_hop, &mut affected));
        }
        affected
    }

    /// Whether next hops are to be looked at, as their ways have changed.
    pub(crate) fn has_unresolved(&self) -> bool {
        !self.unresolved.is_empty()
    }

    fn resolve_again(&mut self, next_hop: NextHop, affected: &mut PerFamily<RoaringBitmap>) {
        let cost = self.resolve(next_hop);
        let Some(index) = self.by_address.get(&next_hop) else { return };
        let Some(slot) = self.slots[index.index()].as_mut().filter(|slot| slot.cost != cost) else { return };
        slot.cost = cost;
        for (family, entries) in slot.entries.iter() {
            affected[family] |= entries;
        }
    }

    fn resolve(&self, next_hop: NextHop) -> Option<u32> {
        match self.resolution {
            NextHopResolution::Assumed => Some(0),
            NextHopResolution::Kernel => match self.ways.around(next_hop.address()).next()? {
                (_, Way::Through { cost }) => Some(*cost),
                (_, Way::Nowhere) => None,
            },
        }
    }
}
