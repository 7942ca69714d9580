//! `GET /v1/events`: events as they happen, as server-sent events.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use bgp_codec::Prefix;
use futures_util::{Stream, stream};
use margay_control::{Event, EventKind, EventsQuery, MAX_WATCHED_PREFIXES};

use super::api::Api;
use super::error::{ApiError, BadRequest, Unanswered};
use super::query::QueryOf;
use super::route::route;
use crate::events::{self, EventReader, Next};
use crate::speaker::{SpeakerRequest, WatchedPrefixes};

/// Events as they happen: sessions, best routes to the prefixes asked for, reloads, and what the kernel refuses.
///
/// A client that reads too slowly loses its own oldest events; an event of kind `lost` has their number.
#[utoipa::path(
    get,
    path = "/v1/events",
    params(EventsQuery),
    responses((status = 200, content_type = "text/event-stream", body = Event), BadRequest, Unanswered),
)]
pub(super) async fn get_events(
    State(api): State<Api>,
    QueryOf(query): QueryOf<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, ApiError> {
    let watched = Arc::new(watched(query.prefix.as_deref())?);
    let subscription = Subscription { reader: api.speaker.events.reader(), watched, number: 0 };
    if !subscription.watched.is_empty() {
        let prefixes = Arc::clone(&subscription.watched);
        if !api.ask(|answer| SpeakerRequest::Watch(prefixes, answer)).await? {
            return Err(ApiError::unavailable("too many clients watch prefixes already"));
        }
    }
    let events = stream::unfold(subscription, |mut subscription| async {
        let event = subscription.next().await?;
        Some((Ok(event), subscription))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(QUIET_TIME)))
}

/// A client, and what it watches: the speaker reports changes for as long as this exists.
struct Subscription {
    reader: EventReader,
    watched: WatchedPrefixes,
    number: u64,
}

impl Subscription {
    /// The next event that concerns the client; `None` when the daemon is stopping.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            let event = match self.reader.next().await {
                Next::Event(event) if concerns(&event.kind, &self.watched) => shown(&event),
                Next::Event(_) => continue,
                Next::Lost(events) => {
                    Event { time: unix_time(Duration::ZERO), kind: EventKind::Lost { events } }
                }
                Next::End => return None,
            };
            self.number += 1;
            let frame = sse::Event::default().id(self.number.to_string()).event(event.kind.name());
            // Text, numbers and lists of them can always be written as JSON.
            return frame.json_data(&event).ok();
        }
    }
}

/// Whether a client that watches these prefixes is to learn of an event: others may watch, too.
fn concerns(kind: &events::EventKind, watched: &BTreeSet<Prefix>) -> bool {
    match kind {
        events::EventKind::BestRoute { prefix, .. } => {
            watched.iter().any(|&watched| watches(watched, *prefix))
        }
        events::EventKind::Lost(_) => !watched.is_empty(),
        events::EventKind::SessionUp { .. }
        | events::EventKind::SessionDown { .. }
        | events::EventKind::Reload { .. }
        | events::EventKind::KernelRefused { .. } => true,
    }
}

/// A network stands for what is inside, the address of a host for what covers it.
fn watches(watched: Prefix, prefix: Prefix) -> bool {
    let is_host = Prefix::host(watched.network()) == watched;
    watched.contains(prefix) || is_host && prefix.contains(watched)
}

fn shown(event: &events::Event) -> Event {
    let kind = match event.kind.clone() {
        events::EventKind::SessionUp { peer, address } => EventKind::SessionUp { peer, address },
        events::EventKind::SessionDown { peer, reason } => EventKind::SessionDown { peer, reason },
        events::EventKind::BestRoute { prefix, route: best } => {
            EventKind::BestRoute { prefix: prefix.into(), route: best.map(|best| Box::new(route(&best))) }
        }
        events::EventKind::Reload { is_refused, errors, changes } => {
            EventKind::Reload { refused: is_refused, errors: errors as u64, changes: changes as u64 }
        }
        events::EventKind::KernelRefused { prefix, reason } => {
            EventKind::KernelRefused { prefix: prefix.into(), reason }
        }
        events::EventKind::Lost(events) => EventKind::Lost { events },
    };
    Event { time: unix_time(event.at.elapsed()), kind }
}

/// The Unix time of a moment this long ago, in seconds.
fn unix_time(ago: Duration) -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(ago).as_secs_f64()
}

/// The prefixes and addresses that a client asked for.
fn watched(text: Option<&str>) -> Result<BTreeSet<Prefix>, ApiError> {
    let words = text.unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let watched: BTreeSet<Prefix> = words.map(prefix_or_host).collect::<Result<_, _>>()?;
    if watched.len() > MAX_WATCHED_PREFIXES {
        return Err(ApiError::bad_request(format!(
            "no more than {MAX_WATCHED_PREFIXES} prefixes can be watched"
        )));
    }
    Ok(watched)
}

fn prefix_or_host(word: &str) -> Result<Prefix, ApiError> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(Prefix::host(address));
    }
    word.parse().map_err(|error| {
        ApiError::bad_request(format!("{word:?} is neither an address nor a prefix: {error}"))
    })
}

/// Time after which a comment is sent on a quiet stream, so that proxies keep it open.
const QUIET_TIME: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_learns_of_what_it_watches_and_of_no_other_routes() {
        let watched = watched(Some("10.65.0.0/16,192.0.2.7")).unwrap();
        for (prefix, expected) in
            [("10.65.1.0/24", true), ("10.66.0.0/16", false), ("192.0.2.0/24", true), ("0.0.0.0/0", true)]
        {
            let kind = events::EventKind::BestRoute { prefix: prefix.parse().unwrap(), route: None };
            assert_eq!(concerns(&kind, &watched), expected, "{prefix}");
        }
        assert!(!concerns(&events::EventKind::Lost(1), &BTreeSet::new()));
    }

    #[test]
    fn what_is_watched_is_checked() {
        assert!(watched(None).unwrap().is_empty());
        assert!(watched(Some("")).unwrap().is_empty());
        assert!(watched(Some("10.0.0.0/8,nonsense")).unwrap_err().to_string().contains("nonsense"));
        let many: Vec<String> =
            (0..=MAX_WATCHED_PREFIXES).map(|number| format!("10.0.{number}.0/24")).collect();
        assert!(watched(Some(&many.join(","))).is_err());
    }
}
