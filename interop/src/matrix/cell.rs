//! One cell: a scenario with a subject and a peer.

use std::time::Duration;

use crate::daemon::Kind;
use crate::scenarios::Scenario;

/// A scenario with a subject and a peer, and what came of it.
pub(crate) struct Cell {
    pub(crate) scenario: &'static Scenario,
    pub(crate) peer: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// What came of a cell.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Passed,
    /// With the reason.
    NotApplicable(&'static str),
    /// With the error, and an explanation if the cell is known to fail.
    Failed {
        error: String,
        explanation: Option<&'static str>,
    },
    /// It is listed as failing, and passed.
    PassedUnexpectedly,
}

impl Cell {
    /// Whether it is as it should be.
    pub(crate) fn is_expected(&self) -> bool {
        match &self.outcome {
            Outcome::Passed | Outcome::NotApplicable(_) => true,
            Outcome::Failed { explanation, .. } => explanation.is_some(),
            Outcome::PassedUnexpectedly => false,
        }
    }
}
