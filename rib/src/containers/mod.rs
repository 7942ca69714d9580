//! Containers that are independent of routes.

mod mirrored;

pub(crate) use margay_containers::{
    Blank, HashIndex, LongestMatch, Numbers, ShortHash, Slots, SparseVec, address_range,
};

pub(crate) use self::mirrored::Mirrored;
