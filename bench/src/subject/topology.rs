//! What a daemon is configured for: one speaker with its peers and filters.

use std::net::{Ipv4Addr, SocketAddrV4};

use bgp_codec::{Asn, BgpIdentifier, ClusterId, Ipv4Prefix};

use crate::peer::PeerSettings;

/// What every daemon is configured for: one speaker that waits for peers.
#[derive(Clone)]
pub(crate) struct Topology {
    pub(crate) asn: Asn,
    pub(crate) router_id: BgpIdentifier,
    pub(crate) listen: SocketAddrV4,
    pub(crate) peers: Vec<PeerSettings>,
    /// The cluster whose clients the peers of the own AS are.
    pub(crate) cluster: Option<ClusterId>,
    /// Where the next hops are of the routes that it shall put into the kernel's table; without any, it has no kernel.
    pub(crate) interfaces: Vec<&'static str>,
    /// The peers whose routes go to the others when there is no daemon but a bare relay.
    pub(crate) relayed: Vec<Ipv4Addr>,
    pub(crate) refusals: Vec<Refusal>,
}

/// A filter: routes inside a prefix are not taken from a peer, or not advertised to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) peer: Ipv4Addr,
    pub(crate) direction: Direction,
    pub(crate) within: Ipv4Prefix,
}

/// On which side of the daemon a filter is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Import,
    Export,
}

impl Topology {
    pub(super) fn cluster_address(&self) -> Option<Ipv4Addr> {
        self.cluster.map(|cluster| Ipv4Addr::from_bits(cluster.0))
    }

    pub(super) fn has_kernel(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// The peers' AS numbers, each once.
    pub(super) fn peer_asns(&self) -> Vec<Asn> {
        let mut asns: Vec<Asn> = self.peers.iter().map(|peer| peer.asn).collect();
        asns.sort_unstable();
        asns.dedup();
        asns
    }
}
