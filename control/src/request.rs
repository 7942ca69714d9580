//! Requests of clients, and their form as HTTP requests.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{EventsQuery, LogQuery, PeerActionQuery, ReloadQuery, ShutdownQuery};

/// Number of routes of a page if the request does not specify it.
pub const DEFAULT_PAGE_ROUTES: usize = 1000;

/// Highest number of routes of a page.
pub const MAX_PAGE_ROUTES: usize = 10_000;

/// Highest number of prefixes and addresses of one request.
pub const MAX_PREFIXES: usize = 100;

/// A request to the daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// The daemon as a whole.
    Status,
    /// All peers.
    Peers,
    /// One peer.
    Peer {
        /// Its name.
        name: String,
    },
    /// An operation on the session of one peer.
    AdministerPeer {
        /// Its name.
        name: String,
        /// The operation.
        query: PeerActionQuery,
    },
    /// One page of routes.
    Routes(RoutesQuery),
    /// Why a prefix is routed as it is.
    Explain(ExplainQuery),
    /// The state of the kernel's routing table.
    Kernel,
    /// The BFD sessions.
    Bfd,
    /// The RPKI caches.
    Rpki,
    /// All routing state.
    State,
    /// How long the speaker's turns took.
    Turns,
    /// The same, with the counters reset afterwards.
    TakeTurns,
    /// Read the configuration file again.
    Reload(ReloadQuery),
    /// Keep what the last reload changed.
    ConfirmReload,
    /// The files that the configuration was read from.
    Configuration,
    /// Ask all peers to prefer other paths (RFC 8326).
    Drain,
    /// Take that back.
    Undrain,
    /// Withdraw all routes from peers, and end the daemon.
    Shutdown(ShutdownQuery),
    /// The export groups.
    Groups,
    /// What is logged.
    Log,
    /// Log something else.
    SetLog(LogQuery),
    /// Events as they happen.
    Events(EventsQuery),
}

/// Selection of routes. All given conditions must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RoutesQuery {
    /// Routes to this prefix exactly, such as `10.65.1.0/26`; or to every prefix that covers an address, such as `10.65.1.5`. Several
    /// are separated by commas, up to [`MAX_PREFIXES`].
    pub prefix: Option<String>,
    /// Of the prefixes that cover an address, only the longest one with a route that is asked for.
    #[serde(default)]
    pub longest: bool,
    /// Routes from this peer or, in the view [`RoutesView::Advertised`], to it.
    pub peer: Option<String>,
    /// The tables to list.
    #[serde(default)]
    #[param(inline)]
    pub view: RoutesView,
    /// Only routes that this filter of the configuration accepts, with what it sets. Where `peer` is given, it is the peer that
    /// the filter works for.
    pub filter: Option<String>,
    /// The `next` of the previous page.
    pub after: Option<String>,
    /// Number of routes of a page, up to [`MAX_PAGE_ROUTES`].
    pub limit: Option<usize>,
}

/// The tables to list routes from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutesView {
    /// The route chosen for each prefix (the Loc-RIB, RFC 4271 §3.2).
    #[default]
    Best,
    /// Routes received from peers, including rejected ones (the Adj-RIBs-In).
    Received,
    /// Routes advertised to the given peer (its Adj-RIB-Out).
    Advertised,
}

/// What to explain.
#[derive(Clone, Debug, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExplainQuery {
    /// The prefix, such as `10.65.1.0/26`; or an address, such as `10.65.1.5`, for the prefix whose route is
    /// used for it.
    pub prefix: String,
}

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// Changes nothing.
    Get,
    /// Changes something.
    Post,
}

impl Request {
    /// The HTTP method.
    pub fn method(&self) -> Method {
        match self {
            Self::Status
            | Self::Peers
            | Self::Peer { .. }
            | Self::Routes(_)
            | Self::Explain(_)
            | Self::Kernel
            | Self::Bfd
            | Self::Rpki
            | Self::State
            | Self::Configuration
            | Self::Groups
            | Self::Log
            | Self::Events(_)
            | Self::Turns => Method::Get,
            Self::AdministerPeer { .. }
            | Self::TakeTurns
            | Self::Reload(_)
            | Self::ConfirmReload
            | Self::Drain
            | Self::Undrain
            | Self::SetLog(_)
            | Self::Shutdown(_) => Method::Post,
        }
    }

