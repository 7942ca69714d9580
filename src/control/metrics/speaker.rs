//! Metrics of the speaker's turns: how long inputs wait for it.

use std::fmt;

use super::exposition::Exposition;
use super::snapshot::Snapshot;
use crate::control::turns::word;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let turns = &snapshot.turns;
    exposition.counter("margay_speaker_turns", "Turns of the speaker", turns.turns.count)?;
    exposition.counter(
        "margay_speaker_turns_long",
        "Turns of the speaker that took longer than ten milliseconds",
        turns.turns.long,
    )?;
    exposition.counter(
        "margay_speaker_turn_seconds",
        "Time that the speaker's turns took",
        turns.turns.total.as_secs_f64(),
    )?;
    exposition.counter(
        "margay_speaker_computing_seconds",
        "Processor time of the speaker's turns",
        turns.computing.total.as_secs_f64(),
    )?;
    exposition.gauge(
        "margay_speaker_turn_longest_seconds",
        "The longest turn since the counters of turns were reset",
        turns.turns.longest.as_secs_f64(),
    )?;
    exposition.counters(
        "margay_speaker_step_seconds",
        "Time that the steps of turns took, by kind",
        turns.steps().map(|(step, times)| ([("step", word(step))], times.total.as_secs_f64())),
    )
}
