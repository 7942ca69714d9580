//! Routes of the Rib as clients see them.

use margay_control::{PathStatus, Route};
use margay_filter::SourceKind;
use margay_rib::{ImportRefusal, RouteStatus, RouteView};

/// A path with its attributes, as text.
pub(super) fn route(view: &RouteView) -> Route {
    let attributes = &view.attributes;
    Route {
        prefix: view.prefix.into(),
        peer: view.peer.as_deref().map(str::to_owned),
        path_id: Some(view.path_id.0).filter(|&id| id != 0),
        next_hop: view.next_hop.map(|next_hop| next_hop.to_string()),
        as_path: attributes.as_path().to_string(),
        origin: attributes.origin().to_string().to_lowercase(),
        med: attributes.med(),
        local_pref: attributes.local_pref(),
        communities: attributes.communities().map(|community| community.to_string()).collect(),
        large_communities: attributes.large_communities().map(|community| community.to_string()).collect(),
        extended_communities: attributes
            .extended_communities()
            .map(|community| community.to_string())
            .collect(),
        source: source(view.local.source).to_owned(),
        preference: view.local.preference,
        weight: view.local.weight,
        metric: view.local.metric,
        tag: view.local.tag,
        cost: view.local.cost,
        originator_id: attributes.originator_id().map(|identifier| identifier.to_string()),
        cluster_list: attributes.cluster_list().map(|cluster| cluster.to_string()).collect(),
        best: matches!(view.status, RouteStatus::Best(_)),
        valid: matches!(view.status, RouteStatus::Best(_) | RouteStatus::Multipath(_) | RouteStatus::Lost(_)),
        stale: view.is_stale,
        rejected: rejection(&view.status),
    }
}

fn source(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Peer => "peer",
        SourceKind::Local => "network",
        SourceKind::Kernel => "kernel",
        SourceKind::Static => "static",
    }
}

/// The status of a path, in operators' terms.
pub(super) fn path_status(status: &RouteStatus) -> PathStatus {
    match status {
        RouteStatus::Best(_) => PathStatus::Best,
        RouteStatus::Multipath(_) => PathStatus::Multipath,
        RouteStatus::Lost(step) => PathStatus::Lost { step: step.to_string() },
        RouteStatus::Refused(refusal, verdict) => {
            PathStatus::Rejected { reason: reason(*refusal, verdict.as_ref()) }
        }
        RouteStatus::NextHopUnreachable => PathStatus::Unusable { reason: UNREACHABLE.to_owned() },
        RouteStatus::PeerGone => PathStatus::Unusable { reason: "its session is over".to_owned() },
    }
}

const UNREACHABLE: &str = "no route of the kernel covers the next hop; default routes count only with \
                           kernel.resolve_via_default: a route to the node's network or an entry in \
                           kernel.onlink makes it usable";

fn rejection(status: &RouteStatus) -> Option<String> {
    match status {
        RouteStatus::Refused(refusal, verdict) => Some(reason(*refusal, verdict.as_ref())),
        RouteStatus::Best(_)
        | RouteStatus::Multipath(_)
        | RouteStatus::Lost(_)
        | RouteStatus::NextHopUnreachable
        | RouteStatus::PeerGone => None,
    }
}

/// A filter's verdict is more specific than the reason.
fn reason(refusal: ImportRefusal, verdict: Option<&String>) -> String {
    verdict.cloned().unwrap_or_else(|| refusal.to_string())
}
