//! A vector that is copied in parts while it goes on changing.

/// See the [module](self). Writes below the copied length go to both: when the last part is copied, the
/// copy is what the vector is at that moment.
#[derive(Debug)]
pub(crate) struct Mirrored<T> {
    items: Vec<T>,
    /// The first of the items, as many as are copied.
    copy: Option<Vec<T>>,
}

impl<T> Default for Mirrored<T> {
    fn default() -> Self {
        Self { items: Vec::new(), copy: None }
    }
}

impl<T: Copy> Mirrored<T> {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<T> {
        self.items.get(index).copied()
    }

    /// Replaces an item.
    ///
    /// # Panics
    ///
    /// There is none at this index.
    pub(crate) fn set(&mut self, index: usize, item: T) {
        self.items[index] = item;
        if let Some(copied) = self.copy.as_mut().and_then(|copy| copy.get_mut(index)) {
            *copied = item;
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Makes the vector at least this long, with `filler` in what is new.
    pub(crate) fn grow_to(&mut self, len: usize, filler: T) {
        if self.items.len() < len {
            self.items.resize(len, filler);
        }
    }

    /// Takes up to `limit` items out, the last ones, and gives their memory back. Returns the index of the first, and
    /// them; `None` when there are none left. There must be no copy under way.
    pub(crate) fn take_last(&mut self, limit: usize) -> Option<(usize, Vec<T>)> {
        let first = self.items.len().saturating_sub(limit);
        let taken = self.items.split_off(first);
        self.items.shrink_to_fit();
        (!taken.is_empty()).then_some((first, taken))
    }

    /// Begins a copy.
    pub(crate) fn begin_copy(&mut self) {
        self.copy = Some(Vec::new());
    }

    /// Whether an item has a copy so far.
    pub(crate) fn is_copied(&self, index: usize) -> bool {
        self.copy.as_ref().is_some_and(|copy| index < copy.len())
    }

    /// Copies up to `limit` more items. Returns them, and the index of the first.
    pub(crate) fn copy_part(&mut self, limit: usize) -> (usize, &[T]) {
        let Some(copy) = &mut self.copy else { return (0, &[]) };
        let first = copy.len();
        let last = first.saturating_add(limit).min(self.items.len());
        // All at once, so that the copy never has to be moved.
        copy.reserve_exact(self.items.len() - first);
        copy.extend_from_slice(&self.items[first..last]);
        (first, &self.items[first..last])
    }

    /// Whether all items are copied.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.len() == self.items.len())
    }

    /// The copy, which is no longer kept.
    pub(crate) fn take_copy(&mut self) -> Self {
        Self { items: self.copy.take().unwrap_or_default(), copy: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_copy_is_what_the_vector_is_when_its_last_part_is_copied(
            steps in proptest::collection::vec((0..4u8, 0..40usize), 0..200),
        ) {
            let mut items = Mirrored::default();
            items.begin_copy();
            let mut number = 0;
            for (step, index) in steps {
                number += 1;
                match step {
                    0 => items.push(number),
                    1 => items.grow_to(index, 0),
                    2 => _ = items.copy_part(index),
                    _ if index < items.len() => items.set(index, number),
                    _ => {}
                }
            }
            while !items.is_copy_whole() {
                let (first, part) = items.copy_part(3);
                prop_assert!(part.len() <= 3);
                let end = first + part.len();
                prop_assert!(items.is_copied(end - 1) && !items.is_copied(end));
            }
            let copy = items.take_copy();
            prop_assert_eq!(&copy.items, &items.items);
            prop_assert!(!items.is_copied(0));
        }
    }
}
