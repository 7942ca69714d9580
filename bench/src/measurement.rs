//! What is measured.

use serde::Serialize;

/// One phase of one round with one daemon.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) scenario: &'static str,
    pub(crate) daemon: String,
    pub(crate) phase: &'static str,
    /// From the first octet or event that starts the phase until the last receiver had exactly what it must have.
    pub(crate) wall_seconds: f64,
    /// What was wrong or missing when the time was over; the wall time is then the time that there was.
    pub(crate) incomplete: Option<String>,
    /// The longest time within the wall time in which nothing came to the receiver that was complete last.
    ///
    /// It tells waiting from work: an otherwise idle BIRD 2.0.12 sleeps in poll(2) for up to three seconds while it has
    /// routes to send to a new peer, unless something else wakes it. That does not grow with the table.
    pub(crate) longest_silence_seconds: f64,
    /// User and system time of the daemon over the phase, to within a clock tick.
    pub(crate) cpu_seconds: f64,
    /// User and system time of this program over the phase: it shares the machine with the daemon.
    pub(crate) generator_cpu_seconds: f64,
    /// The most memory that was resident at once since the daemon's start, at the end of the phase.
    pub(crate) peak_rss_mib: f64,
    /// What the daemon's resident memory grew by for each client or path of the phase, where that is measured.
    pub(crate) memory_each: Option<MemoryEach>,
    /// How long changes took to come through, where that is measured.
    pub(crate) latency: Option<Latency>,
    /// Routes sent to peers for each that had to be sent, where that is counted.
    pub(crate) sent_each: Option<f64>,
    /// How long the daemon worked on routes and heard nobody, where it tells that.
    pub(crate) longest_turn: Option<LongestTurn>,
}

/// The longest time in which a daemon heard nobody, and what of it took longest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LongestTurn {
    pub(crate) milliseconds: f64,
    /// The longest time in which it had a processor and heard nobody.
    pub(crate) computing_milliseconds: f64,
    /// The daemon's word for the longest step of all turns.
    pub(crate) step: String,
    pub(crate) step_milliseconds: f64,
}

/// Memory of one of the things of which there are many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct MemoryEach {
    /// What there are many of: a word.
    pub(crate) unit: &'static str,
    pub(crate) octets: f64,
}

/// Times from the moment a change is sent until a receiver knows of it, over all changes and receivers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) median_milliseconds: f64,
    pub(crate) p99_milliseconds: f64,
    pub(crate) max_milliseconds: f64,
}
