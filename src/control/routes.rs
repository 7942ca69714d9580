//! The answer to `GET /v1/routes`: pages of routes, IPv4 before IPv6.

use bgp_codec::Family;
use margay_control::{DEFAULT_PAGE_ROUTES, MAX_PAGE_ROUTES, RoutesPage, RoutesQuery, RoutesView};
use margay_filter::{Filter, FilterChain};
use margay_rib::PagePosition;

use super::error::ApiError;
use super::route::route;
use super::server::Api;
use crate::daemon::{PeerEntry, filter_session};
use crate::speaker::{Destination, PeerKey, PeerSelection, RoutesQuestion, SpeakerRequest};

/// Asks the speaker for one page.
pub(super) async fn routes(api: &Api, query: RoutesQuery) -> Result<RoutesPage, ApiError> {
    let destination = query.prefix.as_deref().map(parse_destination).transpose()?;
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
    let question = RoutesQuestion { destination, selection, family, position, limit, filter };
    let page = api.ask(|answer| SpeakerRequest::Routes(question, answer)).await?;
    let Some(mut page) = page else {
        let name = query.peer.unwrap_or_default();
        return Err(ApiError::not_found(format!("the session with {name} is not established")));
    };
    page.routes.sort_by_key(|route| route.prefix);
    let next = match page.next {
        Some(next) => Some((family, next)),
        None if destination.is_none() && family == Family::IPV4_UNICAST => {
            Some((Family::IPV6_UNICAST, PagePosition::default()))
        }
        None => None,
    };
    Ok(RoutesPage { routes: page.routes.iter().map(route).collect(), next: next.map(write_position) })
}

/// Start of the first page.
const START: (Family, PagePosition) = (Family::IPV4_UNICAST, PagePosition(0));

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
