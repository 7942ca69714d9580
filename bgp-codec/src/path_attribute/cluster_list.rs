//! CLUSTER_LIST (RFC 4456 §8).

use std::fmt;
use std::net::Ipv4Addr;

use crate::BgpIdentifier;

/// Names a cluster of a route reflector: usually its BGP identifier, but any four octets are allowed (RFC 4456 §7).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
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

/// The clusters of a value that was checked to be a row of four octets, the latest first.
pub(crate) fn cluster_list(value: &[u8]) -> impl Iterator<Item = ClusterId> + '_ {
    value.as_chunks().0.iter().map(|octets| ClusterId(u32::from_be_bytes(*octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_cluster_comes_first() {
        let clusters: Vec<String> =
            cluster_list(&[10, 0, 0, 2, 0, 0, 0, 0]).map(|cluster| cluster.to_string()).collect();
        assert_eq!(clusters, ["10.0.0.2", "0.0.0.0"]);
    }
}
