//! What happens to a daemon in a round, a file for each scenario.

mod best_path;
mod full;
mod herd;
mod kernel;
mod kernel_churn;
mod kernel_ecmp;
mod kernel_stage;
mod latency;
mod operations;
mod reflection;
mod reflector_operations;
mod reflector_stage;
mod reflector_table;
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

/// Something to play with one daemon after the other, with all made ready that can be.
pub(crate) trait Scenario {
    /// Whether a daemon can play it.
    fn admits(&self, _subject: &dyn Subject) -> bool {
        true
    }

    /// Plays it with one daemon. After a phase whose time is over it goes no further.
    ///
    /// # Errors
    ///
    /// The daemon cannot be started, closes a session, or sends what is malformed. Its log is part of the text.
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>>;
}

/// A daemon's turn at a scenario.
pub(crate) struct Turn<'a> {
    /// The scenario's name.
    pub(crate) scenario: &'static str,
    /// The daemon's name in tables.
    pub(crate) name: &'a str,
    pub(crate) subject: &'a dyn Subject,
    /// How long each phase may take.
    pub(crate) timeout: Duration,
}
