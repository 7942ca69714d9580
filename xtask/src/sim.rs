//! Simulations: many daemons in one thread under virtual time, with faults from seeds.

use std::ffi::OsString;

use anyhow::Result;

use crate::steps::{Steps, run_command};
use crate::workspace::Workspace;

/// Runs the simulation with some arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    run_command(workspace.cargo().args(["run", "--quiet", "-p", "margay-sim", "--"]).args(arguments))
}

/// As many seeds as every change has to pass. Assertions and overflow checks are on.
pub(crate) fn add_seeds(workspace: &Workspace, steps: &mut Steps) {
    steps.run("simulation", || run(workspace, &["--seeds", "1000"].map(Into::into)));
}
