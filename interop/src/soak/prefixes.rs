//! The prefixes of a peer that comes and goes, and the version of its routes in a community.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

/// Prefixes of each peer.
pub(super) const EACH: u16 = 4;

/// The prefixes of the peer with a number; no two peers have one in common.
pub(super) fn of_peer(number: u16) -> Vec<IpNet> {
    (0..EACH).filter_map(|index| prefix(number * EACH + index)).collect()
}

/// 20.0.0.0/24 and following ones.
fn prefix(number: u16) -> Option<IpNet> {
    let address = Ipv4Addr::from((20 << 24) + (u32::from(number) << 8));
    Ipv4Net::new(address, 24).ok().map(IpNet::V4)
}

/// The value of COMMUNITIES that marks a version.
pub(super) fn mark(version: u16) -> Vec<u8> {
    [[0xfd, 0xe9], version.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EACH, of_peer};

    #[test]
    fn no_two_peers_have_a_prefix_in_common() {
        let all: BTreeSet<_> = (0..1000).flat_map(of_peer).collect();
        assert_eq!(all.len(), 1000 * usize::from(EACH));
    }
}
