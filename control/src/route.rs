//! Routes as received from a peer, as chosen, or as advertised to a peer.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of routes: `GET /v1/routes`. Within a page they are ordered by prefix; pages are in no particular
/// order, except that IPv4 precedes IPv6.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RoutesPage {
    /// The routes.
    pub routes: Vec<Route>,
    /// Value of `after=` for the next page; `None` on the last one. Its content is opaque to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A route with its attributes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Route {
    /// The destination, such as `10.65.1.0/26`.
    #[schema(value_type = String)]
    pub prefix: IpNet,
    /// The peer that announced it; `None` for a network of this node.
    pub peer: Option<String>,
    /// The path identifier that the peer assigned (RFC 7911).
    pub path_id: Option<u32>,
    /// The next hop; `None` for a network of this node.
    pub next_hop: Option<String>,
    /// The AS path, such as `65001 65002 {65003 65004}`; empty for a path from this AS.
    pub as_path: String,
    /// `igp`, `egp` or `incomplete`.
    pub origin: String,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// Communities, such as `65000:1` or `no-export`.
    #[serde(default)]
    pub communities: Vec<String>,
    /// Large communities, such as `65000:1:2`.
    #[serde(default)]
    pub large_communities: Vec<String>,
    /// Extended communities.
    #[serde(default)]
    pub extended_communities: Vec<String>,
    /// What it comes from: `peer`, `network`, `kernel` or `static`.
    #[serde(default)]
    pub source: String,
    /// Preference on this node, compared before everything of BGP; the highest wins.
    #[serde(default)]
    pub preference: u32,
    /// Weight on this node, compared after the preference; the highest wins.
    #[serde(default)]
    pub weight: u32,
    /// Metric in the kernel; `None` for the default one.
    #[serde(default)]
    pub metric: Option<u32>,
    /// The mark that filters gave it.
    #[serde(default)]
    pub tag: Option<u32>,
    /// Cost of the way to the next hop; `None` if that is not reachable.
    #[serde(default)]
    pub cost: Option<u32>,
    /// ORIGINATOR_ID of a reflected route.
    pub originator_id: Option<String>,
    /// CLUSTER_LIST of a reflected route.
    #[serde(default)]
    pub cluster_list: Vec<String>,
    /// Whether it is the route chosen for its prefix.
    pub best: bool,
    /// Whether it is eligible: accepted, with a reachable next hop.
    pub valid: bool,
    /// Whether it is kept while its peer restarts.
    #[serde(default)]
    pub stale: bool,
    /// Why it was rejected, in operators' words; `None` when it was accepted.
    pub rejected: Option<String>,
}
