//! The stable state of every speaker, computed from the configurations alone.
//!
//! A path-vector computation without memory: in each round every node decides among the routes that its peers advertised
//! in the round before, until a round changes nothing. It shares no code with the daemon's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bgp_codec::Prefix;

use crate::plan::{NodeId, NodePlan, PeerPlan, address_of, ipv4_of, ipv6_of};

/// A path as a node advertises it to a peer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Route {
    pub(crate) as_path: Vec<u32>,
    pub(crate) local_pref: Option<u32>,
    pub(crate) originator: Option<u32>,
    pub(crate) clusters: Vec<u32>,
    pub(crate) next_hop: IpAddr,
}

/// The path that a node uses for a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Best {
    /// The peer that advertised it; `None` for the node's own.
    pub(crate) from: Option<NodeId>,
    /// As import filters left it: several, if only path identifiers distinguish them, because the sender may choose among
    /// them. Empty for the node's own.
    pub(crate) routes: Vec<Route>,
    /// The next hops; none for the node's own.
    pub(crate) next_hops: BTreeSet<IpAddr>,
}

/// A stable state: the Loc-RIB of each node.
pub(crate) type Fixpoint = BTreeMap<NodeId, BTreeMap<Prefix, Best>>;

/// The nodes that a path passed, which identify the path as a path identifier does.
type Way = Vec<NodeId>;

/// The routes that one node advertises to another.
type Advertised = BTreeMap<(Prefix, Way), Route>;

/// A path that a node may use.
#[derive(Clone)]
struct Candidate {
    from: Option<NodeId>,
    way: Way,
    route: Option<Route>,
    local_pref: u32,
}

/// Computes the stable state of nodes with the sessions of `are_connected`.
///
/// # Errors
///
/// There is none, or it was not found.
pub(crate) fn fixpoint(
    nodes: &[&NodePlan],
    are_connected: impl Fn(NodeId, NodeId) -> bool,
) -> Result<Fixpoint, String> {
    let by_id: BTreeMap<NodeId, &NodePlan> = nodes.iter().map(|node| (node.id, *node)).collect();
    let mut advertised: BTreeMap<(NodeId, NodeId), Advertised> = BTreeMap::new();
    for _ in 0..4 * nodes.len() + 8 {
        let mut next = BTreeMap::new();
        let mut state = Fixpoint::new();
        for node in nodes {
            let speaker = Speaker { node, nodes: &by_id };
            let candidates = speaker.candidates(&advertised);
            for peer in node.peers.iter().filter(|peer| are_connected(node.id, peer.node)) {
                next.insert((node.id, peer.node), speaker.advertised(peer, &candidates));
            }
            state.insert(node.id, speaker.loc_rib(&candidates));
        }
        if next == advertised {
            return Ok(state);
        }
        advertised = next;
    }
    Err("bug in the simulation: the topology has no stable state, or several".to_owned())
}

struct Speaker<'a> {
    node: &'a NodePlan,
    nodes: &'a BTreeMap<NodeId, &'a NodePlan>,
}

