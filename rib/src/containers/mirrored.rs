//! A sparse vector that can be copied in parts while it keeps changing.

use super::{Blank, SparseVec};

/// See the [module](self). Writes below the copied length go to both the vector and the copy, so that the
/// finished copy equals the vector at that moment.
#[derive(Debug)]
pub(crate) struct Mirrored<T> {
    items: SparseVec<T>,
    copy: Option<Copied<T>>,
}

#[derive(Debug)]
struct Copied<T> {
    items: SparseVec<T>,
    /// The items before this index have been copied.
    end: usize,
}

impl<T> Default for Mirrored<T> {
    fn default() -> Self {
        Self { items: SparseVec::default(), copy: None }
    }
}

impl<T: Blank> Mirrored<T> {
    /// An index beyond all items that are not blank.
    pub(crate) fn end(&self) -> usize {
        self.items.end()
    }

    /// The item at an index, blank where nothing was set.
    pub(crate) fn get(&self, index: usize) -> T {
        self.items.get(index)
    }

    /// Sets an item.
    pub(crate) fn set(&mut self, index: usize, item: T) {
        self.items.set(index, item);
        if let Some(copy) = self.copy.as_mut().filter(|copy| index < copy.end) {
            copy.items.set(index, item);
        }
    }

    /// Removes up to `limit` items from the end and frees their memory. Returns the index of the first
    /// removed item with the items; `None` if all is blank. No copy may be in progress.
    pub(crate) fn take_last(&mut self, limit: usize) -> Option<(usize, Vec<T>)> {
        self.items.take_last(limit)
    }

    /// Starts a copy.
    pub(crate) fn begin_copy(&mut self) {
        self.copy = Some(Copied { items: SparseVec::default(), end: 0 });
    }

    /// Whether the item has been copied.
    pub(crate) fn is_copied(&self, index: usize) -> bool {
        self.copy.as_ref().is_some_and(|copy| index < copy.end)
    }

    /// Copies up to `limit` more items. Returns the index of the first of them, and the items.
    pub(crate) fn copy_part(&mut self, limit: usize) -> (usize, &[T]) {
        let Some(copy) = &mut self.copy else { return (0, &[]) };
        let Some((first, part)) = self.items.part(copy.end, limit) else { return (copy.end, &[]) };
        for (index, &item) in (first..).zip(part) {
            copy.items.set(index, item);
        }
        copy.end = first + part.len();
        (first, part)
    }

    /// Whether all items have been copied.
    pub(crate) fn is_copy_whole(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| self.items.part(copy.end, 1).is_none())
    }

    /// Takes the copy out; later writes no longer go to it.
    pub(crate) fn take_copy(&mut self) -> Self {
        Self { items: self.copy.take().map(|copy| copy.items).unwrap_or_default(), copy: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    struct Number(u32);

    impl Blank for Number {
        const BLANK: Self = Self(0);

        fn is_blank(&self) -> bool {
            self.0 == 0
        }
    }

    /// Some indexes in the first chunk, and some in a chunk further on.
    fn indexes() -> impl Strategy<Value = usize> {
        prop_oneof![0..40usize, 20_000..20_040usize]
    }

    fn numbers(items: &SparseVec<Number>) -> Vec<Number> {
        (0..20_050).map(|index| items.get(index)).collect()
    }

    proptest! {
        #[test]
        fn a_copy_is_what_the_vector_is_when_its_last_part_is_copied(
            steps in proptest::collection::vec((0..4u8, indexes()), 0..200),
        ) {
            let mut items = Mirrored::default();
            items.begin_copy();
            for ((step, index), number) in steps.into_iter().zip(1..) {
                match step {
                    0 => _ = items.copy_part(index % 50),
                    1 => items.set(index, Number::BLANK),
                    _ => items.set(index, Number(number)),
                }
            }
            while !items.is_copy_whole() {
                let (first, part) = items.copy_part(3);
                prop_assert!((1..=3).contains(&part.len()), "each step progresses");
                let end = first + part.len();
                prop_assert!(items.is_copied(end - 1) && !items.is_copied(end));
            }
            let copy = items.take_copy();
            prop_assert_eq!(numbers(&copy.items), numbers(&items.items));
            prop_assert!(!items.is_copied(0));
        }
    }
}
