//! Containers that know nothing of routes.

mod hash_index;
mod longest_match;
mod mirrored;

pub use self::hash_index::{HashIndex, ShortHash};
pub use self::longest_match::{LongestMatch, address_range};
pub(crate) use self::mirrored::Mirrored;
