//! Results of measurements.

use std::time::Duration;

use serde::Serialize;

/// One phase of one round with one daemon.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) scenario: &'static str,
    pub(crate) daemon: String,
    pub(crate) phase: &'static str,
    /// From the first octet or event of the phase until the last receiver had exactly the expected routes.
    pub(crate) wall_seconds: f64,
    /// What was wrong or missing at the time limit; the wall time is then that limit.
    pub(crate) incomplete: Option<String>,
    /// Longest time within the wall time without any octet for the receiver that completed last.
    ///
    /// It distinguishes waiting from work: an otherwise idle BIRD 2.0.12 sleeps in poll(2) for up to three
    /// seconds while it has routes to send to a new peer, unless something else wakes it. That does not grow
    /// with the table.
    pub(crate) longest_silence_seconds: f64,
    /// User and system time of the daemon during the phase, to within a clock tick.
    pub(crate) cpu_seconds: f64,
    /// User and system time of this program during the phase: it shares the machine with the daemon.
    pub(crate) generator_cpu_seconds: f64,
    /// Peak resident memory since the daemon's start, at the end of the phase.
    pub(crate) peak_rss_mib: f64,
    /// Growth of the daemon's resident memory for each client or path of the phase, if measured.
    pub(crate) memory_each: Option<MemoryEach>,
    /// Latency of changes, if measured.
    pub(crate) latency: Option<Latency>,
    /// Routes sent to peers for each that had to be sent, if counted.
    pub(crate) sent_each: Option<f64>,
    /// Longest turn of the daemon, if it reports that.
    pub(crate) longest_turn: Option<LongestTurn>,
}

/// Longest time for which a daemon did not handle inputs, and its longest step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LongestTurn {
    pub(crate) milliseconds: f64,
    /// Longest time for which it had a processor and did not handle inputs.
    pub(crate) computing_milliseconds: f64,
    /// The daemon's name for the longest step of all turns.
    pub(crate) step: String,
    pub(crate) step_milliseconds: f64,
}

/// Memory of one of many things.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct MemoryEach {
    /// Name of the thing.
    pub(crate) unit: &'static str,
    pub(crate) octets: f64,
}

/// Times from sending a change until a receiver has it, over all changes and receivers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) median_milliseconds: f64,
    pub(crate) p99_milliseconds: f64,
    pub(crate) max_milliseconds: f64,
}

impl Latency {
    /// Percentiles of samples, which it sorts; `None` without any.
    pub(crate) fn of(samples: &mut [Duration]) -> Option<Self> {
        samples.sort_unstable();
        let milliseconds = |percent: usize| {
            let index = (samples.len() * percent).div_ceil(100).saturating_sub(1);
            Some(samples.get(index)?.as_secs_f64() * 1000.0)
        };
        Some(Self {
            median_milliseconds: milliseconds(50)?,
            p99_milliseconds: milliseconds(99)?,
            max_milliseconds: milliseconds(100)?,
        })
    }
}
