//! Work on the paths of a family that is too much for one go.

use crate::index::PeerIndex;

/// What is looked at again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Visit {
    /// What is best, as next hops changed.
    Redecide,
    /// What import makes of a peer's paths.
    Reimport(PeerIndex),
    /// What groups are told.
    Retell,
}
