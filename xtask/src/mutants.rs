//! Mutants: small changes of the code that some test has to notice, by cargo-mutants.

use anyhow::Result;

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Changes the decision process, imports, logs and filters one expression at a time, or the files that are named, and runs
/// the tests of their crates for each change.
///
/// # Errors
///
/// A change was not noticed; `target/mutants.out/missed.txt` lists them.
pub(crate) fn run(workspace: &Workspace, files: &[String]) -> Result<()> {
    install(workspace)?;
    let mut mutants = workspace.cargo();
    mutants.args(["mutants", "--output", "target", "--package", "margay-rib", "--package", "margay-filter"]);
    // Each change is one build and one run of the tests: fewer histories than elsewhere, and the same ones each time.
    mutants.envs([("PROPTEST_CASES", "300"), ("PROPTEST_RNG_SEED", "1"), ("PROPTEST_MAX_SHRINK_ITERS", "0")]);
    let named = files.iter().map(String::as_str);
    let default = FILES.iter().copied().filter(|_| files.is_empty());
    named.chain(default).for_each(|file| {
        mutants.args(["--file", file]);
    });
    run_command(&mut mutants)
}

/// Installs cargo-mutants where it is missing.
fn install(workspace: &Workspace) -> Result<()> {
    let is_there = workspace.cargo().args(["mutants", "--version"]).output()?.status.success();
    if is_there {
        return Ok(());
    }
    run_command(workspace.cargo().args(["install", "--locked", "cargo-mutants"]))
}

/// Where a wrong expression would mislead routers and no type would notice.
const FILES: [&str; 4] =
    ["rib/src/decision/**", "rib/src/policy/import.rs", "rib/src/log/**", "filter/src/**"];
