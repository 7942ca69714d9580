//! The scenarios, one file for each.

mod best_path;
mod crowd;
mod filters;
mod flood;
mod full;
mod herd;
mod kernel;
mod kernel_churn;
mod kernel_ecmp;
mod kernel_groups;
mod kernel_stage;
mod latency;
mod operations;
mod reflection;
mod reflector_operations;
mod reflector_stage;
mod reflector_table;
mod reloads;
mod scenario_name;
mod stage;
mod stuck_reader;
mod table_stage;
mod uplink_table;

use std::time::Duration;

use anyhow::Result;

pub(crate) use scenario_name::{ScenarioName, Sizes};

use crate::measurement::Measurement;
use crate::subject::Subject;

/// A scenario that can be run with one daemon after another, with everything prepared.
pub(crate) trait Scenario {
    /// Whether a daemon supports it.
    fn admits(&self, _subject: &dyn Subject) -> bool {
        true
    }

    /// Runs it with one daemon, up to the first phase that exceeds its time limit.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started, closes a session, or sends malformed messages. The error includes its
    /// log.
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>>;
}

/// A daemon's turn at a scenario.
pub(crate) struct Turn<'a> {
    /// The scenario's name.
    pub(crate) scenario: &'static str,
    /// The daemon's name in tables.
    pub(crate) name: &'a str,
    pub(crate) subject: &'a dyn Subject,
    /// Time limit of each phase.
    pub(crate) timeout: Duration,
}
