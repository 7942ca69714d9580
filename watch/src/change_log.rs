//! A compacted log of changes, read by several readers at their own speed.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The changes of a map from keys to values, for up to [`READERS`](Self::READERS) readers.
///
/// Each key has one position, that of its last change. A reader that is behind skips what was overwritten meanwhile, so the log is
/// never longer than the map plus the deleted keys that a reader still holds: a slow reader costs the others nothing. A reader
/// gets each change at most once, none after a newer one, and no deletion of a key that it never had. A value that was overwritten and
/// written again while a reader was behind is a new change for it: the log keeps no former values to compare with.
#[derive(Clone, Debug)]
pub struct ChangeLog<K, V> {
    slots: HashMap<K, Slot<V>>,
    order: BTreeMap<u64, K>,
    next: u64,
    /// The position up to which each reader has read; `None` for an unused number.
    cursors: Vec<Option<u64>>,
}

/// Names a reader of a log.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ReaderId(usize);

/// A key and what stands there now; `None` when it is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogChange<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: Option<V>,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    value: Option<V>,
    position: u64,
    /// A bit for each reader that was given a value of this key and not its deletion.
    holders: u64,
}

impl<K, V> Default for ChangeLog<K, V> {
    fn default() -> Self {
        Self { slots: HashMap::new(), order: BTreeMap::new(), next: 1, cursors: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> ChangeLog<K, V> {
    /// How many readers there can be.
    pub const READERS: usize = 64;

    /// Adds a reader that has read nothing yet; `None` when there are too many.
    pub fn add_reader(&mut self) -> Option<ReaderId> {
        let free = self.cursors.iter().position(Option::is_none).unwrap_or(self.cursors.len());
        if free == Self::READERS {
            return None;
        }
        if free == self.cursors.len() {
            self.cursors.push(None);
        }
        *self.cursors.get_mut(free)? = Some(0);
        Some(ReaderId(free))
    }

    /// Forgets a reader, and what only it held. Takes time for each key.
    pub fn remove_reader(&mut self, reader: ReaderId) {
        if let Some(cursor) = self.cursors.get_mut(reader.0) {
            *cursor = None;
        }
        self.slots.values_mut().for_each(|slot| slot.holders &= !reader.bit());
        let Self { slots, order, .. } = self;
        slots.retain(|_, slot| {
            let kept = slot.is_needed();
            if !kept {
                order.remove(&slot.position);
            }
            kept
        });
    }

    /// What stands at a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(key)?.value.as_ref()
    }

    /// Keys with their values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().filter_map(|(key, slot)| Some((key, slot.value.as_ref()?)))
    }

    /// Positions in use: keys, and deleted keys that a reader holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True without any position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The position of the newest change.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.next - 1
    }

    /// Sets the value of a key, or removes it.
    pub fn set(&mut self, key: K, value: Option<V>) {
        let holders = match self.slots.remove(&key) {
            Some(slot) => {
                self.order.remove(&slot.position);
                slot.holders
            }
            None => 0,
        };
        let slot = Slot { value, position: self.next, holders };
        if slot.is_needed() {
            self.order.insert(slot.position, key.clone());
            self.slots.insert(key, slot);
            self.next += 1;
        }
    }

    /// The next changes for a reader, at most `limit`; fewer than that mean that it has read everything.
    pub fn read(&mut self, reader: ReaderId, limit: usize) -> Vec<LogChange<K, V>> {
        let mut changes = Vec::new();
        let Some(Some(cursor)) = self.cursors.get_mut(reader.0) else { return changes };
        let mut gone = Vec::new();
        for (&position, key) in self.order.range(cursor.saturating_add(1)..) {
            if changes.len() == limit {
                break;
            }
            *cursor = position;
            let Some(slot) = self.slots.get_mut(key) else { continue };
            let held = slot.holders & reader.bit() != 0;
            match &slot.value {
                Some(_) => slot.holders |= reader.bit(),
                None => slot.holders &= !reader.bit(),
            }
            if held || slot.value.is_some() {
                changes.push(LogChange { key: key.clone(), value: slot.value.clone() });
            }
            if !slot.is_needed() {
                gone.push((position, key.clone()));
            }
        }
        for (position, key) in gone {
            self.order.remove(&position);
            self.slots.remove(&key);
        }
        changes
    }

    /// The position up to which a reader has read; `None` for a reader that was removed.
    #[must_use]
    pub fn position_of(&self, reader: ReaderId) -> Option<u64> {
        self.cursors.get(reader.0).copied().flatten()
    }

    /// True when a reader has nothing to read.
    #[must_use]
    pub fn has_read_all(&self, reader: ReaderId) -> bool {
        let unread = |cursor: u64| self.order.range(cursor.saturating_add(1)..).next().is_some();
        !self.position_of(reader).is_some_and(unread)
    }
}

impl ReaderId {
    fn bit(self) -> u64 {
        1 << self.0
    }
}

impl<V> Slot<V> {
    /// Whether there is a value, or a reader that must be told that it is gone.
    fn is_needed(&self) -> bool {
        self.value.is_some() || self.holders != 0
    }
}
