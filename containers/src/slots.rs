//! Values by number. A number is used again once its value is gone.

use crate::chunk;
use crate::numbers::Numbers;

/// Values by number, in chunks of memory that are freed once all their values are gone.
#[derive(Debug)]
pub struct Slots<T> {
    numbers: Numbers,
    chunks: Vec<Vec<Option<T>>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { numbers: Numbers::default(), chunks: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Adds a value. Returns its number.
    ///
    /// # Panics
    ///
    /// If there are four thousand million values.
    pub fn insert(&mut self, value: T) -> u32 {
        let number = self.numbers.take();
        let (index, position) = chunk::place(number as usize);
        if index == self.chunks.len() {
            self.chunks.push(Vec::new());
        }
        let slots = &mut self.chunks[index];
        match slots.get_mut(position) {
            Some(slot) => *slot = Some(value),
            None => {
                if position == slots.capacity() {
                    chunk::reserve(slots, index, position);
                }
                slots.push(Some(value));
            }
        }
        number
    }

    /// Removes the value with this number, if there is one.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let (index, position) = chunk::place(number as usize);
        let removed = self.chunks.get_mut(index)?.get_mut(position)?.take()?;
        if self.numbers.free_in_chunk(number) {
            self.chunks[index] = Vec::new();
            self.chunks.truncate(self.numbers.chunks());
        }
        Some(removed)
    }

    /// The value with this number, if there is one.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        let (index, position) = chunk::place(number as usize);
        self.chunks.get(index)?.get(position)?.as_ref()
    }

    /// The value with this number, if there is one, to be changed.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (index, position) = chunk::place(number as usize);
        self.chunks.get_mut(index)?.get_mut(position)?.as_mut()
    }

    /// A number that is higher than all in use.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.numbers.end()
    }

    /// The values with numbers from `first` on, in the order of their numbers.
    pub fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &T)> {
        let (skipped, position) = chunk::place(first as usize);
        let chunks = self.chunks.iter().enumerate().skip(skipped);
        chunks.flat_map(move |(index, slots)| {
            let position = if index == skipped { position } else { 0 };
            let slots = slots.get(position..).unwrap_or_default();
            let slots = chunk::numbers(index).skip(position).zip(slots);
            slots.filter_map(|(number, slot)| Some((u32::try_from(number).ok()?, slot.as_ref()?)))
        })
    }

    /// The values, to be changed, in the order of their numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.chunks.iter_mut().enumerate().flat_map(|(index, slots)| {
            let slots = chunk::numbers(index).zip(slots);
            slots.filter_map(|(number, slot)| Some((u32::try_from(number).ok()?, slot.as_mut()?)))
        })
    }

    /// Free numbers, see [`Numbers::iter_free`].
    pub fn iter_free(&self) -> impl Iterator<Item = u32> + '_ {
        self.numbers.iter_free()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::chunk::CHUNK_ITEMS;

    proptest! {
        #[test]
        fn any_history_keeps_what_was_added_and_not_removed(
            steps in prop::collection::vec(prop::option::weighted(0.55, 0..40usize), 1..300),
            chunks in 0..3usize,
        ) {
            let mut slots = Slots::default();
            let mut expected = BTreeMap::new();
            // The history crosses from one chunk to the next.
            for filler in 0..(chunks * CHUNK_ITEMS).saturating_sub(20) {
                expected.insert(slots.insert(filler), filler);
            }
            for (value, step) in (0..).zip(steps) {
                match step {
                    Some(_) => {
                        prop_assert_eq!(expected.insert(slots.insert(value), value), None, "a number of its own");
                    }
                    None => {
                        // One of the last.
                        let nth = value % expected.len().clamp(1, 40);
                        let number = expected.keys().rev().copied().nth(nth);
                        prop_assert_eq!(number.and_then(|number| slots.remove(number)),
                            number.and_then(|number| expected.remove(&number)));
                    }
                }
                prop_assert!(expected.keys().next_back().is_none_or(|&last| last < slots.end()));
            }
            let middle = expected.keys().copied().nth(expected.len() / 2).unwrap_or_default();
            for first in [0, middle] {
                prop_assert_eq!(slots.iter_from(first).map(|(number, &value)| (number, value)).collect::<Vec<_>>(),
                    expected.range(first..).map(|(&number, &value)| (number, value)).collect::<Vec<_>>());
            }
            prop_assert_eq!(slots.iter_mut().count(), expected.len());
            prop_assert!(slots.iter_free().all(|number| slots.get(number).is_none()));
        }
    }

    fn capacity(slots: &Slots<u64>) -> usize {
        slots.chunks.iter().map(Vec::capacity).sum()
    }

    #[test]
    fn memory_is_freed_chunk_by_chunk_whatever_the_order() {
        const VALUES: u64 = 100_000;
        let orders: [fn(&mut Vec<u32>); 3] = [
            |_| (),
            |numbers| numbers.reverse(),
            |numbers| numbers.sort_by_key(|number| number.wrapping_mul(0x9e37_79b1)),
        ];
        for order in orders {
            let mut slots = Slots::default();
            let mut numbers: Vec<u32> = (0..VALUES).map(|value| slots.insert(value)).collect();
            order(&mut numbers);
            let mut before = capacity(&slots);
            for &number in &numbers {
                slots.remove(number);
                let after = capacity(&slots);
                assert!(before - after <= CHUNK_ITEMS, "{before} and then {after}");
                before = after;
            }
            assert_eq!((slots.end(), capacity(&slots)), (0, 0));
            assert_eq!(slots.insert(7), 0, "numbers begin anew");
        }
    }

    #[test]
    fn memory_below_a_value_that_stays_is_freed() {
        let mut slots = Slots::default();
        let numbers: Vec<u32> = (0..100_000).map(|value| slots.insert(value)).collect();
        for &number in &numbers[..numbers.len() - 1] {
            slots.remove(number);
        }
        assert!(capacity(&slots) <= CHUNK_ITEMS, "one chunk is left");
        assert_eq!(slots.iter_from(0).count(), 1);
        assert_eq!(slots.insert(7), 0, "the lowest chunk is used first");
    }
}
