//! Values by number. A number is used again once its value is gone, and memory is given back from the end.

/// Values by number. Memory of values that are gone is kept for others as long as a value with a higher number is there.
#[derive(Debug)]
pub struct Slots<T> {
    slots: Vec<Option<T>>,
    /// Numbers that are used next, the last one first. Those beyond the end are void.
    free: Vec<u32>,
}

/// Memory for fewer values is not given back.
const FEW: usize = 1024;

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Adds a value. Returns its number.
    ///
    /// # Panics
    ///
    /// If there are four thousand million values.
    pub fn insert(&mut self, value: T) -> u32 {
        while let Some(number) = self.free.pop() {
            if let Some(slot) = self.slots.get_mut(number as usize) {
                *slot = Some(value);
                return number;
            }
        }
        self.slots.push(Some(value));
        u32::try_from(self.slots.len() - 1).expect("memory ends long before the numbers")
    }

    /// Removes the value with this number, if there is one.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let removed = self.slots.get_mut(number as usize)?.take()?;
        self.free.push(number);
        if number as usize + 1 == self.slots.len() {
            self.give_memory_back();
        }
        Some(removed)
    }

    /// The value with this number, if there is one.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.as_ref()
    }

    /// The value with this number, if there is one, to be changed.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(number as usize)?.as_mut()
    }

    /// One more than the highest number in use.
    #[must_use]
    pub fn end(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// The values with numbers from `first` on, in the order of their numbers.
    pub fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &T)> {
        let slots = (first..).zip(self.slots.get(first as usize..).unwrap_or_default());
        slots.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// The values, to be changed, in the order of their numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..).zip(&mut self.slots).filter_map(|(number, slot)| Some((number, slot.as_mut()?)))
    }

    /// The numbers that are used next, the last one first. Those from [`end`](Self::end) on are void.
    #[must_use]
    pub fn free(&self) -> &[u32] {
        &self.free
    }

    /// Each slot is taken from the end once, and the numbers that are void are at least half of those dropped.
    fn give_memory_back(&mut self) {
        while let Some(None) = self.slots.last() {
            self.slots.pop();
        }
        let len = self.slots.len();
        if self.free.len() > 2 * len + FEW {
            self.free.retain(|&number| (number as usize) < len);
            self.free.shrink_to(len);
        }
        if self.slots.capacity() > 4 * len + FEW {
            self.slots.shrink_to(2 * len);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_history_keeps_what_was_added_and_not_removed(
            steps in prop::collection::vec(prop::option::weighted(0.55, 0..40usize), 1..300),
        ) {
            let mut slots = Slots::default();
            let mut expected = BTreeMap::new();
            for (value, step) in (0..).zip(steps) {
                match step {
                    Some(_) => prop_assert_eq!(expected.insert(slots.insert(value), value), None, "a number of its own"),
                    None => {
                        let number = expected.keys().copied().nth(value % expected.len().max(1));
                        prop_assert_eq!(number.and_then(|number| slots.remove(number)),
                            number.and_then(|number| expected.remove(&number)));
                    }
                }
                prop_assert_eq!(slots.iter_from(0).map(|(number, &value)| (number, value)).collect::<BTreeMap<_, _>>(),
                    expected.clone());
                let end = expected.keys().next_back().map_or(0, |last| last + 1);
                prop_assert_eq!(slots.end(), end);
            }
        }
    }

    #[test]
    fn memory_is_given_back_whatever_the_order() {
        let orders: [fn(&mut Vec<u32>); 3] = [
            |_| (),
            |numbers| numbers.reverse(),
            |numbers| numbers.sort_by_key(|number| number.wrapping_mul(0x9e37_79b1)),
        ];
        for order in orders {
            let mut slots = Slots::default();
            let mut numbers: Vec<u32> = (0..100_000u64).map(|value| slots.insert(value)).collect();
            order(&mut numbers);
            for &number in &numbers {
                slots.remove(number);
            }
            assert_eq!(slots.end(), 0);
            assert!(slots.slots.capacity() <= 2 * FEW && slots.free.capacity() <= 2 * FEW, "{slots:?}");
            assert_eq!(slots.insert(7), 0, "numbers begin anew");
        }
    }
}