impl Speaker<'_> {
    fn candidates(
        &self,
        advertised: &BTreeMap<(NodeId, NodeId), Advertised>,
    ) -> BTreeMap<Prefix, Vec<Candidate>> {
        let mut candidates: BTreeMap<Prefix, Vec<Candidate>> = BTreeMap::new();
        for &prefix in &self.node.networks {
            let own = Candidate { from: None, way: Vec::new(), route: None, local_pref: 100 };
            candidates.entry(prefix).or_default().push(own);
        }
        for peer in &self.node.peers {
            let Some(advertised) = advertised.get(&(peer.node, self.node.id)) else { continue };
            for ((prefix, way), route) in advertised {
                if let Some(route) = self.import(peer, *prefix, route) {
                    let (from, way) = (Some(peer.node), way.clone());
                    let local_pref = route.local_pref.unwrap_or(100);
                    let candidate = Candidate { from, way, route: Some(route), local_pref };
                    candidates.entry(*prefix).or_default().push(candidate);
                }
            }
        }
        candidates
    }

    /// A route as the import filters leave it; `None` if it is refused.
    fn import(&self, peer: &PeerPlan, prefix: Prefix, route: &Route) -> Option<Route> {
        let own_clusters = [self.node.cluster().to_bits(), ipv4_of(self.node.id).to_bits()];
        let is_own_address = [ipv4_of(self.node.id).into(), ipv6_of(self.node.id).into()];
        let has_come_round = route.as_path.contains(&self.node.asn)
            || route.originator == Some(ipv4_of(self.node.id).to_bits())
            || route.clusters.iter().any(|cluster| own_clusters.contains(cluster))
            || is_own_address.contains(&route.next_hop);
        let is_filtered = peer.import_without.is_some_and(|without| without.contains(prefix));
        if has_come_round || is_filtered {
            return None;
        }
        let preferred = peer.prefers.filter(|(covering, _)| covering.contains(prefix));
        let local_pref = preferred.map(|(_, local_pref)| local_pref).or(route.local_pref);
        Some(Route { local_pref, ..route.clone() })
    }

    fn loc_rib(&self, candidates: &BTreeMap<Prefix, Vec<Candidate>>) -> BTreeMap<Prefix, Best> {
        let best = |(&prefix, candidates): (&Prefix, &Vec<Candidate>)| {
            let ranked = self.rank(candidates);
            let best = ranked.first()?;
            let equal = ranked.iter().take_while(|other| self.merit(other) == self.merit(best));
            let next_hops: BTreeSet<IpAddr> =
                equal.filter_map(|path| path.route.as_ref().map(|route| route.next_hop)).collect();
            let next_hops = next_hops.into_iter().take(MULTIPATH).collect();
            let tied = ranked.iter().take_while(|other| self.rank_key(other) == self.rank_key(best));
            let routes = tied.filter_map(|path| path.route.clone()).collect();
            Some((prefix, Best { from: best.from, routes, next_hops }))
        };
        candidates.iter().filter_map(best).collect()
    }

    /// The candidates, best first (RFC 4271 §9.1.2.2, RFC 4456 §9).
    fn rank(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let mut ranked = candidates.to_vec();
        ranked.sort_by_key(|path| (self.rank_key(path), path.way.clone()));
        ranked
    }

    /// What the decision process compares, except for path identifiers.
    fn rank_key(&self, path: &Candidate) -> (Merit, Option<u32>, usize, Option<IpAddr>) {
        let originator = path.route.as_ref().and_then(|route| route.originator);
        let identifier = originator.or_else(|| path.from.map(|from| ipv4_of(from).to_bits()));
        let clusters = path.route.as_ref().map_or(0, |route| route.clusters.len());
        let address = path.from.and_then(|from| self.node.peer(from)).map(address_of);
        (self.merit(path), identifier, clusters, address)
    }

    /// The steps before any tie-break: the least is the best.
    fn merit(&self, path: &Candidate) -> Merit {
        let is_internal = path.from.is_some_and(|from| self.is_internal(from));
        let length = path.route.as_ref().map_or(0, |route| route.as_path.len());
        (path.from.is_some(), u32::MAX - path.local_pref, length, is_internal)
    }

    fn is_internal(&self, peer: NodeId) -> bool {
        self.nodes[&peer].asn == self.node.asn
    }

    fn advertised(&self, peer: &PeerPlan, candidates: &BTreeMap<Prefix, Vec<Candidate>>) -> Advertised {
        let takes_several =
            peer.add_path && self.nodes[&peer.node].peer(self.node.id).is_some_and(|back| back.add_path);
        let mut advertised = Advertised::new();
        for (&prefix, candidates) in candidates {
            let ranked = self.rank(candidates);
            let chosen = if takes_several { &ranked[..] } else { &ranked[..1.min(ranked.len())] };
            for path in chosen {
                if let Some(route) = self.export(peer, prefix, path) {
                    let way = path.from.map_or_else(Vec::new, |from| [vec![from], path.way.clone()].concat());
                    advertised.insert((prefix, way), route);
                }
            }
        }
        advertised
    }

    fn export(&self, peer: &PeerPlan, prefix: Prefix, path: &Candidate) -> Option<Route> {
        let is_filtered = peer.export_without.is_some_and(|without| without.contains(prefix));
        if path.from == Some(peer.node) || is_filtered {
            return None;
        }
        let own_address: IpAddr = match prefix {
            Prefix::Ipv4(_) => ipv4_of(self.node.id).into(),
            Prefix::Ipv6(_) => ipv6_of(self.node.id).into(),
        };
        let is_internal = self.is_internal(peer.node);
        let Some(route) = &path.route else {
            return Some(Route {
                as_path: if is_internal { Vec::new() } else { vec![self.node.asn] },
                local_pref: is_internal.then_some(100),
                originator: None,
                clusters: Vec::new(),
                next_hop: own_address,
            });
        };
        if !is_internal {
            return Some(Route {
                as_path: [vec![self.node.asn], route.as_path.clone()].concat(),
                local_pref: None,
                originator: None,
                clusters: Vec::new(),
                next_hop: own_address,
            });
        }
        let from = path.from?;
        let advertised = Route { local_pref: Some(path.local_pref), ..route.clone() };
        if !self.is_internal(from) {
            return Some(advertised);
        }
        let from_client = self.node.peer(from)?.is_client;
        if !from_client && !peer.is_client {
            return None;
        }
        Some(Route {
            originator: Some(route.originator.unwrap_or_else(|| ipv4_of(from).to_bits())),
            clusters: [vec![self.node.cluster().to_bits()], route.clusters.clone()].concat(),
            ..advertised
        })
    }
}

/// Learned or own, inverse LOCAL_PREF, AS_PATH length, internal or external.
type Merit = (bool, u32, usize, bool);

/// The configured `kernel.multipath`.
const MULTIPATH: usize = 4;
