//! Why a prefix is routed as it is, as clients see it.

use margay_control::{Advertisement, ExplainedPath, Explanation, Installation};
use margay_rib::{ExportView, Forwarding, NotExported};

use super::route::{path_status, route};
use crate::kernel::KernelSnapshot;

/// Joins what the Rib knows with what the kernel thread does about it.
pub(super) fn explanation(
    explanation: &margay_rib::Explanation,
    kernel: Option<&KernelSnapshot>,
) -> Explanation {
    let paths = explanation
        .routes
        .iter()
        .map(|view| ExplainedPath { route: route(view), status: path_status(&view.status) });
    Explanation {
        prefix: explanation.prefix.to_string(),
        paths: paths.collect(),
        installation: kernel.map(|kernel| installation(explanation, kernel)),
        advertisements: explanation.exports.iter().map(advertisement).collect(),
    }
}

fn installation(explanation: &margay_rib::Explanation, kernel: &KernelSnapshot) -> Installation {
    let prefix = explanation.prefix;
    if let Ok(position) = kernel.installed.binary_search_by_key(&prefix, |route| route.prefix) {
        return match &kernel.installed[position].forwarding {
            Forwarding::Blackhole => Installation::Blackhole,
            Forwarding::Via(next_hops) => {
                Installation::Installed { next_hops: next_hops.iter().map(ToString::to_string).collect() }
            }
        };
    }
    let failed = kernel.failed.iter().find(|route| route.prefix == prefix).map(|route| route.reason.clone());
    let reason = failed.unwrap_or_else(|| match &explanation.forwarding {
        Some(_) => "it is on its way to the kernel".to_owned(),
        None => "there is no usable path that needs a route".to_owned(),
    });
    Installation::NotInstalled { reason }
}

fn advertisement(view: &ExportView) -> Advertisement {
    let withheld = match &view.refusal {
        None if view.told => None,
        None => Some("on its way: the peer is behind".to_owned()),
        Some(NotExported::NoRoute) => Some("there is no usable path".to_owned()),
        Some(NotExported::SplitHorizon) => Some("the best path came from it".to_owned()),
        Some(NotExported::Refused(refusal)) => Some(refusal.to_string()),
    };
    Advertisement { peer: view.peer.to_string(), withheld }
}
