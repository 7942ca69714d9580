//! Export groups: which peers read which log, and the octets that they are sent.

mod group;
mod groups;
mod path_slots;
mod regrouping;
mod slice;
mod slice_cache;

pub(crate) use self::group::{ExportGroup, GroupSignature};
pub(crate) use self::groups::Left;
pub(crate) use self::regrouping::{Consequence, Regrouped};
pub use self::slice::EncodedUpdates;
