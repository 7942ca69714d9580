//! The speaker's turns and its whole state in the form of the control API.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use margay_control::{RibState, StepTimes, Turns};

use super::api::Api;
use super::error::{ApiError, Unanswered};
use crate::speaker::{SpeakerRequest, Step, TimesTaken, TurnTimes};

/// How long the speaker's turns took.
#[utoipa::path(get, path = "/v1/turns", responses((status = 200, body = Turns), Unanswered))]
pub(super) async fn get_turns(State(api): State<Api>) -> Result<Json<Turns>, ApiError> {
    Ok(Json(turns(&api.ask(SpeakerRequest::Turns).await?)))
}

/// How long the speaker's turns took, which are counted anew from then on.
#[utoipa::path(post, path = "/v1/turns", responses((status = 200, body = Turns), Unanswered))]
pub(super) async fn post_turns(State(api): State<Api>) -> Result<Json<Turns>, ApiError> {
    Ok(Json(turns(&api.ask(SpeakerRequest::TakeTurns).await?)))
}

/// All routing state as text, for debugging. It takes the speaker about a second for a million routes.
#[utoipa::path(get, path = "/v1/state", responses((status = 200, body = RibState), Unanswered))]
pub(super) async fn get_state(State(api): State<Api>) -> Result<Json<RibState>, ApiError> {
    Ok(Json(RibState { text: api.ask(SpeakerRequest::Dump).await? }))
}

fn turns(times: &TurnTimes) -> Turns {
    let step = |(step, times)| StepTimes { step: word(step).to_owned(), times: times_taken(times) };
    Turns {
        since_seconds: times.since.elapsed().as_secs(),
        turns: times_taken(times.turns),
        computing: times_taken(times.computing),
        steps: times.steps().map(step).collect(),
    }
}

fn times_taken(times: TimesTaken) -> margay_control::TimesTaken {
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    margay_control::TimesTaken {
        count: times.count,
        long: times.long,
        longest_microseconds: microseconds(times.longest),
        total_microseconds: microseconds(times.total),
    }
}

/// The name of a kind of step.
pub(super) fn word(step: Step) -> &'static str {
    match step {
        Step::Session => "session",
        Step::Updates => "updates",
        Step::Refresh => "refresh",
        Step::Configuration => "configuration",
        Step::Question => "request",
        Step::Kernel => "kernel",
        Step::Timers => "timers",
        Step::Work => "work",
        Step::Feeding => "advertising",
    }
}
