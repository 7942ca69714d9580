//! Why a prefix is routed as it is, as clients see it.

use axum::Json;
use axum::extract::State;
use margay_control::{
    Advertisement, AskedRule, ExplainQuery, ExplainedPath, Explanation, FilterDirection, FilterPass,
    Installation, KernelRoute,
};
use margay_rib::{ExportView, NotExported};

use super::api::Api;
use super::error::{ApiError, BadRequest, NotFound, Unanswered};
use super::query::QueryOf;
use super::route::{path_status, route};
use super::routes::parse_destination;
use crate::kernel::{KernelRequest, PrefixState};
use crate::speaker::{Destination, SpeakerRequest};

/// Why a prefix is routed as it is.
#[utoipa::path(
    get,
    path = "/v1/explain",
    params(ExplainQuery),
    responses((status = 200, body = Explanation), BadRequest, NotFound, Unanswered),
)]
pub(super) async fn get_explanation(
    State(api): State<Api>,
    QueryOf(query): QueryOf<ExplainQuery>,
) -> Result<Json<Explanation>, ApiError> {
    let destination = parse_destination(&query.prefix)?;
    let known = api.ask(|answer| SpeakerRequest::Explain(destination, answer)).await?;
    let known = known.ok_or_else(|| no_route(destination))?;
    let kernel = api.ask_kernel(|answer| KernelRequest::Describe(known.prefix, answer)).await;
    Ok(Json(explanation(&known, kernel.as_deref())))
}

fn no_route(destination: Destination) -> ApiError {
    ApiError::not_found(match destination {
        Destination::Address(address) => format!("no route covers {address}"),
        Destination::Prefix(prefix) => {
            let address = prefix.network();
            format!("there is no route to exactly {prefix}; ask for {address} to see which route covers it")
        }
    })
}

/// Combines the Rib's explanation with the kernel thread's state, table by table.
fn explanation(explanation: &margay_rib::Explanation, kernel: Option<&[PrefixState]>) -> Explanation {
    let paths = explanation
        .routes
        .iter()
        .map(|view| ExplainedPath { route: route(view), status: path_status(&view.status) });
    Explanation {
        prefix: explanation.prefix.into(),
        paths: paths.collect(),
        installation: kernel.map(|kernel| installation(explanation, kernel)),
        kernel_routes: kernel.unwrap_or_default().iter().flat_map(kernel_routes).collect(),
        advertisements: explanation.exports.iter().map(advertisement).collect(),
        filters: explanation.filters.iter().map(filter_pass).collect(),
    }
}

fn filter_pass(pass: &margay_rib::FilterPass) -> FilterPass {
    FilterPass {
        direction: match pass.direction {
            margay_rib::FilterDirection::Import => FilterDirection::Import,
            margay_rib::FilterDirection::Export => FilterDirection::Export,
        },
        peers: pass.peers.iter().map(ToString::to_string).collect(),
        path_id: Some(pass.path_id.0).filter(|&id| id != 0),
        rules: pass.rules.iter().map(asked_rule).collect(),
        verdict: pass.verdict.clone(),
    }
}

fn asked_rule(rule: &margay_rib::AskedRule) -> AskedRule {
    let margay_rib::AskedRule { filter, rule, line, matched } = rule;
    AskedRule { filter: filter.clone(), rule: *rule, line: *line, matches: *matched }
}

fn installation(explanation: &margay_rib::Explanation, kernel: &[PrefixState]) -> Installation {
    let wanted = kernel.iter().filter(|state| state.wanted.is_some());
    let failure = wanted.clone().find_map(|state| state.failure.clone());
    let ours = wanted.flat_map(|state| &state.routes).find(|route| route.ours);
    let reason = match (&explanation.forwarding, failure, ours) {
        (_, Some(failure), _) => failure,
        (Some(_), None, Some(ours)) => return Installation::Installed { next_hops: ours.targets.clone() },
        (Some(_), None, None) => "it is on its way to the kernel".to_owned(),
        (None, None, _) => "there is no usable path that needs a route".to_owned(),
    };
    Installation::NotInstalled { reason }
}

fn kernel_routes(state: &PrefixState) -> impl Iterator<Item = KernelRoute> + '_ {
    state.routes.iter().map(|route| KernelRoute {
        table: state.table,
        ours: route.ours,
        protocol: route.protocol.clone(),
        metric: route.metric,
        object: route.object,
        next_hops: route.targets.clone(),
    })
}

fn advertisement(view: &ExportView) -> Advertisement {
    let withheld = match &view.refusal {
        None if view.is_sent => None,
        None => Some("on its way: the peer is behind".to_owned()),
        Some(NotExported::NoRoute) => Some("there is no usable path".to_owned()),
        Some(NotExported::HeldBack) => {
            Some("held back after the start, until peers have announced their routes".to_owned())
        }
        Some(NotExported::SplitHorizon) => Some("the best path came from it".to_owned()),
        Some(NotExported::Refused(refusal)) => Some(refusal.to_string()),
    };
    Advertisement { peer: view.peer.to_string(), withheld, paths: view.paths.map(|paths| paths as u64) }
}
