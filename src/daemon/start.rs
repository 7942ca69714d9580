//! When and after what this run started.

use tokio::time::Instant;

/// The start of this run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) at: Instant,
    pub(super) kind: StartKind,
}

/// Whether this is the first run since the system booted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartKind {
    /// The first: nothing from before is forwarded any more.
    First,
    /// An earlier run left its routes in the kernel.
    Restart,
}
