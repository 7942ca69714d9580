//! An index from hashes to numbers, for slabs whose entries know their own keys.
//!
//! It consists of parts that grow one by one, and each slot holds the hash next to the number. So growing
//! never blocks the owner for long, and reads no entry.

/// Numbers by hash. The hashes are expected to be uniform in all their bits.
#[derive(Debug)]
pub struct HashIndex {
    parts: Vec<Part>,
    len: usize,
}

/// Open addressing with linear probing, always a power of two in size.
#[derive(Debug, Default)]
struct Part {
    slots: Box<[Slot]>,
    len: usize,
}

/// The upper half is a number plus one, the lower half the hash; zero is an empty slot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Slot(u64);

/// The half of a hash that is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ShortHash(u32);

/// Number of parts.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;

const SMALLEST_PART: usize = 8;

impl ShortHash {
    /// The hash of nothing in particular.
    pub const BLANK: Self = Self(0);
}

impl From<u64> for ShortHash {
    fn from(hash: u64) -> Self {
        Self(u32::try_from(hash >> 32).expect("32 bits are left"))
    }
}

impl Default for HashIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl HashIndex {
    /// Makes an empty index.
    #[must_use]
    pub fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Part::default()).collect(), len: 0 }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number with this hash for which `is_wanted` returns true.
    #[must_use]
    pub fn find(&self, hash: ShortHash, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        self.parts[part_of(hash)].find(hash, is_wanted)
    }

    /// Adds a number, which must not be in the index.
    pub fn insert(&mut self, hash: ShortHash, number: u32) {
        self.parts[part_of(hash)].insert(hash, number);
        self.len += 1;
    }

    /// Removes a number that was added with this hash.
    pub fn remove(&mut self, hash: ShortHash, number: u32) {
        self.len -= usize::from(self.parts[part_of(hash)].remove(Slot::new(hash, number)));
    }

    /// Reads the slots where look-ups of these hashes start, to have them in the cache for the look-ups that
    /// follow. These reads do not wait for each other, so their misses overlap.
    pub fn touch(&self, hashes: impl Iterator<Item = ShortHash>) {
        let slots = hashes.map(|hash| self.parts[part_of(hash)].first_slot(hash).0);
        std::hint::black_box(slots.fold(0, std::ops::BitXor::bitxor));
    }
}

/// The upper bits choose the part, the lower bits the slot in it.
fn part_of(hash: ShortHash) -> usize {
    (hash.0 >> (u32::BITS - PART_BITS)) as usize
}

impl Part {
    /// The slot where the look-up of a hash starts.
    fn first_slot(&self, hash: ShortHash) -> Slot {
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get(hash.0 as usize & mask).copied().unwrap_or_default()
    }

    fn find(&self, hash: ShortHash, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash.0 as usize & mask;
        loop {
            let slot = self.slots[at];
            match slot.number() {
                None => return None,
                Some(number) if slot.hash() == hash && is_wanted(number) => return Some(number),
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    fn insert(&mut self, hash: ShortHash, number: u32) {
        // Beyond three quarters full, probing gets long.
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(Slot::new(hash, number));
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash().0 as usize & mask;
        while self.slots[at] != Slot::default() {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        self.resize(self.slots.len() * 2);
    }

    fn resize(&mut self, size: usize) {
        let size = size.max(SMALLEST_PART);
        let former = std::mem::replace(&mut self.slots, vec![Slot::default(); size].into());
        former.iter().filter(|&&slot| slot != Slot::default()).for_each(|&slot| self.put(slot));
    }

    fn remove(&mut self, removed: Slot) -> bool {
        let is_removed = self.take_out(removed);
        // So empty that it is a quarter full in a quarter of the memory.
        if self.slots.len() > SMALLEST_PART && self.len * 16 < self.slots.len() {
            self.resize(self.slots.len() / 4);
        }
        is_removed
    }

    fn take_out(&mut self, removed: Slot) -> bool {
        let Some(mask) = self.slots.len().checked_sub(1) else { return false };
        let mut gap = removed.hash().0 as usize & mask;
        while self.slots[gap] != removed {
            if self.slots[gap] == Slot::default() {
                return false;
            }
            gap = (gap + 1) & mask;
        }
        self.len -= 1;
        // Entries that were displaced by this slot move back, so that probing still finds them.
        let mut at = gap;
        loop {
            self.slots[gap] = Slot::default();
            loop {
                at = (at + 1) & mask;
                if self.slots[at] == Slot::default() {
                    return true;
                }
                let wanted = self.slots[at].hash().0 as usize & mask;
                if at.wrapping_sub(wanted) & mask >= at.wrapping_sub(gap) & mask {
                    break;
                }
            }
            self.slots[gap] = self.slots[at];
            gap = at;
        }
    }
}

impl Slot {
    fn new(hash: ShortHash, number: u32) -> Self {
        Self(((u64::from(number) + 1) << 32) | u64::from(hash.0))
    }

    fn number(self) -> Option<u32> {
        u32::try_from((self.0 >> 32).checked_sub(1)?).ok()
    }

    fn hash(self) -> ShortHash {
        ShortHash(u32::try_from(self.0 & u64::from(u32::MAX)).expect("masked"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Few parts and slots, so that numbers collide.
    fn hash(number: u32) -> ShortHash {
        ShortHash(((number % 3) << 24) | (number % 7))
    }

    proptest! {
        #[test]
        fn any_history_finds_what_was_added_and_not_removed(
            steps in proptest::collection::vec((0..60u32, any::<bool>()), 1..400),
        ) {
            let mut index = HashIndex::new();
            let mut numbers = HashSet::new();
            for (number, adds) in steps {
                if adds && numbers.insert(number) {
                    index.insert(hash(number), number);
                } else if !adds {
                    numbers.remove(&number);
                    index.remove(hash(number), number);
                }
            }
            prop_assert_eq!(index.len(), numbers.len());
            for number in 0..60 {
                let found = index.find(hash(number), |other| other == number);
                prop_assert_eq!(found, numbers.contains(&number).then_some(number));
            }
        }
    }
}
