//! Why a request failed.

use serde::{Deserialize, Serialize};

/// The body of every answer whose status is not a success.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorBody {
    /// One sentence for a person: what is wrong and, where known, what would be right.
    pub error: String,
}
