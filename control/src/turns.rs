//! Event-loop latency of the speaker.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The turns of the speaker, the task that owns all routes: `GET /v1/turns`.
///
/// A turn is the time between two polls of its queues. Peers' sessions are independent of it, but updates and
/// answers wait for the end of a turn.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Turns {
    /// Seconds since the counters were reset: since the daemon's start, or the last `POST /v1/turns`.
    pub since_seconds: u64,
    /// Whole turns.
    pub turns: TimesTaken,
    /// The processor time of each turn; the rest of a turn was used by other programs.
    pub computing: TimesTaken,
    /// The steps of the turns, by kind.
    pub steps: Vec<StepTimes>,
}

/// The steps of one kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct StepTimes {
    /// Name of the kind.
    pub step: String,
    /// Their durations.
    pub times: TimesTaken,
}

/// Durations of one kind of operation.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct TimesTaken {
    /// Number of operations.
    pub count: u64,
    /// Number of operations that took longer than ten milliseconds.
    pub long: u64,
    /// The longest, in microseconds.
    pub longest_microseconds: u64,
    /// The sum, in microseconds.
    pub total_microseconds: u64,
}
