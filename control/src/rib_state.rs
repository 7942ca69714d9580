//! All routing state, for debugging.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All routing state: `GET /v1/state`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RibState {
    /// A line for each item, in no fixed format: equal texts are equal states.
    pub text: String,
}
