//! Containers for large tables, independent of routes.

mod chunk;
mod hash_index;
mod longest_match;
mod numbers;
mod slots;
mod sparse_vec;

pub use hash_index::{HashIndex, ShortHash};
pub use longest_match::{LongestMatch, address_range};
pub use numbers::Numbers;
pub use slots::Slots;
pub use sparse_vec::{Blank, SparseVec};
