//! Route reflection (RFC 4456): who is a client, and what a reflector adds to a route that it passes on.

use bgp_codec::{BgpIdentifier, ClusterId, PathAttributesBuilder};

use crate::policy::ExportRefusal;

/// How a speaker reflects routes between its internal peers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReflectorOptions {
    /// The clusters that the speaker is a reflector of, and its BGP Identifier where that is none of them: a route that
    /// went through one of them has come round (RFC 4456 §8).
    pub clusters: Vec<ClusterId>,
    /// Whether the clients of a cluster are told each other's routes.
    pub client_to_client: ClientToClient,
}

impl ReflectorOptions {
    /// A speaker that acts for one cluster only, which bears its identifier.
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

/// Whether the clients of a cluster are told each other's routes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ClientToClient {
    /// They are: each client only peers with the reflector.
    #[default]
    Reflected,
    /// They are peers of each other, and tell each other themselves. Clients of different clusters are still told.
    Meshed,
}

/// The part of an internal peer in reflection. Of external peers it says nothing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Reflection {
    /// An ordinary internal peer: is told what clients announce, and not what other non-clients do.
    #[default]
    NonClient,
    /// A client of this cluster: is told everything.
    Client(ClusterId),
}

/// The internal peer that a path came from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct InternalSource {
    pub(crate) identifier: BgpIdentifier,
    pub(crate) reflection: Reflection,
}

/// Whether a path from `source` is passed on to internal peers of this kind (RFC 4456 §6).
pub(crate) fn check(
    source: InternalSource,
    to: Reflection,
    client_to_client: ClientToClient,
) -> Result<(), ExportRefusal> {
    match (source.reflection, to, client_to_client) {
        (Reflection::NonClient, Reflection::NonClient, _) => Err(ExportRefusal::InternalToInternal),
        (Reflection::Client(from), Reflection::Client(to), ClientToClient::Meshed) if from == to => {
            Err(ExportRefusal::ClientToClient)
        }
        (Reflection::Client(_) | Reflection::NonClient, _, _) => Ok(()),
    }
}

/// Marks a route that is passed on: who brought it into the AS, and the clusters that it goes through here, that of the
/// receiver in front (RFC 4456 §8).
pub(crate) fn mark(route: &mut PathAttributesBuilder, source: InternalSource, to: Reflection) {
    route.originator_id.get_or_insert(source.identifier);
    let through = match (source.reflection, to) {
        (Reflection::Client(from), Reflection::Client(to)) if from != to => vec![to, from],
        (Reflection::Client(cluster), _) | (Reflection::NonClient, Reflection::Client(cluster)) => {
            vec![cluster]
        }
        (Reflection::NonClient, Reflection::NonClient) => Vec::new(),
    };
    route.cluster_list.splice(0..0, through);
}

#[cfg(test)]
mod tests {
    use bgp_codec::Origin;

    use super::*;

    const NON_CLIENT: Reflection = Reflection::NonClient;
    const CLIENT: Reflection = Reflection::Client(ClusterId(1));
    const OTHER_CLUSTER: Reflection = Reflection::Client(ClusterId(2));

    fn source(reflection: Reflection) -> InternalSource {
        InternalSource { identifier: BgpIdentifier::new(7).unwrap(), reflection }
    }

    #[test]
    fn who_is_told_what() {
        use ClientToClient::{Meshed, Reflected};
        let rows = [
            (NON_CLIENT, NON_CLIENT, Reflected, Err(ExportRefusal::InternalToInternal)),
            (NON_CLIENT, CLIENT, Reflected, Ok(())),
            (CLIENT, NON_CLIENT, Reflected, Ok(())),
            (CLIENT, CLIENT, Reflected, Ok(())),
            (CLIENT, OTHER_CLUSTER, Reflected, Ok(())),
            (NON_CLIENT, NON_CLIENT, Meshed, Err(ExportRefusal::InternalToInternal)),
            (NON_CLIENT, CLIENT, Meshed, Ok(())),
            (CLIENT, NON_CLIENT, Meshed, Ok(())),
            (CLIENT, CLIENT, Meshed, Err(ExportRefusal::ClientToClient)),
            (CLIENT, OTHER_CLUSTER, Meshed, Ok(())),
        ];
        for (from, to, client_to_client, expected) in rows {
            let answer = check(source(from), to, client_to_client);
            assert_eq!(answer, expected, "{from:?} to {to:?}, {client_to_client:?}");
        }
    }

    #[test]
    fn a_reflected_route_bears_its_originator_and_every_cluster_in_order() {
        let rows = [
            (NON_CLIENT, CLIENT, vec![1]),
            (CLIENT, NON_CLIENT, vec![1]),
            (CLIENT, CLIENT, vec![1]),
            (CLIENT, OTHER_CLUSTER, vec![2, 1]),
        ];
        for (from, to, through) in rows {
            let mut fresh = PathAttributesBuilder::new(Origin::Igp);
            mark(&mut fresh, source(from), to);
            assert_eq!(fresh.originator_id, BgpIdentifier::new(7));
            let mut reflected = PathAttributesBuilder::new(Origin::Igp);
            reflected.originator_id = BgpIdentifier::new(5);
            reflected.cluster_list = vec![ClusterId(9)];
            mark(&mut reflected, source(from), to);
            assert_eq!(reflected.originator_id, BgpIdentifier::new(5), "the first originator stays");
            let clusters: Vec<u32> = reflected.cluster_list.iter().map(|cluster| cluster.0).collect();
            assert_eq!(clusters, [through, vec![9]].concat(), "{from:?} to {to:?}");
        }
    }
}
