//! The answer to `GET /v1/routes`: pages of routes, IPv4 before IPv6.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use bgp_codec::Family;
use margay_control::{
    DEFAULT_PAGE_ROUTES, MAX_PAGE_ROUTES, MAX_PREFIXES, RoutesPage, RoutesQuery, RoutesView,
};
use margay_filter::{Filter, FilterChain};
use margay_rib::{PagePosition, RoutePage};

use super::api::Api;
use super::error::{ApiError, BadRequest, Conflict, NotFound, Unanswered};
use super::query::QueryOf;
use super::route::route;
use crate::daemon::{PeerEntry, filter_session};
use crate::speaker::{Destination, PeerKey, PeerSelection, RoutesQuestion, SpeakerRequest};

/// A page of routes: of the tables, or to some prefixes.
#[utoipa::path(
    get,
    path = "/v1/routes",
    params(RoutesQuery),
    responses((status = 200, body = RoutesPage), BadRequest, NotFound, Conflict, Unanswered),
)]
pub(super) async fn get_routes(
    State(api): State<Api>,
    QueryOf(query): QueryOf<RoutesQuery>,
) -> Result<Json<RoutesPage>, ApiError> {
    Ok(Json(routes(&api, query).await?))
}

async fn routes(api: &Api, query: RoutesQuery) -> Result<RoutesPage, ApiError> {
    let destinations = query.prefix.as_deref().map(parse_destinations).transpose()?;
    let peer = match &query.peer {
        Some(name) => Some(api.peer(name).await?),
        None => None,
    };
    let selection = selection(query.view, peer.as_ref().map(|peer| peer.key))?;
    let filter = match &query.filter {
        Some(name) => Some(filter(api, name, peer.as_ref()).await?),
        None => None,
    };
    let (family, position) = query.after.as_deref().map_or(Ok(START), parse_position)?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE_ROUTES).clamp(1, MAX_PAGE_ROUTES);
    let question = RoutesQuestion { destination: None, selection, family, position, limit, filter };
    let name = query.peer.unwrap_or_default();
    match destinations {
        Some(destinations) => to(api, &question, &destinations, query.longest, &name).await,
        None => page(api, question, &name).await,
    }
}

/// One page of the tables.
async fn page(api: &Api, question: RoutesQuestion, peer: &str) -> Result<RoutesPage, ApiError> {
    let family = question.family;
    let RoutePage { mut routes, next } = ask(api, question, peer).await?;
    routes.sort_by_key(|route| route.prefix);
    let next = match next {
        Some(next) => Some((family, next)),
        None if family == Family::IPV4_UNICAST => Some((Family::IPV6_UNICAST, PagePosition::default())),
        None => None,
    };
    Ok(RoutesPage { routes: routes.iter().map(route).collect(), next: next.map(write_position) })
}

/// The routes to some prefixes and addresses, each once.
async fn to(
    api: &Api,
    question: &RoutesQuestion,
    destinations: &[Destination],
    only_longest: bool,
    peer: &str,
) -> Result<RoutesPage, ApiError> {
    let mut by_prefix = BTreeMap::new();
    for &destination in destinations {
        let question = RoutesQuestion { destination: Some(destination), ..question.clone() };
        let mut routes = ask(api, question, peer).await?.routes;
        if only_longest {
            let longest = routes.iter().map(|route| route.prefix.length()).max();
            routes.retain(|route| Some(route.prefix.length()) == longest);
        }
        routes.sort_by_key(|route| route.prefix);
        for routes in routes.chunk_by(|a, b| a.prefix == b.prefix) {
            by_prefix.entry(routes[0].prefix).or_insert_with(|| routes.iter().map(route).collect::<Vec<_>>());
        }
    }
    Ok(RoutesPage { routes: by_prefix.into_values().flatten().collect(), next: None })
}

async fn ask(api: &Api, question: RoutesQuestion, peer: &str) -> Result<RoutePage, ApiError> {
    let page = api.ask(|answer| SpeakerRequest::Routes(question, answer)).await?;
    page.ok_or_else(|| ApiError::not_found(format!("the session with {peer} is not established")))
}

/// Start of the first page.
const START: (Family, PagePosition) = (Family::IPV4_UNICAST, PagePosition(0));

/// Parses a client's prefixes and addresses.
fn parse_destinations(text: &str) -> Result<Vec<Destination>, ApiError> {
    let destinations: Vec<Destination> = text.split(',').map(parse_destination).collect::<Result<_, _>>()?;
    if destinations.len() > MAX_PREFIXES {
        return Err(ApiError::bad_request(format!(
            "no more than {MAX_PREFIXES} prefixes can be asked for at once"
        )));
    }
    Ok(destinations)
}

/// Parses a client's prefix or address.
pub(super) fn parse_destination(text: &str) -> Result<Destination, ApiError> {
    if let Ok(address) = text.parse() {
        return Ok(Destination::Address(address));
    }
    let prefix = text.parse().map_err(|error| {
        ApiError::bad_request(format!("{text:?} is neither an address nor a prefix: {error}"))
    })?;
    Ok(Destination::Prefix(prefix))
}

/// The filter of the configuration with this name, as it works for a peer.
async fn filter(api: &Api, name: &str, peer: Option<&PeerEntry>) -> Result<FilterChain, ApiError> {
    let filters = api.filters().await?;
    let filter = filters.iter().find(|filter| filter.name() == name).ok_or_else(|| {
        let names: Vec<&str> = filters.iter().map(Filter::name).collect();
        let known = if names.is_empty() {
            "none is configured".to_owned()
        } else {
            format!("known are {}", names.join(", "))
        };
        ApiError::not_found(format!("there is no filter {name:?}: {known}"))
    })?;
    let chain = FilterChain::new([filter.clone()]);
    Ok(match peer {
        Some(peer) => chain.for_session(&filter_session(&peer.global, &peer.config)),
        None => chain,
    })
}

fn selection(view: RoutesView, peer: Option<PeerKey>) -> Result<PeerSelection, ApiError> {
    match (view, peer) {
        (RoutesView::Best, None) => Ok(PeerSelection::Best),
        (RoutesView::Best, Some(peer)) => Ok(PeerSelection::BestFrom(peer)),
        (RoutesView::Received, None) => Ok(PeerSelection::All),
        (RoutesView::Received, Some(peer)) => Ok(PeerSelection::ReceivedFrom(peer)),
        (RoutesView::Advertised, Some(peer)) => Ok(PeerSelection::AdvertisedTo(peer)),
        (RoutesView::Advertised, None) => {
            Err(ApiError::bad_request("say to which peer the routes are advertised: peer=NAME"))
        }
    }
}

fn write_position((family, position): (Family, PagePosition)) -> String {
    format!("{family}:{}", position.0)
}

fn parse_position(text: &str) -> Result<(Family, PagePosition), ApiError> {
    let parsed = text
        .split_once(':')
        .and_then(|(family, position)| Some((family.parse().ok()?, PagePosition(position.parse().ok()?))));
    parsed.ok_or_else(|| ApiError::bad_request(format!("{text:?} is not what a page said comes next")))
}
