//! What is measured.

use serde::Serialize;

/// One phase of one round with one daemon.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) daemon: String,
    pub(crate) phase: &'static str,
    /// From the first octet or event that starts the phase until the last receiver had exactly what it must have.
    pub(crate) wall_seconds: f64,
    /// The longest time within the wall time in which nothing came to the receiver that was complete last.
    ///
    /// It tells waiting from work: an otherwise idle BIRD 2.0.12 sleeps in poll(2) for up to three seconds while it has
    /// routes to send to a new peer, unless something else wakes it. That does not grow with the table.
    pub(crate) longest_silence_seconds: f64,
    /// User and system time of the daemon over the phase, to within a clock tick.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident at once since the daemon's start, at the end of the phase.
    pub(crate) peak_rss_mib: f64,
}
