//! Containers for large tables, independent of routes.

mod hash_index;
mod longest_match;
mod slots;

pub use hash_index::{HashIndex, ShortHash};
pub use longest_match::{LongestMatch, address_range};
pub use slots::Slots;
