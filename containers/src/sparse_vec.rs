//! A vector that is blank except where something was set. Chunks that are all blank take no memory.

use crate::chunk;

/// An item of a [`SparseVec`].
pub trait Blank: Copy {
    /// What is read where nothing was set.
    const BLANK: Self;

    /// Whether the item can be dropped, and read as [`BLANK`](Self::BLANK) from then on.
    fn is_blank(&self) -> bool;
}

/// Items by index, in chunks of memory that are freed once all their items are blank.
#[derive(Debug)]
pub struct SparseVec<T> {
    chunks: Vec<Chunk<T>>,
}

#[derive(Debug)]
struct Chunk<T> {
    /// What follows is blank.
    items: Vec<T>,
    /// Number of items that are not blank.
    in_use: usize,
}

impl<T> Default for SparseVec<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Default for Chunk<T> {
    fn default() -> Self {
        Self { items: Vec::new(), in_use: 0 }
    }
}

impl<T: Blank> SparseVec<T> {
    /// The item at an index.
    #[must_use]
    pub fn get(&self, index: usize) -> T {
        let (chunk, position) = chunk::place(index);
        let chunk = self.chunks.get(chunk);
        chunk.and_then(|chunk| chunk.items.get(position)).copied().unwrap_or(T::BLANK)
    }

    /// The item at an index where one was set. A change of it must not make it blank.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let (chunk, position) = chunk::place(index);
        self.chunks.get_mut(chunk)?.items.get_mut(position)
    }

    /// Sets an item. The memory of a chunk of blank items is freed.
    pub fn set(&mut self, index: usize, item: T) {
        let (number, position) = chunk::place(index);
        let Some(chunk) = self.chunks.get_mut(number) else { return self.extend(number, position, item) };
        let Some(place) = chunk.items.get_mut(position) else { return self.extend(number, position, item) };
        match (std::mem::replace(place, item).is_blank(), item.is_blank()) {
            (true, false) => chunk.in_use += 1,
            (false, true) => {
                chunk.in_use -= 1;
                self.free_if_blank(number);
            }
            (true, true) | (false, false) => {}
        }
    }

    /// An index beyond all items that are not blank.
    #[must_use]
    pub fn end(&self) -> usize {
        let last = self.chunks.len().checked_sub(1);
        last.map_or(0, |last| chunk::numbers(last).start + self.chunks[last].items.len())
    }

    /// Up to `limit` items of one chunk, and the index of the first: those from `start` on, or the first ones after it
    /// that have memory. `None` if the rest is blank.
    #[must_use]
    pub fn part(&self, start: usize, limit: usize) -> Option<(usize, &[T])> {
        let (first, position) = chunk::place(start);
        let mut parts = self.chunks.iter().enumerate().skip(first).map(|(number, chunk)| {
            let position = if number == first { position } else { 0 };
            (chunk::numbers(number).start + position, chunk.items.get(position..).unwrap_or_default())
        });
        let (first, items) = parts.find(|(_, items)| !items.is_empty())?;
        Some((first, &items[..items.len().min(limit)]))
    }

    /// Removes up to `limit` items from the end. Returns the index of the first of them, and the items; `None` if
    /// all is blank.
    pub fn take_last(&mut self, limit: usize) -> Option<(usize, Vec<T>)> {
        let number = self.chunks.len().checked_sub(1)?;
        let chunk = &mut self.chunks[number];
        let position = chunk.items.len().saturating_sub(limit);
        let taken = chunk.items.split_off(position);
        chunk.in_use -= taken.iter().filter(|item| !item.is_blank()).count();
        self.free_if_blank(number);
        Some((chunk::numbers(number).start + position, taken))
    }

    /// Sets an item beyond those of its chunk.
    fn extend(&mut self, number: usize, position: usize, item: T) {
        if item.is_blank() {
            return;
        }
        if number >= self.chunks.len() {
            self.chunks.resize_with(number + 1, Chunk::default);
        }
        let chunk = &mut self.chunks[number];
        if position >= chunk.items.capacity() {
            chunk::reserve(&mut chunk.items, number, position);
        }
        if position > chunk.items.len() {
            chunk.items.resize(position, T::BLANK);
        }
        chunk.items.push(item);
        chunk.in_use += 1;
    }

    fn free_if_blank(&mut self, number: usize) {
        if self.chunks[number].in_use > 0 {
            return;
        }
        self.chunks[number] = Chunk::default();
        while self.chunks.last().is_some_and(|chunk| chunk.in_use == 0) {
            self.chunks.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::chunk::CHUNK_ITEMS;

    impl Blank for u32 {
        const BLANK: Self = 0;

        fn is_blank(&self) -> bool {
            *self == 0
        }
    }

    /// Indexes around the borders of chunks.
    fn indexes() -> impl Strategy<Value = usize> {
        (0..4usize, 0..20usize).prop_map(|(chunk, offset)| (chunk * CHUNK_ITEMS + offset).saturating_sub(10))
    }

    /// The items that are not blank, read part by part.
    fn items(vec: &SparseVec<u32>, limit: usize) -> Vec<(usize, u32)> {
        let (mut start, mut items) = (0, Vec::new());
        while let Some((first, part)) = vec.part(start, limit) {
            items.extend((first..).zip(part.iter().copied()).filter(|&(_, item)| item != 0));
            start = first + part.len();
        }
        items
    }

    proptest! {
        #[test]
        fn any_history_reads_as_a_map(
            steps in prop::collection::vec((indexes(), prop::option::weighted(0.6, 1..100u32)), 0..200),
            limit in 1..10_000usize,
        ) {
            let mut vec = SparseVec::default();
            let mut expected = BTreeMap::new();
            for (index, item) in steps {
                vec.set(index, item.unwrap_or_default());
                match item {
                    Some(item) => expected.insert(index, item),
                    None => expected.remove(&index),
                };
                prop_assert_eq!(vec.get(index), item.unwrap_or_default());
                prop_assert!(expected.keys().all(|&index| index < vec.end()));
            }
            prop_assert_eq!(items(&vec, limit), expected.clone().into_iter().collect::<Vec<_>>());
            let mut taken = Vec::new();
            while let Some((first, items)) = vec.take_last(limit) {
                prop_assert!(items.len() <= limit);
                taken.extend((first..).zip(items).filter(|&(_, item)| item != 0));
            }
            taken.sort_unstable();
            prop_assert_eq!(taken, expected.into_iter().collect::<Vec<_>>());
            prop_assert!(vec.chunks.is_empty());
        }
    }

    #[test]
    fn blank_chunks_take_no_memory() {
        let mut vec = SparseVec::default();
        (0..5 * CHUNK_ITEMS).for_each(|index| vec.set(index, 1));
        (0..4 * CHUNK_ITEMS).for_each(|index| vec.set(index, 0));
        let capacities: Vec<usize> = vec.chunks.iter().map(|chunk| chunk.items.capacity()).collect();
        assert_eq!(capacities, [0, 0, 0, 0, CHUNK_ITEMS]);
        (0..5 * CHUNK_ITEMS).for_each(|index| vec.set(index, 0));
        assert_eq!(vec.end(), 0);
    }
}