    /// The HTTP request target: path and query, with reserved characters escaped.
    pub fn target(&self) -> String {
        match self {
            Self::Status => path::STATUS.to_owned(),
            Self::Peers => path::PEERS.to_owned(),
            Self::Peer { name } => format!("{}/{}", path::PEERS, Escaped(name)),
            Self::AdministerPeer { name, query } => query.target(name),
            Self::Routes(query) => query.target(),
            Self::Explain(query) => format!("{}?prefix={}", path::EXPLAIN, Escaped(&query.prefix)),
            Self::Kernel => path::KERNEL.to_owned(),
            Self::Bfd => path::BFD.to_owned(),
            Self::Rpki => path::RPKI.to_owned(),
            Self::State => path::STATE.to_owned(),
            Self::Turns | Self::TakeTurns => path::TURNS.to_owned(),
            Self::Reload(query) => query.target(),
            Self::ConfirmReload => path::CONFIRM_RELOAD.to_owned(),
            Self::Configuration => path::CONFIGURATION.to_owned(),
            Self::Drain => path::DRAIN.to_owned(),
            Self::Undrain => path::UNDRAIN.to_owned(),
            Self::Groups => path::GROUPS.to_owned(),
            Self::Log => path::LOG.to_owned(),
            Self::SetLog(LogQuery { filter, debug, undebug }) => {
                with_query(path::LOG, [("filter", filter), ("debug", debug), ("undebug", undebug)])
            }
            Self::Events(EventsQuery { prefix }) => with_query(path::EVENTS, [("prefix", prefix)]),
            Self::Shutdown(ShutdownQuery { message: None }) => path::SHUTDOWN.to_owned(),
            Self::Shutdown(ShutdownQuery { message: Some(message) }) => {
                format!("{}?message={}", path::SHUTDOWN, Escaped(message))
            }
        }
    }
}

/// A path with the parameters that have values.
fn with_query<const N: usize>(path: &str, parameters: [(&str, &Option<String>); N]) -> String {
    let given = parameters.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let query: Vec<String> = given.map(|(key, value)| format!("{key}={}", Escaped(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

impl ReloadQuery {
    fn target(self) -> String {
        let strict = self.strict.then(|| "strict=true".to_owned());
        let confirm = self.confirm_seconds.map(|seconds| format!("confirm_seconds={seconds}"));
        let query: Vec<String> = strict.into_iter().chain(confirm).collect();
        if query.is_empty() {
            path::RELOAD.to_owned()
        } else {
            format!("{}?{}", path::RELOAD, query.join("&"))
        }
    }
}

impl PeerActionQuery {
    fn target(&self, name: &str) -> String {
        let mut target = format!("{}/{}?action={}", path::PEERS, Escaped(name), self.action);
        if let Some(message) = &self.message {
            target += &format!("&message={}", Escaped(message));
        }
        target
    }
}

impl RoutesQuery {
    fn target(&self) -> String {
        let mut target = format!("{}?view={}", path::ROUTES, self.view);
        for (key, value) in
            [("prefix", &self.prefix), ("peer", &self.peer), ("filter", &self.filter), ("after", &self.after)]
        {
            if let Some(value) = value {
                target += &format!("&{key}={}", Escaped(value));
            }
        }
        if self.longest {
            target += "&longest=true";
        }
        if let Some(limit) = self.limit {
            target += &format!("&limit={limit}");
        }
        target
    }
}

impl fmt::Display for RoutesView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Best => "best",
            Self::Received => "received",
            Self::Advertised => "advertised",
        })
    }
}

/// The paths of the API.
pub mod path {
    /// Metrics as text for Prometheus, not JSON.
    pub const METRICS: &str = "/metrics";
    /// [`Request::Status`](super::Request::Status)
    pub const STATUS: &str = "/v1/status";
    /// [`Request::Peers`](super::Request::Peers); a peer's name may follow after a slash.
    pub const PEERS: &str = "/v1/peers";
    /// [`Request::Routes`](super::Request::Routes)
    pub const ROUTES: &str = "/v1/routes";
    /// [`Request::Explain`](super::Request::Explain)
    pub const EXPLAIN: &str = "/v1/explain";
    /// [`Request::Kernel`](super::Request::Kernel)
    pub const KERNEL: &str = "/v1/kernel";
    /// [`Request::Bfd`](super::Request::Bfd)
    pub const BFD: &str = "/v1/bfd";
    /// [`Request::Rpki`](super::Request::Rpki)
    pub const RPKI: &str = "/v1/rpki";
    /// [`Request::State`](super::Request::State)
    pub const STATE: &str = "/v1/state";
    /// [`Request::Turns`](super::Request::Turns) and [`Request::TakeTurns`](super::Request::TakeTurns)
    pub const TURNS: &str = "/v1/turns";
    /// [`Request::Reload`](super::Request::Reload)
    pub const RELOAD: &str = "/v1/reload";
    /// [`Request::ConfirmReload`](super::Request::ConfirmReload)
    pub const CONFIRM_RELOAD: &str = "/v1/reload/confirm";
    /// [`Request::Configuration`](super::Request::Configuration)
    pub const CONFIGURATION: &str = "/v1/config";
    /// [`Request::Drain`](super::Request::Drain)
    pub const DRAIN: &str = "/v1/drain";
    /// [`Request::Undrain`](super::Request::Undrain)
    pub const UNDRAIN: &str = "/v1/undrain";
    /// [`Request::Shutdown`](super::Request::Shutdown)
    pub const SHUTDOWN: &str = "/v1/shutdown";
    /// [`Request::Groups`](super::Request::Groups)
    pub const GROUPS: &str = "/v1/groups";
    /// [`Request::Log`](super::Request::Log) and [`Request::SetLog`](super::Request::SetLog)
    pub const LOG: &str = "/v1/log";
    /// [`Request::Events`](super::Request::Events)
    pub const EVENTS: &str = "/v1/events";

