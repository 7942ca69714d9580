//! Error answers.

use std::collections::BTreeMap;
use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use margay_control::Problem;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

/// A status and a sentence for people.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    text: String,
}

impl ApiError {
    /// The request is malformed.
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// There is no such object.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, text: text.into() }
    }

    /// The path has no such method.
    pub(super) fn method_not_allowed(text: impl Into<String>) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, text: text.into() }
    }

    /// The state of the object does not allow this.
    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, text: text.into() }
    }

    /// The client must not ask.
    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, text: text.into() }
    }

    /// The request lacks the token.
    pub(super) fn unauthorized(text: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, text: text.into() }
    }

    /// The request cannot be answered now.
    pub(super) fn unavailable(text: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, text: text.into() }
    }

    /// What cannot happen has happened.
    pub(super) fn bug(place: &str) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, text: format!("bug in {place}") }
    }

    /// The task that would answer has ended.
    pub(super) fn stopping() -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, text: "margayd is stopping".to_owned() }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let problem = Problem::new(self.status.as_u16(), title, self.text);
        (self.status, [(CONTENT_TYPE, Problem::MEDIA_TYPE)], Json(problem)).into_response()
    }
}

/// For the OpenAPI document: the request is not valid.
pub(super) enum BadRequest {}

/// For the OpenAPI document: there is no such object.
pub(super) enum NotFound {}

/// For the OpenAPI document: the state of an object does not allow this.
pub(super) enum Conflict {}

/// For the OpenAPI document: the client must not ask, or nobody can answer now.
pub(super) enum Unanswered {}

/// Answers by their statuses.
type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

impl IntoResponses for BadRequest {
    fn responses() -> Responses {
        problems([(StatusCode::BAD_REQUEST, "The request is not valid.")])
    }
}

impl IntoResponses for NotFound {
    fn responses() -> Responses {
        problems([(StatusCode::NOT_FOUND, "There is no such object.")])
    }
}

impl IntoResponses for Conflict {
    fn responses() -> Responses {
        problems([(StatusCode::CONFLICT, "The state of the object does not allow this.")])
    }
}

impl IntoResponses for Unanswered {
    fn responses() -> Responses {
        problems([
            (StatusCode::UNAUTHORIZED, "The request lacks the token that is asked for over TCP."),
            (StatusCode::FORBIDDEN, "The client's address is not on the allow list over TCP."),
            (StatusCode::INTERNAL_SERVER_ERROR, "A bug."),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "It cannot be answered now: the daemon is stopping, for instance.",
            ),
        ])
    }
}

/// Answers that are problem documents.
fn problems<const N: usize>(problems: [(StatusCode, &str); N]) -> Responses {
    let response = |(status, description): (StatusCode, &str)| {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response =
            ResponseBuilder::new().description(description).content(Problem::MEDIA_TYPE, content).build();
        (status.as_str().to_owned(), RefOr::T(response))
    };
    problems.into_iter().map(response).collect()
}
