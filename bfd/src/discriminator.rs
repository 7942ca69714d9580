//! The number by which a system names a session of its own.

use std::fmt;
use std::num::NonZeroU32;

/// A discriminator (RFC 5880 §4.1): unique among the sessions of a system, never zero.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Discriminator(NonZeroU32);

impl Discriminator {
    /// 1.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The discriminator with this number; `None` for zero.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, not zero.
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The number after this one; 1 after the largest.
    pub(crate) const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(next) => Self(next),
            None => Self::FIRST,
        }
    }
}

impl fmt::Display for Discriminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
