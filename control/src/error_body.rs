//! Why a request failed.

use serde::{Deserialize, Serialize};

/// The body of every answer whose status is not a success.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorBody {
    /// One sentence for people: what is wrong and, if known, what would be right.
    pub error: String,
}
