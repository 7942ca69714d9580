//! Options of the decision process.

use serde::{Deserialize, Serialize};

/// Changes to the steps of the decision process.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DecisionRules {
    /// Whether MULTI_EXIT_DISC is compared between paths of different neighbouring ASes, too.
    pub always_compares_med: bool,
    /// Whether the present best path stays the best if only a tie-break separates it from another external path (RFC 5004).
    pub prefers_present_best: bool,
    /// Whether external paths are compared by the BGP Identifiers of the peers.
    pub compares_identifiers: bool,
}

impl Default for DecisionRules {
    /// RFC 4271 §9.1.2.2.
    fn default() -> Self {
        Self { always_compares_med: false, prefers_present_best: false, compares_identifiers: true }
    }
}
