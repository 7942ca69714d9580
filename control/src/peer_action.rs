//! What an operator can do with a peer's session.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What to do: the query of `POST /v1/peers/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeerActionQuery {
    /// The action.
    pub action: PeerAction,
    /// What the peer is to be told about a disable or a reset (RFC 9003), up to 255 octets.
    pub message: Option<String>,
}

/// An action on a peer's session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerAction {
    /// Close the session and keep it down until it is enabled, across reloads.
    Disable,
    /// Let the session of a disabled peer come up.
    Enable,
    /// Close the session and let it come up again.
    Reset,
    /// Ask the peer for all its routes again (RFC 2918); the session stays.
    SoftIn,
    /// Advertise all routes to the peer again; the session stays.
    SoftOut,
}

/// What was done: the answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    fn an_action_reads_the_same_in_the_target_and_in_json() {
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
