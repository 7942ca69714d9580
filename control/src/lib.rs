//! Requests and answers between the daemon and its clients.
//!
//! The daemon serves HTTP with JSON bodies on a Unix socket. A [`Request`] has a method and a target; the
//! other types are the bodies:
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`Status`] |
//! | `GET /v1/peers` | [`Peers`] |
//! | `GET /v1/peers/{name}` | [`PeerDetail`] |
//! | `GET /v1/routes?prefix=&longest=&peer=&view=&filter=&after=&limit=` | [`RoutesPage`] |
//! | `GET /v1/explain?prefix=` | [`Explanation`] |
//! | `GET /v1/kernel` | [`KernelStatus`] |
//! | `GET /v1/bfd` | [`BfdSessions`] |
//! | `GET /v1/rpki` | [`RpkiCaches`] |
//! | `GET /v1/state` | [`RibState`] |
//! | `GET /v1/turns` | [`Turns`] |
//! | `POST /v1/turns` | [`Turns`], which are counted anew from then on |
//! | `POST /v1/reload?strict=&confirm_seconds=` | [`ReloadReport`] |
//! | `POST /v1/reload/confirm` | [`ConfirmReport`] |
//! | `GET /v1/config` | [`ConfigurationFiles`] |
//! | `GET /v1/groups` | [`ExportGroups`] |
//! | `GET /v1/log` | [`LogState`] |
//! | `POST /v1/log?filter=&debug=&undebug=` | [`LogState`] |
//! | `GET /v1/events?prefix=` | a stream of server-sent events with an [`Event`] each |
//! | `GET /openapi.json` | the OpenAPI document of all this |
//! | `GET /metrics` | text in the OpenMetrics format, or in that of Prometheus |
//!
//! A failed request is answered with a [`Problem`] and a status of 400 (invalid request), 404 (no such
//! object), 409 (its state does not allow this) or 503 (the daemon is stopping). Prefixes, addresses, AS paths and communities are text in the
//! usual notation; durations are whole seconds. Fields may be added to answers, so clients have to ignore
//! unknown ones.
//!
//! margay-confd serves a [`ConfdStatus`] in the same way on a socket of its own.

mod bfd;
mod confd_status;
mod event;
mod explanation;
mod group;
mod kernel;
mod log_state;
mod maintenance;
mod peer;
mod peer_action;
mod problem;
mod reload;
mod request;
mod rib_state;
mod route;
mod rpki;
mod status;
mod turns;

pub use bfd::{BfdSession, BfdSessions, PathMonitoring};
pub use confd_status::{ConfdStatus, ObjectProblem, Publication, PublicationResult, TemplateStatus};
pub use event::{Event, EventKind, EventsQuery, MAX_WATCHED_PREFIXES};
pub use explanation::{
    Advertisement, AskedRule, ExplainedPath, Explanation, FilterDirection, FilterPass, Installation,
    KernelRoute, PathStatus,
};
pub use group::{ExportGroup, ExportGroups};
pub use kernel::{ConnectedSubnet, FailedRoute, KernelStatus};
pub use log_state::{LogQuery, LogState};
pub use maintenance::{MaintenanceReport, ShutdownQuery};
pub use peer::{
    ExportGroupMember, LocalAsn, MessageCounts, NegotiatedSession, PeerAbsence, PeerDetail, PeerRole,
    PeerState, PeerSummary, Peers, PrefixCounts, PrefixLimit, SessionTimers,
};
pub use peer_action::{PeerAction, PeerActionQuery, PeerActionReport};
pub use problem::Problem;
pub use reload::{
    ConfigurationFile, ConfigurationFiles, ConfirmReport, FileError, LeftOutObject, ObjectChange,
    ObjectChangeKind, ReloadQuery, ReloadReport,
};
pub use request::{
    DEFAULT_PAGE_ROUTES, ExplainQuery, MAX_PAGE_ROUTES, MAX_PREFIXES, Method, Request, RoutesQuery,
    RoutesView, path,
};
pub use rib_state::RibState;
pub use route::{Route, RoutesPage};
pub use rpki::{RpkiCache, RpkiCaches};
pub use status::{MemoryGuard, RibSizes, Status};
pub use turns::{StepTimes, TimesTaken, Turns};
