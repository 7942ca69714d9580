//! How long the daemon's speaker does not look up.

use serde::{Deserialize, Serialize};

/// The turns of the speaker, the one thread that knows all routes: `GET /v1/turns`.
///
/// A turn is what it does between two looks at its queues. Peers' sessions do not depend on it, but news and answers wait
/// for the end of a turn.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Turns {
    /// Seconds since these were counted from: the daemon's start, or the last `POST /v1/turns`.
    pub since_seconds: u64,
    /// Whole turns.
    pub turns: TimesTaken,
    /// What of each turn the speaker had a processor for: the rest is what others on the machine took.
    pub computing: TimesTaken,
    /// What they were made of, each kind once.
    pub steps: Vec<StepTimes>,
}

/// The steps of one kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StepTimes {
    /// What such a step does: a word.
    pub step: String,
    /// How long they took.
    pub times: TimesTaken,
}

/// Times taken by things of one kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct TimesTaken {
    /// How many there were.
    pub count: u64,
    /// How many of them took longer than ten milliseconds.
    pub long: u64,
    /// The longest, in microseconds.
    pub longest_microseconds: u64,
    /// All together, in microseconds.
    pub total_microseconds: u64,
}
