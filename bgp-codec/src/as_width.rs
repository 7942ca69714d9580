//! Width of AS numbers in the UPDATEs of a session.

/// The width of AS numbers in AS_PATH and AGGREGATOR (RFC 6793 §4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum AsWidth {
    /// Two octets: one of the two speakers lacks the four-octet capability.
    Two,
    /// Four octets.
    Four,
}

impl AsWidth {
    /// Octets of one AS number.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}
