//! Route reflection (RFC 4456): which routes are passed on, and the attributes that a reflector adds.

use bgp_codec::PathAttributesBuilder;

use super::refusal::ExportRefusal;
use crate::options::{ClientToClient, Reflection};
use crate::paths::InternalSource;

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

/// Marks a reflected route with the router that brought it into the AS, and with the clusters that it passes
/// here, the receiver's first (RFC 4456 §8).
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
    use bgp_codec::{BgpIdentifier, ClusterId, Origin};

    use super::*;

    const NON_CLIENT: Reflection = Reflection::NonClient;
    const CLIENT: Reflection = Reflection::Client(ClusterId(1));
    const OTHER_CLUSTER: Reflection = Reflection::Client(ClusterId(2));

    fn source(reflection: Reflection) -> InternalSource {
        InternalSource { identifier: BgpIdentifier::new(7).unwrap(), reflection }
    }

    #[test]
    fn reflects_from_and_to_clients_only() {
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
