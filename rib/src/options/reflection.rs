//! Options of route reflection (RFC 4456): clusters and clients.

use bgp_codec::{BgpIdentifier, ClusterId};
use serde::{Deserialize, Serialize};

/// How a speaker reflects routes between its internal peers.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct ReflectorOptions {
    /// The clusters that the speaker reflects for, and its BGP Identifier if that is not one of them: a route
    /// with one of them in its CLUSTER_LIST has looped (RFC 4456 §8).
    pub clusters: Vec<ClusterId>,
    /// Whether routes are reflected between the clients of a cluster.
    pub client_to_client: ClientToClient,
}

impl ReflectorOptions {
    /// The options of a speaker with one cluster, whose identifier is the speaker's own.
    #[must_use]
    pub fn new(identifier: BgpIdentifier) -> Self {
        Self { clusters: vec![identifier.into()], client_to_client: ClientToClient::Reflected }
    }

    pub(crate) fn has_same_clusters(&self, other: &Self) -> bool {
        let is_in = |others: &[ClusterId], clusters: &[ClusterId]| {
            clusters.iter().all(|cluster| others.contains(cluster))
        };
        is_in(&self.clusters, &other.clusters) && is_in(&other.clusters, &self.clusters)
    }
}

/// Whether routes are reflected between the clients of a cluster.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum ClientToClient {
    /// They are: each client only peers with the reflector.
    #[default]
    Reflected,
    /// The clients are fully meshed. Routes are still reflected between different clusters.
    Meshed,
}

/// The role of an internal peer in reflection. It has no meaning for external peers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum Reflection {
    /// An ordinary internal peer: it is sent routes from clients, but not from other non-clients.
    #[default]
    NonClient,
    /// A client of this cluster: it is sent all routes.
    Client(ClusterId),
}
