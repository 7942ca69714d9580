//! Checks that take too long for each change.

use anyhow::Result;

use crate::package::Profile;
use crate::steps::{Steps, run_command};
use crate::workspace::Workspace;
use crate::{bench, breaks, fuzz, interop, mutants, sim, soak, supply, test};

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
    steps.run("BFD under load", || bfd_under_load(workspace));
    steps.run("fuzz", || fuzz::run(workspace, None, SECONDS_FOR_EACH_FUZZ_TARGET));
    steps.run("interoperability", || interop::run(workspace, Profile::Release, &[]));
    steps.run("ten minutes of soak", || {
        soak::run(workspace, Profile::Release, &["--minutes", "10"].map(Into::into))
    });
    steps.run("equal builds", || supply::check_reproducible(workspace));
    steps.run("dependencies", || supply::check_rules(workspace));
    steps.run("mutants", || mutants::run(workspace, &[]));
    steps.finish("nightly")
}

/// The test of BFD under load as it is to be passed: a full table for ten minutes, and a daemon as it is released.
fn bfd_under_load(workspace: &Workspace) -> Result<()> {
    run_command(workspace.cargo().args(["build", "--release", "-p", "margay", "-p", "margay-cli"]))?;
    let daemon = workspace.target_directory()?.join("release/margayd");
    let test = ["test", "-p", "margay", "--test", "e2e", "bfd_load", "--", "--nocapture"];
    let mut cargo = test::cargo_as_root(workspace)?;
    run_command(cargo.args(test).env("MARGAY_BFD_LOAD", BFD_LOAD).env("MARGAY_TEST_DAEMON", daemon))
}

/// Ten times the number for each change.
const HISTORIES: &str = "100000";

const SEEDS: &str = "10000";

/// After those that each change has to pass.
const FIRST_SEED: &str = "1000";

/// Prefixes, and ten minutes.
const BFD_LOAD: &str = "1000000 600";

const SECONDS_FOR_EACH_FUZZ_TARGET: u32 = 600;
