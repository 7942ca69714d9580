//! What is wanted at a prefix.

use crate::index::PathId;

/// What the Rib wants at a prefix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Wish {
    /// It has not said anything: a route of an earlier run may be wanted yet.
    #[default]
    Unknown,
    Nothing,
    Path(PathId),
}
