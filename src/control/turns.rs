//! The speaker's turns in the form of the control API.

use std::time::Duration;

use margay_control::{StepTimes, Turns};

use crate::speaker::{Step, TimesTaken, TurnTimes};

/// The answer to how long turns took.
pub(super) fn turns(times: &TurnTimes) -> Turns {
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
