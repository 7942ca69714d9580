//! The peers of a node: other nodes of the mesh, explicit ones, and workloads.

mod explicit;
mod mesh;
mod selection;
mod workload;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use margay_cluster::value::{Asn, Span};

use crate::plan::Context;
use crate::policy::FilterUse;
use crate::secrets::PasswordFile;
use crate::{Family, Problem};

pub(crate) use selection::{is_on, selects};

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

/// All peers of the node, in the order of their names.
pub(crate) fn plan_peers(context: &Context<'_>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut peers = mesh::plan(context, problems);
    peers.extend(explicit::plan(context, problems));
    peers.extend(workload::plan(context, problems));
    without_doubles(peers, problems)
}

/// The peers by name. Two with one address and port cannot both have their session: the explicit one stays.
fn without_doubles(peers: Vec<PeerPlan>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    let mut by_place: BTreeMap<(IpAddr, Option<u16>), PeerPlan> = BTreeMap::new();
    for peer in peers {
        match by_place.get(&(peer.address, peer.port)) {
            Some(first) if first.origin >= peer.origin => problems.push(displaced(&peer, first)),
            Some(first) => {
                problems.push(displaced(first, &peer));
                by_place.insert((peer.address, peer.port), peer);
            }
            None => drop(by_place.insert((peer.address, peer.port), peer)),
        }
    }
    let by_name: BTreeMap<String, PeerPlan> =
        by_place.into_values().map(|peer| (peer.name.clone(), peer)).collect();
    by_name.into_values().collect()
}

fn displaced(peer: &PeerPlan, by: &PeerPlan) -> Problem {
    let (kind, name) = peer.origin.object();
    let (other_kind, other_name) = by.origin.object();
    let what =
        format!("its session with {} is left out: {other_kind} {other_name} has one there", peer.address);
    Problem::new(kind, name, what)
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
    fn name(&self, address: IpAddr, port: Option<u16>) -> String {
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

/// Whether the node waits for a peer to call: both sides compare the same texts, so that exactly one calls.
fn waits_for(peer: IpAddr, own: IpAddr) -> bool {
    Family::of(peer) == Family::of(own) && peer.to_string() > own.to_string()
}
