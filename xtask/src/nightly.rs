//! Checks that take too long for each change.

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{bench, breaks, fuzz, mutants, sim};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    steps.run("breaks", || breaks::run(workspace, &[]));
    let histories = ["test", "-p", "margay-rib", "--test", "export", "any_history"];
    steps.command("histories", workspace.cargo().args(histories).env("PROPTEST_CASES", HISTORIES));
    steps.run("simulation", || {
        sim::run(workspace, &["--seeds", SEEDS, "--first", FIRST_SEED].map(Into::into))
    });
    steps.run("stuck reader", || {
        bench::run(
            workspace,
            &["stuck-reader", "--daemon", "margay", "--rounds", "1", "--patience", "600"].map(Into::into),
        )
    });
    steps.run("fuzz", || fuzz::run(workspace, None, SECONDS_FOR_EACH_FUZZ_TARGET));
    steps.run("mutants", || mutants::run(workspace, &[]));
    steps.finish("nightly")
}

/// Ten times the number for each change.
const HISTORIES: &str = "100000";

const SEEDS: &str = "10000";

/// After those that each change has to pass.
const FIRST_SEED: &str = "1000";

const SECONDS_FOR_EACH_FUZZ_TARGET: u32 = 600;
