//! Routes as birdwatcher shows them. A table is sent page by page, as it may not fit into memory a second time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bgp_codec::{Family, Origin, PathAttributes, Prefix};
use futures_util::stream;
use margay_filter::SourceKind;
use margay_rib::{RouteStatus, RouteView};
use serde::Serialize;

use super::envelope::{Clock, Envelope, peer, protocol_name};
use crate::control::api::Api;
use crate::control::error::ApiError;
use crate::control::pages::Pages;
use crate::control::query::NameInPath;
use crate::control::routes::parse_destination;
use crate::daemon::DaemonRequest;
use crate::speaker::{Destination, PeerSelection, RoutesQuestion, SpeakerRequest};

/// The routes of a peer that import accepted.
pub(super) async fn get_accepted(
    State(api): State<Api>,
    NameInPath(protocol): NameInPath,
) -> Result<Response, ApiError> {
    let key = peer(&api, &protocol).await?.key;
    answer(api, PeerSelection::AcceptedFrom(key), Wanted::All).await
}

/// The routes of a peer that import rejected.
pub(super) async fn get_rejected(
    State(api): State<Api>,
    NameInPath(protocol): NameInPath,
) -> Result<Response, ApiError> {
    let key = peer(&api, &protocol).await?.key;
    answer(api, PeerSelection::ReceivedFrom(key), Wanted::Rejected).await
}

/// The routes that are advertised to a peer.
pub(super) async fn get_advertised(
    State(api): State<Api>,
    NameInPath(protocol): NameInPath,
) -> Result<Response, ApiError> {
    let key = peer(&api, &protocol).await?.key;
    answer(api, PeerSelection::AdvertisedTo(key), Wanted::All).await
}

/// The best routes that are not advertised to a peer.
pub(super) async fn get_withheld(
    State(api): State<Api>,
    NameInPath(protocol): NameInPath,
) -> Result<Response, ApiError> {
    let key = peer(&api, &protocol).await?.key;
    let mut advertised = HashSet::new();
    for family in FAMILIES {
        let mut pages = Pages::new(family, PeerSelection::AdvertisedTo(key));
        while let Some(routes) = pages.next(&api).await? {
            advertised.extend(routes.iter().map(|route| route.prefix));
        }
    }
    answer(api, PeerSelection::Best, Wanted::NotAmong(advertised)).await
}

/// All accepted routes: there is one table, whatever it is called.
pub(super) async fn get_table(State(api): State<Api>) -> Result<Response, ApiError> {
    answer(api, PeerSelection::Accepted, Wanted::All).await
}

/// All rejected routes.
pub(super) async fn get_all_rejected(State(api): State<Api>) -> Result<Response, ApiError> {
    answer(api, PeerSelection::All, Wanted::Rejected).await
}

/// The routes to one network, or to those that cover an address.
pub(super) async fn get_network(
    State(api): State<Api>,
    NameInPath(network): NameInPath,
) -> Result<Response, ApiError> {
    let destination = parse_destination(&network)?;
    let family = match destination {
        Destination::Prefix(prefix) => prefix.family(),
        Destination::Address(address) => Prefix::host(address).family(),
    };
    let question = RoutesQuestion {
        destination: Some(destination),
        selection: PeerSelection::Accepted,
        family,
        position: Default::default(),
        limit: 1,
        filter: None,
    };
    let page = api.ask(|answer| SpeakerRequest::Routes(question, answer)).await?;
    let names = Names::ask(&api).await?;
    let routes = page.map(|page| page.routes).unwrap_or_default();
    let routes: Vec<Route> = routes.iter().map(|route| names.route(route)).collect();
    Ok(axum::Json(Envelope::new(HashMap::from([("routes", routes)]), names.clock)).into_response())
}

/// Which routes of a selection are shown.
enum Wanted {
    All,
    Rejected,
    NotAmong(HashSet<Prefix>),
}

impl Wanted {
    fn has(&self, route: &RouteView) -> bool {
        match self {
            Self::All => true,
            Self::Rejected => matches!(route.status, RouteStatus::Refused(..)),
            Self::NotAmong(advertised) => !advertised.contains(&route.prefix),
        }
    }
}

/// An answer that is being sent.
struct Answer {
    api: Api,
    names: Names,
    wanted: Wanted,
    families: VecDeque<Pages>,
    /// Whether there was a route before.
    has_begun: bool,
    is_over: bool,
}

async fn answer(api: Api, selection: PeerSelection, wanted: Wanted) -> Result<Response, ApiError> {
    let names = Names::ask(&api).await?;
    let families = FAMILIES.map(|family| Pages::new(family, selection)).into();
    let head = serde_json::to_string(&Envelope::new(HashMap::<String, String>::new(), names.clock))
        .map_err(|_| ApiError::bug("birdwatcher"))?;
    // The routes are the last member of the object.
    let head = format!("{},\"routes\":[", head.trim_end_matches('}').to_owned() + &closing(&head));
    let answer = Answer { api, names, wanted, families, has_begun: false, is_over: false };
    let parts = stream::unfold((Some(head), answer), |(head, mut answer)| async {
        let part = match head {
            Some(head) => head,
            None => answer.next_part().await?,
        };
        Some((Ok::<_, Infallible>(Bytes::from(part)), (None, answer)))
    });
    Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(parts)).into_response())
}

