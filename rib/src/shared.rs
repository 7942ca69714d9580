//! What the families share: attribute sets, peers, and sources of paths.

use crate::attributes::AttributeStore;
use crate::notices::Notices;
use crate::paths::Sources;
use crate::peers::Peers;
use crate::validation::OriginValidation;
use crate::watch::Watch;

/// What the families share: attribute sets, peers, and sources of paths.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: AttributeStore,
    pub(crate) peers: Peers,
    pub(crate) sources: Sources,
    pub(crate) notices: Notices,
    pub(crate) watch: Watch,
    pub(crate) validation: OriginValidation,
    /// Highest number of next hops of a forwarding.
    pub(crate) multipath: usize,
    /// Which routes are advertised at present.
    pub(crate) advertising: Advertising,
    /// Whether the filters on what is installed ask whether routes are kept from a session that ended.
    pub(crate) forwarding_looks_at_staleness: bool,
}

/// Which routes are advertised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Advertising {
    /// Only this speaker's own routes, without End-of-RIB.
    OwnRoutes,
    Everything,
}
