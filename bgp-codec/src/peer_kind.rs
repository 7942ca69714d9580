//! Internal and external peers.

/// Kind of a peer by its autonomous system (RFC 4271 §1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum PeerKind {
    /// In another autonomous system.
    Ebgp,
    /// In the same one.
    Ibgp,
}