/// The braces of an object's text but for the last one.
fn closing(object: &str) -> String {
    let braces = object.len() - object.trim_end_matches('}').len();
    "}".repeat(braces.saturating_sub(1))
}

impl Answer {
    /// The next part of the list and its end; `None` after that.
    async fn next_part(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let Some(pages) = self.families.front_mut() else {
            self.is_over = true;
            return Some("]}".to_owned());
        };
        // Without the end of the list, the client sees that the answer is not complete.
        let Ok(page) = pages.next(&self.api).await else {
            self.is_over = true;
            return None;
        };
        let Some(routes) = page else {
            self.families.pop_front();
            return Some(String::new());
        };
        let mut part = String::new();
        for route in routes.iter().filter(|route| self.wanted.has(route)) {
            if self.has_begun {
                part.push(',');
            }
            self.has_begun = true;
            part += &serde_json::to_string(&self.names.route(route)).ok()?;
        }
        Some(part)
    }
}

/// The names and times that routes are shown with.
struct Names {
    peers: HashMap<String, (String, String)>,
    started: String,
    clock: Clock,
}

#[derive(Serialize)]
struct Route {
    network: String,
    gateway: String,
    interface: &'static str,
    from_protocol: String,
    learnt_from: String,
    metric: u32,
    primary: bool,
    age: String,
    #[serde(rename = "type")]
    kind: [&'static str; 3],
    bgp: Bgp,
}

/// Path attributes; numbers are text.
#[derive(Serialize)]
struct Bgp {
    origin: &'static str,
    as_path: Vec<String>,
    next_hop: String,
    local_pref: String,
    med: String,
    communities: Vec<[u32; 2]>,
    large_communities: Vec<[u32; 3]>,
    ext_communities: Vec<[String; 3]>,
}

impl Names {
    async fn ask(api: &Api) -> Result<Self, ApiError> {
        let status = api.ask_daemon(DaemonRequest::Status).await?;
        let peers = api.ask_daemon(DaemonRequest::Peers).await?;
        let clock = Clock::now();
        let peers = peers.into_iter().map(|peer| {
            let since = clock.before(peer.status.since.elapsed());
            (peer.config.name.clone(), (peer.config.address.to_string(), since))
        });
        Ok(Self { peers: peers.collect(), started: clock.before(status.uptime), clock })
    }

    fn route(&self, route: &RouteView) -> Route {
        let peer = route.peer.as_ref().and_then(|name| self.peers.get(&**name));
        let next_hop = route.next_hop.map(|next_hop| next_hop.address().to_string()).unwrap_or_default();
        Route {
            network: route.prefix.to_string(),
            gateway: next_hop.clone(),
            interface: "",
            from_protocol: route
                .peer
                .as_ref()
                .map_or_else(|| "static1".to_owned(), |name| protocol_name(name)),
            learnt_from: peer.map(|(address, _)| address.clone()).unwrap_or_default(),
            metric: route.local.preference,
            primary: matches!(route.status, RouteStatus::Best(_)),
            age: peer.map_or_else(|| self.started.clone(), |(_, since)| since.clone()),
            kind: match route.local.source {
                SourceKind::Peer => ["BGP", "unicast", "univ"],
                SourceKind::Kernel => ["inherit", "unicast", "univ"],
                SourceKind::Local | SourceKind::Static => ["static", "unicast", "univ"],
            },
            bgp: bgp(&route.attributes, next_hop),
        }
    }
}

fn bgp(attributes: &PathAttributes, next_hop: String) -> Bgp {
    Bgp {
        origin: match attributes.origin() {
            Origin::Igp => "IGP",
            Origin::Egp => "EGP",
            Origin::Incomplete => "Incomplete",
        },
        as_path: attributes.as_path().asns().map(|asn| asn.0.to_string()).collect(),
        next_hop,
        local_pref: attributes.local_pref().unwrap_or(margay_rib::DEFAULT_LOCAL_PREF).to_string(),
        med: attributes.med().unwrap_or_default().to_string(),
        communities: attributes
            .communities()
            .map(|community| [community.0 >> 16, community.0 & 0xffff])
            .collect(),
        large_communities: attributes
            .large_communities()
            .map(|community| [community.global_administrator, community.local_data_1, community.local_data_2])
            .collect(),
        ext_communities: attributes
            .extended_communities()
            .filter_map(|community| parts(&community.to_string()))
            .collect(),
    }
}

/// The three parts of an extended community such as `rt:64512:7`; `None` for those without names.
fn parts(text: &str) -> Option<[String; 3]> {
    let parts: Vec<String> = text.split(':').map(str::to_owned).collect();
    parts.try_into().ok()
}

const FAMILIES: [Family; 2] = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_added_as_the_last_member_of_an_object() {
        for (object, expected) in [(r#"{"a":{"b":{}}}"#, "}}"), (r#"{"a":1}"#, ""), ("{}", "")] {
            assert_eq!(closing(object), expected);
            let head = object.trim_end_matches('}').to_owned() + &closing(object);
            assert_eq!(head + "}", object);
        }
    }

    #[test]
    fn extended_communities_have_three_parts() {
        assert_eq!(parts("rt:64512:7"), Some(["rt".to_owned(), "64512".to_owned(), "7".to_owned()]));
        assert_eq!(parts("0x4004fde84b000000"), None);
    }
}
