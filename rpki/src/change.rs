//! What a transfer changes.

use serde::{Deserialize, Serialize};

use crate::payload::RoutePayload;

/// A change of a set of payloads. No payload is in both lists.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PayloadChange {
    /// Payloads that were not there before, in order.
    pub added: Vec<RoutePayload>,
    /// Payloads that are gone, in order.
    pub removed: Vec<RoutePayload>,
}

impl PayloadChange {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}
