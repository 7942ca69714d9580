//! Why a request failed, as a problem document (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer whose status is not a success.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// The type of the problem: `about:blank`, as the status says it.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// The status in words, such as `Not Found`.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for people: what is wrong and, if known, what would be right.
    pub detail: String,
}

impl Problem {
    /// The type of its body.
    pub const MEDIA_TYPE: &str = "application/problem+json";

    /// A problem of which the status says the type.
    #[must_use]
    pub fn new(status: u16, title: &str, detail: String) -> Self {
        Self { problem_type: "about:blank".to_owned(), title: title.to_owned(), status, detail }
    }
}
