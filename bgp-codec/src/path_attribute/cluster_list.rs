//! CLUSTER_LIST (RFC 4456 §8).

use crate::BgpIdentifier;

/// The clusters of a value that was checked to be a row of four octets, none of them all zero.
pub(crate) fn cluster_list(value: &[u8]) -> impl Iterator<Item = BgpIdentifier> + '_ {
    value.as_chunks().0.iter().filter_map(|octets| BgpIdentifier::new(u32::from_be_bytes(*octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_cluster_comes_first() {
        let clusters: Vec<String> =
            cluster_list(&[10, 0, 0, 2, 10, 0, 0, 1]).map(|cluster| cluster.to_string()).collect();
        assert_eq!(clusters, ["10.0.0.2", "10.0.0.1"]);
    }
}
