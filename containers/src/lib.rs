//! Containers for large tables that know nothing of routes.

mod hash_index;
mod longest_match;

pub use hash_index::{HashIndex, ShortHash};
pub use longest_match::{LongestMatch, address_range};
