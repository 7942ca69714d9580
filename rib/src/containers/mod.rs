//! Containers that are independent of routes.

mod mirrored;

pub(crate) use margay_containers::{HashIndex, LongestMatch, ShortHash, Slots, address_range};

pub(crate) use self::mirrored::Mirrored;
