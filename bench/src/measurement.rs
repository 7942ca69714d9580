//! What is measured.

use serde::Serialize;

/// One phase of one round with one daemon.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) daemon: String,
    pub(crate) phase: &'static str,
    /// From the first octet or event that starts the phase until the last receiver had exactly what it must have.
    pub(crate) wall_seconds: f64,
    /// User and system time of the daemon over the phase, to within a clock tick.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident at once since the daemon's start, at the end of the phase.
    pub(crate) peak_rss_mib: f64,
}
