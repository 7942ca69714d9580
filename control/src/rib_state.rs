//! All routing state, for debugging.

use serde::{Deserialize, Serialize};

/// All routing state: `GET /v1/state`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RibState {
    /// A line for each thing that is known, of no fixed form: equal texts are equal states.
    pub text: String,
}
