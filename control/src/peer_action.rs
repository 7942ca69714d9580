//! Operations on a peer's session.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The operation: the query of `POST /v1/peers/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, IntoParams, PartialEq, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PeerActionQuery {
    /// The operation.
    #[param(inline)]
    pub action: PeerAction,
    /// Shutdown message for the peer (RFC 9003) with a disable or a reset, up to 255 octets.
    pub message: Option<String>,
}

/// An operation on a peer's session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerAction {
    /// Close the session and keep it down until it is enabled, across reloads.
    Disable,
    /// Allow the session of a disabled peer to come up.
    Enable,
    /// Close the session and let it come up again.
    Reset,
    /// Request all routes from the peer again (RFC 2918); the session stays up.
    SoftIn,
    /// Advertise all routes to the peer again; the session stays up.
    SoftOut,
}

/// The answer: what was done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PeerActionReport {
    /// The peer's name.
    pub peer: String,
    /// What was done, in words.
    pub done: String,
}

impl fmt::Display for PeerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Reset => "reset",
            Self::SoftIn => "soft_in",
            Self::SoftOut => "soft_out",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_the_same_name_in_the_target_and_in_json() {
        for action in [
            PeerAction::Disable,
            PeerAction::Enable,
            PeerAction::Reset,
            PeerAction::SoftIn,
            PeerAction::SoftOut,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), serde_json::Value::from(action.to_string()));
        }
    }
}
