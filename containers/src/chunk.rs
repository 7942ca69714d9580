//! How large tables are divided: into chunks that are allocated, grown and freed one by one.
//!
//! So no step has to move a whole table, or to give all its memory back to the system at once.

use std::ops::Range;

/// Items of a chunk. Many enough that finding the chunk costs little, few enough that freeing one takes microseconds.
pub(crate) const CHUNK_ITEMS: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 12;

/// Items that the first chunk has room for at first.
const FIRST_ITEMS: usize = 16;

/// The chunk of an item, and the position there.
pub(crate) fn place(number: usize) -> (usize, usize) {
    (number >> CHUNK_BITS, number % CHUNK_ITEMS)
}

/// The numbers of the items of a chunk.
pub(crate) fn numbers(chunk: usize) -> Range<usize> {
    let first = chunk << CHUNK_BITS;
    first..first + CHUNK_ITEMS
}

/// Makes room in a chunk for an item at `position`. The first one grows fourfold, as most tables are small; the others
/// have room for all their items at once, so that nothing is copied.
#[cold]
pub(crate) fn reserve<T>(items: &mut Vec<T>, chunk: usize, position: usize) {
    let mut capacity = if chunk == 0 { FIRST_ITEMS } else { CHUNK_ITEMS };
    while capacity <= position {
        capacity = (capacity * 4).min(CHUNK_ITEMS);
    }
    items.reserve_exact(capacity - items.len());
}
