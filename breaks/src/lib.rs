//! Deliberate faults: what a router of this kind gets wrong, one thing at a time, to see whether the tests find it.
//!
//! The places that may be broken ask [`is_broken`]. Without the feature `switches` the answer is a constant and there is
//! nothing to switch; `cargo xtask ci` checks that what ships is built so.

use std::fmt;

/// What may be broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Break {
    /// A replacement that is rejected leaves the path that it replaces.
    RejectedReplacement,
    /// A best path counts as changed when its source does, whatever its attributes are.
    ChangeByPreference,
    /// The number of a prefix is used again before everybody knows that the prefix is withdrawn.
    NumberReusedAtOnce,
    /// A withdrawal gets lost when a batch is full.
    WithdrawalLostInFullBatch,
    /// Only the originator of a route is not told it, instead of the peer that it was learned from.
    SplitHorizonByOriginator,
    /// MULTI_EXIT_DISC is compared across autonomous systems.
    MedAcrossAses,
    /// A peer whose path becomes the best one keeps what it was told of another's.
    SourceMoveWithoutWithdrawal,
    /// A withdrawal is forgotten before the slowest reader has passed.
    TombstoneBeforeSlowest,
    /// A message of a former session is taken for one of the present session.
    LateMessage,
    /// The paths of a peer that is gone are not swept.
    SweepForgotten,
    /// KEEPALIVEs wait behind routes.
    KeepaliveBehindBulk,
    /// A route that has been through our cluster is accepted.
    ClusterLoop,
}

impl Break {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::RejectedReplacement,
        Self::ChangeByPreference,
        Self::NumberReusedAtOnce,
        Self::WithdrawalLostInFullBatch,
        Self::SplitHorizonByOriginator,
        Self::MedAcrossAses,
        Self::SourceMoveWithoutWithdrawal,
        Self::TombstoneBeforeSlowest,
        Self::LateMessage,
        Self::SweepForgotten,
        Self::KeepaliveBehindBulk,
        Self::ClusterLoop,
    ];
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whether a place is broken in this thread.
#[cfg(not(feature = "switches"))]
#[inline]
#[must_use]
pub const fn is_broken(_: Break) -> bool {
    false
}

#[cfg(feature = "switches")]
pub use switches::{is_broken, set_broken};

#[cfg(feature = "switches")]
mod switches {
    use std::cell::Cell;

    use super::Break;

    thread_local! {
        static BROKEN: Cell<Option<Break>> = const { Cell::new(None) };
    }

    /// Whether a place is broken in this thread.
    #[must_use]
    pub fn is_broken(place: Break) -> bool {
        BROKEN.get() == Some(place)
    }

    /// Breaks one place in this thread, or none.
    pub fn set_broken(place: Option<Break>) {
        BROKEN.set(place);
    }
}
