//! The configuration of a daemon: one speaker with its peers and filters.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use bgp_codec::{Asn, BgpIdentifier, ClusterId, Ipv4Prefix};

use super::term::Term;
use crate::peer::PeerSettings;

/// The configuration of a daemon: one speaker that waits for peers.
#[derive(Clone)]
pub(crate) struct Topology {
    pub(crate) asn: Asn,
    pub(crate) router_id: BgpIdentifier,
    pub(crate) listen: SocketAddrV4,
    pub(crate) peers: Vec<PeerSettings>,
    /// The cluster whose clients the peers of the own AS are.
    pub(crate) cluster: Option<ClusterId>,
    /// Interfaces of the next hops of routes to be installed; without any, no kernel is used.
    pub(crate) interfaces: Vec<&'static str>,
    /// The peers whose octets a bare relay passes on.
    pub(crate) relayed: Vec<Ipv4Addr>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) protection: Protection,
    /// The terms of the import filter of a peer.
    pub(crate) terms: Option<(Ipv4Addr, Rc<[Term]>)>,
}

/// A filter: routes inside a prefix are not accepted from a peer, or not advertised to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) peer: Ipv4Addr,
    pub(crate) direction: Direction,
    pub(crate) within: Ipv4Prefix,
}

/// What protects the daemon from peers that announce too much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Protection {
    /// A peer, and how many prefixes it may announce.
    pub(crate) prefix_limit: Option<(Ipv4Addr, u32)>,
    /// The memory that the daemon may use.
    pub(crate) memory_guard_mib: Option<u64>,
}

/// Direction of a filter.
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

    /// The peers' AS numbers, without duplicates.
    pub(super) fn peer_asns(&self) -> Vec<Asn> {
        let mut asns: Vec<Asn> = self.peers.iter().map(|peer| peer.asn).collect();
        asns.sort_unstable();
        asns.dedup();
        asns
    }
}
