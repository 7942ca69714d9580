//! Which origins a route may have.

use bgp_codec::Origin;

/// A set of origins (RFC 4271 §5.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct OriginSet(u8);

impl OriginSet {
    /// The set of these origins.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(origins.into_iter().fold(0, |set, origin| set | bit(origin)))
    }

    /// Whether an origin is in the set.
    pub fn contains(self, origin: Origin) -> bool {
        self.0 & bit(origin) != 0
    }
}

fn bit(origin: Origin) -> u8 {
    match origin {
        Origin::Igp => 1,
        Origin::Egp => 2,
        Origin::Incomplete => 4,
    }
}
