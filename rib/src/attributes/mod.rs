//! Attribute sets, interned once for the whole Rib.

mod store;

pub(crate) use self::store::{AttributeHandle, AttributeSet, AttributeStore, PathValues, RareValues};
