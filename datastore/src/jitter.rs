//! Randomness for intervals.

use std::hash::{BuildHasher as _, RandomState};

/// A random octet. Intervals need no better ones than those that the standard library's maps are seeded with.
pub(crate) fn jitter() -> u8 {
    RandomState::new().hash_one(0_u8).to_le_bytes()[0]
}
