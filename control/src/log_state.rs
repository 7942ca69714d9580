//! The log of the daemon.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is logged, and what was lost: `GET /v1/log`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct LogState {
    /// The filter in force: a level, or one for each part of the program.
    pub filter: String,
    /// The filter of the configuration, which comes back with a restart.
    pub configured: String,
    /// The peers whose lines of level debug are logged as well.
    pub debugged_peers: Vec<String>,
    /// Lines lost because the log was full, closed or too slow.
    pub lines_dropped: u64,
    /// Lines suppressed because there were too many of their kind.
    pub lines_limited: u64,
}

/// What is to be logged from now on: the query of `POST /v1/log`.
#[derive(Clone, Debug, Default, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Another filter: a level, or one for each part of the program; `configured` for that of the configuration.
    pub filter: Option<String>,
    /// Log the lines of level debug about the peer of this name or address.
    pub debug: Option<String>,
    /// No longer do so.
    pub undebug: Option<String>,
}

impl LogQuery {
    /// The value of `filter` that stands for that of the configuration.
    pub const CONFIGURED: &str = "configured";
}
