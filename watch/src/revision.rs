//! Numbers that name a state of the store, and the store itself.

/// A revision of the store: every transaction that changes something has the next one.
///
/// Revisions of different clusters cannot be compared.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(pub u64);

impl Revision {
    /// The one behind it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before it.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The number of a cluster of store members. A store that was set up anew has another one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ClusterId(pub u64);
