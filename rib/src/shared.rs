//! What the families share: attribute sets, peers, and sources of paths.

use crate::attributes::AttributeStore;
use crate::notices::Notices;
use crate::paths::Sources;
use crate::peers::Peers;

/// What the families share: attribute sets, peers, and sources of paths.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: AttributeStore,
    pub(crate) peers: Peers,
    pub(crate) sources: Sources,
    pub(crate) notices: Notices,
    /// How many next hops a forwarding may have.
    pub(crate) multipath: usize,
    /// Which routes are advertised yet.
    pub(crate) telling: Telling,
}

/// Which routes are advertised at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Telling {
    /// Only what this speaker announces itself, and no End-of-RIB.
    OwnRoutes,
    Everything,
}
