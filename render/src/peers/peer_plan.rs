//! A peer of a node, and what it follows from.

use std::net::{IpAddr, Ipv4Addr};

use margay_cluster::value::{Asn, Span};

use crate::policy::FilterUse;
use crate::secrets::PasswordFile;

/// A peer of the node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerPlan {
    /// The name, as Calico's BIRD has it: programs that read the state of sessions know it.
    pub name: String,
    /// What it follows from.
    pub origin: Origin,
    /// Its address.
    pub address: IpAddr,
    /// Its port, when it is not 179.
    pub port: Option<u16>,
    /// Its AS number.
    pub remote_asn: Asn,
    /// The own AS number towards it, when it is not the node's.
    pub local_asn: Option<Asn>,
    /// The source address of the session.
    pub source_address: Option<IpAddr>,
    /// Whether the node waits to be called.
    pub passive: bool,
    /// The most hops to it, enforced by TTL (RFC 5082).
    pub ttl_security: Option<u8>,
    /// The cluster whose client it is.
    pub reflected: Option<ReflectedCluster>,
    /// The file with the password of the session.
    pub password: Option<PasswordFile>,
    /// The next hop of what is advertised to it.
    pub next_hop: NextHop,
    /// How often the own AS number may stand in the AS path of what it sends.
    pub allow_local_as: Option<u32>,
    /// The restart time that is advertised to it (RFC 4724 §3).
    pub restart_time: Option<Span>,
    /// The time between KEEPALIVE messages.
    pub keepalive: Option<Span>,
    /// The gateway to it.
    pub reachable_by: Option<IpAddr>,
    /// Filters for what it sends, in order.
    pub import: Vec<FilterUse>,
    /// Filters for what is advertised to it, in order.
    pub export: Vec<FilterUse>,
}

/// What a peer follows from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Origin {
    /// The mesh between nodes, and the other node.
    Mesh(String),
    /// A `BGPPeer` of all nodes.
    Global(String),
    /// A `BGPPeer` of some nodes.
    Node(String),
    /// A `BGPPeer` of workloads.
    LocalWorkload(String),
}

/// The cluster of a client (RFC 4456).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReflectedCluster(pub Ipv4Addr);

/// The next hop of what is advertised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextHop {
    /// As BGP has it.
    Auto,
    /// The own address.
    Own,
    /// The one that the route came with.
    Keep,
}

impl PeerPlan {
    /// The own AS number towards it.
    #[must_use]
    pub fn effective_local_asn(&self, node: Asn) -> Asn {
        self.local_asn.unwrap_or(node)
    }

    /// Whether it is in the own AS.
    #[must_use]
    pub fn is_internal(&self, node: Asn) -> bool {
        self.remote_asn == self.effective_local_asn(node)
    }
}

impl Origin {
    /// Kind and name of the object.
    #[must_use]
    pub fn object(&self) -> (&'static str, &str) {
        match self {
            Self::Mesh(node) => ("Node", node),
            Self::Global(peer) | Self::Node(peer) | Self::LocalWorkload(peer) => ("BGPPeer", peer),
        }
    }

    /// The name of a peer with this address and port.
    pub(super) fn name(&self, address: IpAddr, port: Option<u16>) -> String {
        let kind = match self {
            Self::Mesh(_) => "Mesh",
            Self::Global(_) => "Global",
            Self::Node(_) => "Node",
            Self::LocalWorkload(_) => "Local_Workload",
        };
        let place = address.to_string().replace(['.', ':'], "_");
        match port.filter(|_| !matches!(self, Self::Mesh(_))) {
            Some(port) => format!("{kind}_{place}_port_{port}"),
            None => format!("{kind}_{place}"),
        }
    }
}
