//! Next hops: which there are, whether they can be reached, and which prefixes hang on each.

use std::collections::HashMap;

use bgp_codec::NextHop;
use roaring::RoaringBitmap;

use crate::family::{PerFamily, RibFamily};
use crate::forwarding::ConnectedRoute;
use crate::table::EntryIndex;

/// Names a next hop of a [`NextHopTable`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NextHopIndex(u32);

impl NextHopIndex {
    /// The next hop of routes that this speaker originates: itself, whatever its address towards a peer is.
    pub(crate) const OWN: Self = Self(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// How it is decided whether a next hop can be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NextHopResolution {
    /// All can: the speaker forwards nothing itself (a route reflector without a kernel).
    Assumed,
    /// Those inside a connected subnet can.
    Connected,
}

/// All next hops in use, by reference count.
#[derive(Debug)]
pub(crate) struct NextHopTable {
    resolution: NextHopResolution,
    connected: Vec<ConnectedRoute>,
    /// Index 0 stands for ourselves.
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_address: HashMap<NextHop, NextHopIndex>,
}

#[derive(Debug)]
struct Slot {
    next_hop: NextHop,
    references: u32,
    reachable: bool,
    /// The entries with a path over this next hop. Empty where all next hops are assumed to be reachable.
    entries: PerFamily<RoaringBitmap>,
}

impl NextHopTable {
    pub(crate) fn new(resolution: NextHopResolution) -> Self {
        Self {
            resolution,
            connected: Vec::new(),
            slots: vec![None],
            free: Vec::new(),
            by_address: HashMap::new(),
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
            reachable: self.resolves(next_hop),
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
            self.by_address.remove(&slot.next_hop);
            self.slots[index.index()] = None;
            self.free.push(index.0);
        }
    }

    /// The address; `None` for ourselves.
    pub(crate) fn address(&self, index: NextHopIndex) -> Option<NextHop> {
        self.slots[index.index()].as_ref().map(|slot| slot.next_hop)
    }

    /// The cost to reach the next hop; `None` when it cannot be reached.
    pub(crate) fn cost(&self, index: NextHopIndex) -> Option<u32> {
        self.slots[index.index()].as_ref().is_none_or(|slot| slot.reachable).then_some(0)
    }

    /// Whether paths must be remembered by next hop, because its state can change.
    pub(crate) fn tracks_entries(&self) -> bool {
        self.resolution == NextHopResolution::Connected
    }

    pub(crate) fn add_entry<P: RibFamily>(&mut self, index: NextHopIndex, entry: EntryIndex) {
        if let Some(slot) = &mut self.slots[index.index()] {
            P::of_mut(&mut slot.entries).insert(entry.0);
        }
    }

    pub(crate) fn remove_entry<P: RibFamily>(&mut self, index: NextHopIndex, entry: EntryIndex) {
        if let Some(slot) = &mut self.slots[index.index()] {
            P::of_mut(&mut slot.entries).remove(entry.0);
        }
    }

    /// Takes the new set of connected subnets and answers with the entries that have to be decided again.
    pub(crate) fn set_connected(&mut self, connected: Vec<ConnectedRoute>) -> PerFamily<RoaringBitmap> {
        self.connected = connected;
        let mut affected = PerFamily::<RoaringBitmap>::default();
        let mut slots = std::mem::take(&mut self.slots);
        for slot in slots.iter_mut().flatten() {
            let reachable = self.resolves(slot.next_hop);
            if reachable != slot.reachable {
                slot.reachable = reachable;
                affected.ipv4 |= &slot.entries.ipv4;
                affected.ipv6 |= &slot.entries.ipv6;
            }
        }
        self.slots = slots;
        affected
    }

    pub(crate) fn connected(&self) -> &[ConnectedRoute] {
        &self.connected
    }

    fn resolves(&self, next_hop: NextHop) -> bool {
        match self.resolution {
            NextHopResolution::Assumed => true,
            NextHopResolution::Connected => self.connected.iter().any(|route| next_hop.is_in(route.prefix)),
        }
    }
}
