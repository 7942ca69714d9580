//! All routing state, for debugging.

use serde::{Deserialize, Serialize};

/// All routing state: `GET /v1/state`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RibState {
    /// A line for each item, in no fixed format: equal texts are equal states.
    pub text: String,
}
