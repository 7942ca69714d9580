//! Events: the stream of `GET /v1/events`.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Route;

/// What is to be streamed: the query of `GET /v1/events`.
#[derive(Clone, Debug, Default, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Prefixes and addresses, separated by commas, whose best routes are watched: those to a prefix and to all inside it, and
    /// those to all prefixes that cover an address. Up to [`MAX_WATCHED_PREFIXES`] of them.
    pub prefix: Option<String>,
}

/// Highest number of prefixes that a client may watch.
pub const MAX_WATCHED_PREFIXES: usize = 100;

/// An event: the data of a server-sent event, whose name is its kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// Unix time at which it happened, in seconds.
    pub time: f64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventKind {
    /// A session was established.
    SessionUp {
        /// The peer's name.
        peer: String,
        /// The peer's end of the connection.
        #[schema(value_type = String)]
        address: SocketAddr,
    },
    /// An established session ended.
    SessionDown {
        /// The peer's name.
        peer: String,
        /// Why, in words.
        reason: String,
    },
    /// The best route to a watched prefix changed.
    BestRoute {
        /// The destination.
        #[schema(value_type = String)]
        prefix: IpNet,
        /// The best route; `None` if there is none any more.
        route: Option<Box<Route>>,
    },
    /// The configuration was read again.
    Reload {
        /// Whether it was refused, so that nothing changed.
        refused: bool,
        /// Number of errors in its files.
        errors: u64,
        /// Number of objects that were added, removed or changed.
        changes: u64,
    },
    /// The kernel does not hold what is wanted at a prefix.
    KernelRefused {
        /// The destination.
        #[schema(value_type = String)]
        prefix: IpNet,
        /// Why, in words.
        reason: String,
    },
    /// Events are missing here: there were more than this client read, or more changes of routes at once than are kept.
    Lost {
        /// How many.
        events: u64,
    },
}

impl EventKind {
    /// The name of the kind, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SessionUp { .. } => "session_up",
            Self::SessionDown { .. } => "session_down",
            Self::BestRoute { .. } => "best_route",
            Self::Reload { .. } => "reload",
            Self::KernelRefused { .. } => "kernel_refused",
            Self::Lost { .. } => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_name_as_kind_in_json() {
        let prefix: IpNet = "10.65.1.0/26".parse().unwrap();
        for kind in [
            EventKind::SessionUp { peer: "tor1".to_owned(), address: "10.0.0.1:179".parse().unwrap() },
            EventKind::SessionDown { peer: "tor1".to_owned(), reason: "hold timer expired".to_owned() },
            EventKind::BestRoute { prefix, route: None },
            EventKind::Reload { refused: false, errors: 0, changes: 2 },
            EventKind::KernelRefused { prefix, reason: "no such device".to_owned() },
            EventKind::Lost { events: 7 },
        ] {
            let event = Event { time: 1.5, kind };
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!((&json["kind"], &json["time"]), (&event.kind.name().into(), &1.5.into()));
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
