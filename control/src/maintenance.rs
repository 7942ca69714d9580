//! Maintenance of the whole speaker: draining it and shutting it down.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The query of `POST /v1/shutdown`.
#[derive(Clone, Debug, Default, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ShutdownQuery {
    /// The shutdown communication for all peers (RFC 9003), up to 255 octets.
    pub message: Option<String>,
}

/// The answer to `POST /v1/drain`, `/v1/undrain` and `/v1/shutdown`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct MaintenanceReport {
    /// What was done, in words.
    pub done: String,
}
