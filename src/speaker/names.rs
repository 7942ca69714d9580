//! Names of peers and of their sessions.

/// Names a configured peer for the life of the daemon. Numbers are not reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerKey(pub u64);

/// Counts the sessions of a peer, so that queued inputs of a former session are not attributed to the present
/// one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionEpoch(pub u64);