    /// All of them.
    pub const ALL: [&str; 19] = [
        METRICS,
        STATUS,
        PEERS,
        ROUTES,
        EXPLAIN,
        KERNEL,
        BFD,
        RPKI,
        STATE,
        TURNS,
        RELOAD,
        CONFIRM_RELOAD,
        CONFIGURATION,
        DRAIN,
        UNDRAIN,
        SHUTDOWN,
        GROUPS,
        LOG,
        EVENTS,
    ];
}

/// Text with every octet escaped that is not allowed in a path segment or a query value (RFC 3986 §2.1).
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0.bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~:".contains(&octet) {
                write!(f, "{}", char::from(octet))?;
            } else {
                write!(f, "%{octet:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeerAction;

    #[test]
    fn targets_table() {
        let rows = [
            (Request::Status, "/v1/status"),
            (Request::Peers, "/v1/peers"),
            (Request::Peer { name: "tor1".to_owned() }, "/v1/peers/tor1"),
            (Request::Peer { name: "2001:db8::1".to_owned() }, "/v1/peers/2001:db8::1"),
            (Request::Peer { name: "../reload?x#ü".to_owned() }, "/v1/peers/..%2Freload%3Fx%23%C3%BC"),
            (Request::Routes(RoutesQuery::default()), "/v1/routes?view=best"),
            (
                Request::Routes(RoutesQuery {
                    prefix: Some("10.65.0.0/16".to_owned()),
                    longest: true,
                    peer: Some("tor 1&view=x".to_owned()),
                    view: RoutesView::Advertised,
                    filter: Some("to-tor".to_owned()),
                    after: Some("a=b".to_owned()),
                    limit: Some(10),
                }),
                "/v1/routes?view=advertised&prefix=10.65.0.0%2F16&peer=tor%201%26view%3Dx&filter=to-tor&after=a%3Db&longest=true&limit=10",
            ),
            (
                Request::Explain(ExplainQuery { prefix: "2001:db8::/64".to_owned() }),
                "/v1/explain?prefix=2001:db8::%2F64",
            ),
            (
                Request::AdministerPeer {
                    name: "tor1".to_owned(),
                    query: PeerActionQuery {
                        action: PeerAction::Reset,
                        message: Some("new line card & fan".to_owned()),
                    },
                },
                "/v1/peers/tor1?action=reset&message=new%20line%20card%20%26%20fan",
            ),
            (Request::Kernel, "/v1/kernel"),
            (Request::Bfd, "/v1/bfd"),
            (Request::Rpki, "/v1/rpki"),
            (Request::Turns, "/v1/turns"),
            (Request::TakeTurns, "/v1/turns"),
            (Request::Reload(ReloadQuery::default()), "/v1/reload"),
            (
                Request::Reload(ReloadQuery { strict: true, confirm_seconds: Some(300) }),
                "/v1/reload?strict=true&confirm_seconds=300",
            ),
            (Request::ConfirmReload, "/v1/reload/confirm"),
            (Request::Configuration, "/v1/config"),
            (Request::Groups, "/v1/groups"),
            (Request::Log, "/v1/log"),
            (
                Request::SetLog(LogQuery {
                    filter: Some("a=b,c".to_owned()),
                    debug: None,
                    undebug: Some("x".to_owned()),
                }),
                "/v1/log?filter=a%3Db%2Cc&undebug=x",
            ),
            (Request::Events(EventsQuery { prefix: None }), "/v1/events"),
            (
                Request::Events(EventsQuery { prefix: Some("10.0.0.0/8,::1".to_owned()) }),
                "/v1/events?prefix=10.0.0.0%2F8%2C::1",
            ),
            (Request::Drain, "/v1/drain"),
            (Request::Undrain, "/v1/undrain"),
            (Request::Shutdown(ShutdownQuery::default()), "/v1/shutdown"),
            (
                Request::Shutdown(ShutdownQuery { message: Some("new board".to_owned()) }),
                "/v1/shutdown?message=new%20board",
            ),
        ];
        for (request, expected) in rows {
            assert_eq!(request.target(), expected, "{request:?}");
        }
    }

    #[test]
    fn what_changes_something_is_posted() {
        assert_eq!(Request::Reload(ReloadQuery::default()).method(), Method::Post);
        assert_eq!(Request::Drain.method(), Method::Post);
        assert_eq!(Request::Undrain.method(), Method::Post);
        assert_eq!(Request::Shutdown(ShutdownQuery::default()).method(), Method::Post);
        assert_eq!(Request::TakeTurns.method(), Method::Post);
        assert_eq!(Request::Turns.method(), Method::Get);
        assert_eq!(Request::Routes(RoutesQuery::default()).method(), Method::Get);
    }

    #[test]
    fn a_view_has_the_same_name_in_the_target_and_in_json() {
        for view in [RoutesView::Best, RoutesView::Received, RoutesView::Advertised] {
            assert_eq!(serde_json::to_value(view).unwrap(), serde_json::Value::from(view.to_string()));
        }
    }
}
