//! Numbers for the items of a table. A number is used again once its item is gone.

use std::collections::BTreeSet;

use crate::chunk;

/// The numbers in use, and those used next: the ones of the lowest chunk that has any, the one that was freed last first.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    chunks: Vec<Chunk>,
    /// The chunks that have free numbers.
    with_room: BTreeSet<usize>,
    /// The lowest of them; the number of chunks if there is none.
    lowest_with_room: usize,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    /// Positions from this one on have not been used since the chunk was empty.
    end: u16,
    /// Free positions before it, the next one to be used last.
    free: Vec<u16>,
}

impl Numbers {
    /// Takes a number into use.
    ///
    /// # Panics
    ///
    /// If there are four thousand million.
    pub fn take(&mut self) -> u32 {
        let index = self.lowest_with_room;
        if index == self.chunks.len() {
            self.chunks.push(Chunk::default());
            self.with_room.insert(index);
        }
        let chunk = &mut self.chunks[index];
        let position = chunk.take();
        if chunk.is_full() {
            self.with_room.remove(&index);
            self.find_room();
        }
        number(index, position)
    }

    /// Frees a number that is in use.
    pub fn free(&mut self, number: u32) {
        self.free_in_chunk(number);
    }

    /// Frees a number that is in use. Returns whether all numbers of its chunk are now free.
    pub(crate) fn free_in_chunk(&mut self, number: u32) -> bool {
        let (index, position) = chunk::place(number as usize);
        let chunk = &mut self.chunks[index];
        if chunk.is_full() {
            self.with_room.insert(index);
            self.lowest_with_room = self.lowest_with_room.min(index);
        }
        chunk.free.push(u16::try_from(position).expect("a chunk has fewer positions"));
        let is_empty = chunk.is_empty();
        if is_empty {
            *chunk = Chunk::default();
            self.drop_empty_chunks();
        }
        is_empty
    }

    /// A number that is higher than all in use.
    #[must_use]
    pub fn end(&self) -> u32 {
        let last = self.chunks.len().checked_sub(1);
        last.map_or(0, |last| number(last, self.chunks[last].end))
    }

    /// Number of chunks up to the last one with a number in use.
    pub(crate) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Free numbers of the chunks that are in use, as far as they were used before, by chunk. In each the number to
    /// be used next is last.
    pub fn iter_free(&self) -> impl Iterator<Item = u32> + '_ {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(index, chunk)| chunk.free.iter().map(move |&position| number(index, position)))
    }

    fn find_room(&mut self) {
        self.lowest_with_room = self.with_room.first().copied().unwrap_or(self.chunks.len());
    }

    fn drop_empty_chunks(&mut self) {
        while self.chunks.last().is_some_and(Chunk::is_empty) {
            self.chunks.pop();
            self.with_room.remove(&self.chunks.len());
        }
        self.find_room();
    }
}

impl Chunk {
    fn take(&mut self) -> u16 {
        self.free.pop().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }

    fn is_full(&self) -> bool {
        self.free.is_empty() && usize::from(self.end) == chunk::CHUNK_ITEMS
    }

    fn is_empty(&self) -> bool {
        self.free.len() == usize::from(self.end)
    }
}

fn number(chunk: usize, position: u16) -> u32 {
    let number = chunk::numbers(chunk).start + usize::from(position);
    u32::try_from(number).expect("memory ends long before the numbers")
}
