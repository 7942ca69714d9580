//! A vector that can be copied in parts while it keeps changing.

/// See the [module](self). Writes below the copied length go to both the vector and the copy, so that the
/// finished copy equals the vector at that moment.
#[derive(Debug)]
pub(crate) struct Mirrored<T> {
    items: Vec<T>,
    /// The copied items, from the first one on.
    copy: Option<Vec<T>>,
}

/// Memory for fewer items is not given back.
const FEW: usize = 1024;

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
    /// Panics if `index` is out of bounds.
    pub(crate) fn set(&mut self, index: usize, item: T) {
        self.items[index] = item;
        if let Some(copied) = self.copy.as_mut().and_then(|copy| copy.get_mut(index)) {
            *copied = item;
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Extends the vector to at least this length, filling with `filler`.
    pub(crate) fn grow_to(&mut self, len: usize, filler: T) {
        if self.items.len() < len {
            self.items.resize(len, filler);
        }
    }

    /// Removes up to `limit` items from the end and frees their memory. Returns the index of the first
    /// removed item with the items; `None` if the vector is empty. No copy may be in progress.
    pub(crate) fn take_last(&mut self, limit: usize) -> Option<(usize, Vec<T>)> {
        let first = self.items.len().saturating_sub(limit);
        let taken = self.items.split_off(first);
        self.items.shrink_to_fit();
        (!taken.is_empty()).then_some((first, taken))
    }

    /// Drops the items at the end that are void, unless a copy is under way, and gives their memory back.
    pub(crate) fn trim(&mut self, is_void: impl Fn(&T) -> bool) {
        if self.copy.is_some() {
            return;
        }
        let kept = self.items.iter().rposition(|item| !is_void(item)).map_or(0, |last| last + 1);
        self.items.truncate(kept);
        if self.items.capacity() > 4 * kept + FEW {
            self.items.shrink_to(2 * kept);
        }
    }

    /// Starts a copy.
    pub(crate) fn begin_copy(&mut self) {
        self.copy = Some(Vec::new());
    }

    /// Whether the item has been copied.
    pub(crate) fn is_copied(&self, index: usize) -> bool {
        self.copy.as_ref().is_some_and(|copy| index < copy.len())
    }

    /// Copies up to `limit` more items. Returns the index of the first of them, and the items.
    pub(crate) fn copy_part(&mut self, limit: usize) -> (usize, &[T]) {
        let Some(copy) = &mut self.copy else { return (0, &[]) };
        let first = copy.len();
        let last = first.saturating_add(limit).min(self.items.len());
        // Reserved at once, so that the copy is never moved.
        copy.reserve_exact(self.items.len() - first);
        copy.extend_from_slice(&self.items[first..last]);
        (first, &self.items[first..last])
    }

    /// Whether all items have been copied.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.len() == self.items.len())
    }

    /// Takes the copy out; later writes no longer go to it.
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
