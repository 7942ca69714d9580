//! Internal and external peers, and those of the same confederation.

/// Kind of a peer by its autonomous system (RFC 4271 §1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum PeerKind {
    /// In another autonomous system.
    Ebgp,
    /// In the same one.
    Ibgp,
    /// In another member system of the same confederation (RFC 5065).
    Confederation,
}

impl PeerKind {
    /// Whether the peer is inside what other autonomous systems see as one: routes keep LOCAL_PREF and next hop
    /// between such peers, and count as internal in the decision (RFC 5065 §5.2, §5.3).
    #[must_use]
    pub fn is_inside(self) -> bool {
        match self {
            Self::Ibgp | Self::Confederation => true,
            Self::Ebgp => false,
        }
    }
}
