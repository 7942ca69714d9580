//! CLUSTER_LIST (RFC 4456 §8).

use std::fmt;
use std::net::Ipv4Addr;

use crate::BgpIdentifier;

/// Identifies a cluster of a route reflector: usually its BGP identifier, but any four octets are allowed
/// (RFC 4456 §7).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ClusterId(pub u32);

impl From<BgpIdentifier> for ClusterId {
    fn from(identifier: BgpIdentifier) -> Self {
        Self(identifier.to_u32())
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv4Addr::from(self.0).fmt(f)
    }
}

impl From<[u8; 4]> for ClusterId {
    fn from(octets: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_shown_as_an_address() {
        let texts = [[10, 0, 0, 2], [0; 4]].map(|octets| ClusterId::from(octets).to_string());
        assert_eq!(texts, ["10.0.0.2", "0.0.0.0"]);
    }
}
